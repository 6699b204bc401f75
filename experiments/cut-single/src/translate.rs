//! Files through a generator: decoding, the network and encoding work at the same time.

use crate::networks::Generator;
use anyhow::{Context, Result, anyhow, bail, ensure};
use image::RgbImage;
use ndarray::{Array3, Axis, stack};
use semrel_data::image_io::{Quantise, is_image, list_images, write_image};
use semrel_data::read_translation_input;
use semrel_data::{DataError, Loader};
use semrel_metrics::extractor::to_images;
use semrel_nn::Net;
use semrel_train::batches::tensor;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use tch::{Tensor, no_grad};

/// A file and the picture that is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What is read.
    pub input: PathBuf,
    /// What is written (PNG).
    pub output: PathBuf,
}

/// What becomes of each picture on its way.
#[derive(Debug, Clone, Copy)]
pub struct TranslateOptions {
    /// Width and height that inputs are resized to; their own size where absent (to multiples of 4).
    pub size: Option<(u32, u32)>,
    /// Pictures a batch; those of different sizes are not mixed.
    pub batch: usize,
}

/// The jobs of translating `input`, a picture or a folder of pictures at any depth, into the folder `out`; beside the input,
/// as `<stem>_translated.png`, where absent.
///
/// # Errors
/// Where there is nothing to translate, where an output would be an input, and where two inputs would share an output.
pub fn jobs(input: &Path, out: Option<&Path>) -> Result<Vec<Job>> {
    let (files, root) = if input.is_dir() {
        let files = list_images(input)?;
        ensure!(!files.is_empty(), "{}: holds no picture", input.display());
        (files, input)
    } else {
        ensure!(input.exists(), "{}: no such file or folder", input.display());
        ensure!(is_image(input), "{}: not a picture by its name; expected jpg, png, bmp, ppm or tif", input.display());
        (vec![input.to_owned()], input.parent().unwrap_or(Path::new("")))
    };
    if let Some(out) = out {
        ensure!(!out.is_file(), "{}: a file; the output is a folder", out.display());
        let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        ensure!(
            !same(out, root),
            "{}: the output folder is the input folder, whose pictures would be replaced; choose another",
            out.display()
        );
    }
    let mut taken: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    let mut jobs = vec![];
    for file in files {
        let output = match out {
            Some(out) => out.join(file.strip_prefix(root).unwrap_or(&file)).with_extension("png"),
            None => {
                let stem = file
                    .file_stem()
                    .and_then(OsStr::to_str)
                    .ok_or_else(|| anyhow!("{}: its name is no text", file.display()))?;
                if stem.ends_with("_translated") {
                    continue;
                }
                file.with_file_name(format!("{stem}_translated.png"))
            }
        };
        if let Some(other) = taken.insert(output.clone(), file.clone()) {
            bail!("{} and {} would both become {}; rename one", other.display(), file.display(), output.display());
        }
        jobs.push(Job { input: file, output });
    }
    Ok(jobs)
}

/// Translates files. `progress` is told how many are done and says whether to go on; returns how many were written.
///
/// # Errors
/// The first file that cannot be read or written; those before it are written.
pub fn translate(
    generator: &Net<Generator>,
    jobs: &[Job],
    options: TranslateOptions,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<usize> {
    let batch = options.batch.max(1);
    let chunks: Vec<Vec<PathBuf>> =
        jobs.chunks(batch).map(|jobs| jobs.iter().map(|job| job.input.clone()).collect()).collect();
    let (count, size) = (chunks.len(), options.size);
    let read = move |step: u64| -> Result<Vec<Array3<f32>>, DataError> {
        let files = chunks.get(step as usize).map_or(&[][..], Vec::as_slice);
        files.iter().map(|file| read_translation_input(file, size)).collect()
    };
    let mut inputs = Loader::spawn(read, 0, 2, 1)?;
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(2);
        let writer = scope.spawn(move || write_all(receiver));
        let mut done = 0;
        for (jobs, _) in jobs.chunks(batch).zip(0..count) {
            let images = inputs.next().expect("the loader has no end")?;
            let outputs = no_grad(|| run(generator, &images))?;
            let written = jobs.iter().map(|job| job.output.clone()).zip(outputs).collect();
            if sender.send(written).is_err() {
                break;
            }
            done += jobs.len();
            if !progress(done) {
                break;
            }
        }
        drop(sender);
        writer.join().expect("writing does not panic")?;
        Ok(done)
    })
}

/// Pictures of any sizes, those of one size that follow each other as one batch.
fn run(generator: &Net<Generator>, images: &[Array3<f32>]) -> Result<Vec<RgbImage>> {
    let mut outputs = vec![];
    for same in images.chunk_by(|a, b| a.dim() == b.dim()) {
        let views: Vec<_> = same.iter().map(|image| image.view()).collect();
        let (_, height, width) = same[0].dim();
        generator
            .tap_shapes(height as i64, width as i64, &[])
            .with_context(|| format!("a picture of {width} x {height}"))?;
        let batch = stack(Axis(0), &views)?;
        outputs.extend(translated(generator, &tensor(&batch, generator.device()))?);
    }
    Ok(outputs)
}

/// The generator's outputs for `[B, 3, H, W]` as 8-bit pictures, truncated as published.
///
/// # Errors
/// None for images of at least one pixel.
pub fn translated(generator: &Net<Generator>, images: &Tensor) -> Result<Vec<RgbImage>> {
    Ok(to_images(&generator.forward(images), Quantise::Truncate)?)
}

fn write_all(receiver: Receiver<Vec<(PathBuf, RgbImage)>>) -> Result<(), DataError> {
    for (path, image) in receiver.into_iter().flatten() {
        write_image(&path, &image)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        dir
    }

    #[test]
    fn outputs_keep_the_layout_of_the_input() {
        let dir = folder(&["in/a.jpg", "in/deep/b.png", "in/note.txt"]);
        let (input, out) = (dir.path().join("in"), dir.path().join("out"));
        let outputs: Vec<PathBuf> = jobs(&input, Some(&out)).unwrap().into_iter().map(|job| job.output).collect();
        assert_eq!(outputs, [out.join("a.png"), out.join("deep/b.png")]);
        let beside = jobs(&input.join("a.jpg"), None).unwrap();
        assert_eq!(beside[0].output, input.join("a_translated.png"));
    }

    #[test]
    fn inputs_are_never_replaced() {
        let dir = folder(&["in/a.jpg", "in/a.png", "other/x.jpg", "in/text.txt"]);
        let input = dir.path().join("in");
        let refused = |input: &Path, out: Option<&Path>| jobs(input, out).unwrap_err().to_string();
        assert!(
            refused(&dir.path().join("other"), Some(&dir.path().join("other/../other")))
                .contains("is the input folder")
        );
        assert!(refused(&input, Some(&dir.path().join("out"))).contains("would both become"));
        assert!(refused(&input.join("text.txt"), None).contains("not a picture"));
        assert!(refused(&dir.path().join("gone"), None).contains("no such file"));
        assert!(refused(&dir.path().join("other"), Some(&input.join("a.jpg"))).contains("the output is a folder"));
    }
}
