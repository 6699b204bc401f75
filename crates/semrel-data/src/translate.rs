//! Files through a generator: decoding, the network and encoding work at the same time.

use crate::image_io::{is_image, list_images, write_image};
use crate::{DataError, Loader, LoaderError, read_translation_input};
use image::RgbImage;
use ndarray::Array3;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

/// A file and the picture that is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What is read.
    pub input: PathBuf,
    /// What is written (PNG).
    pub output: PathBuf,
}

/// Name of the picture that is made of `file`: its path within `root`, as PNG.
pub fn output_name(file: &Path, root: &Path) -> PathBuf {
    let within = file.strip_prefix(root).ok().or_else(|| file.file_name().map(Path::new)).unwrap_or(file);
    within.with_extension("png")
}

/// Names ([`output_name`]) of the pictures that are made of files of `root`.
///
/// # Errors
/// [`DataError::Job`] where two would share one.
pub fn output_names(files: &[PathBuf], root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut taken: BTreeMap<PathBuf, &PathBuf> = BTreeMap::new();
    let mut names = vec![];
    for file in files {
        let name = output_name(file, root);
        if let Some(other) = taken.insert(name.clone(), file) {
            return Err(shared(other, file, &name));
        }
        names.push(name);
    }
    Ok(names)
}

fn wrong(path: &Path, why: &str) -> DataError {
    DataError::Job { path: path.to_owned(), why: why.to_owned() }
}

fn shared(one: &Path, other: &Path, output: &Path) -> DataError {
    let why = format!("this and {} would both become {}; rename one", other.display(), output.display());
    DataError::Job { path: one.to_owned(), why }
}

/// What becomes of each picture on its way.
#[derive(Debug, Clone, Copy)]
pub struct TranslateOptions {
    /// Width and height that inputs are resized to; `None` for their own size, rounded to multiples of 4.
    pub size: Option<(u32, u32)>,
    /// Pictures per batch.
    pub batch: usize,
}

/// The jobs of translating `input`, a picture or a folder of pictures at any depth, into the folder `out`; beside the
/// input, as `<stem>_translated.png`, if that is `None`.
/// Pictures that an earlier call left in an output folder among the inputs are no inputs.
///
/// # Errors
/// [`DataError::Job`] where there is nothing to translate, where an output would be an input, and where two inputs would
/// share an output.
pub fn jobs(input: &Path, out: Option<&Path>) -> Result<Vec<Job>, DataError> {
    let (mut files, root) = if input.is_dir() {
        let files = list_images(input)?;
        if files.is_empty() {
            return Err(wrong(input, "holds no picture"));
        }
        (files, input)
    } else {
        if !input.exists() {
            return Err(wrong(input, "no such file or folder"));
        }
        if !input.is_file() {
            return Err(wrong(input, "not a file"));
        }
        if !is_image(input) {
            return Err(wrong(input, "not a picture by its name; expected jpg, png, bmp, ppm or tif"));
        }
        (vec![input.to_owned()], input.parent().unwrap_or(Path::new("")))
    };
    if let Some(out) = out {
        if out.is_file() {
            return Err(wrong(out, "a file; the output is a folder"));
        }
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        if let (Ok(resolved), Ok(input)) = (out.canonicalize(), root.canonicalize()) {
            if resolved == input {
                let why = "the output folder is the input folder, whose pictures would be replaced; choose another";
                return Err(wrong(out, why));
            }
            if resolved.starts_with(&input) {
                leave_translations_out(&mut files, root, &resolved)?;
            }
        }
    }
    // Beside the inputs, names of translations tell them apart.
    let real = |file: &Path| file.canonicalize().ok();
    let inputs: BTreeMap<PathBuf, PathBuf> =
        files.iter().filter(|_| out.is_some()).filter_map(|file| Some((real(file)?, file.clone()))).collect();
    let mut taken: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    let mut jobs = vec![];
    for file in files {
        let output = match out {
            Some(out) => out.join(output_name(&file, root)),
            None => {
                let stem =
                    file.file_stem().and_then(OsStr::to_str).ok_or_else(|| wrong(&file, "its name is no text"))?;
                if is_translation(stem) {
                    continue;
                }
                file.with_file_name(format!("{stem}_translated.png"))
            }
        };
        if let Some(input) = real(&output).and_then(|output| inputs.get(&output)) {
            return Err(wrong(
                input,
                "the translation of another picture would replace this input; choose another output folder",
            ));
        }
        if let Some(other) = taken.insert(output.clone(), file.clone()) {
            return Err(shared(&other, &file, &output));
        }
        jobs.push(Job { input: file, output });
    }
    Ok(jobs)
}

/// Leaves out of the inputs below `root` the pictures in the folder `out`, a resolved path, that an earlier call made of the others.
fn leave_translations_out(files: &mut Vec<PathBuf>, root: &Path, out: &Path) -> Result<(), DataError> {
    let within = |file: &PathBuf| file.canonicalize().is_ok_and(|file| file.starts_with(out));
    let (made, inputs): (Vec<PathBuf>, Vec<PathBuf>) = files.drain(..).partition(within);
    if inputs.is_empty() {
        return Err(wrong(root, "holds no picture but those in the output folder"));
    }
    // `out` is resolved; what is in it is so but for links, which no call makes.
    let outputs: BTreeSet<PathBuf> = inputs.iter().map(|file| out.join(output_name(file, root))).collect();
    let one_of_several = |file: &Path| {
        let stem = file.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        file.with_file_name(format!("{}.png", without_number(stem)))
    };
    let is_made = |file: PathBuf| outputs.contains(&file) || outputs.contains(&one_of_several(&file));
    let other = |file: &&PathBuf| !file.canonicalize().is_ok_and(is_made);
    if let Some(file) = made.iter().find(other) {
        return Err(wrong(
            file,
            "an input in the output folder, and no translation of another; choose another output folder",
        ));
    }
    *files = inputs;
    Ok(())
}

/// Whether a name without its ending is that of a translation beside its input: `…_translated`, or `…_translated_3` of several.
fn is_translation(stem: &str) -> bool {
    without_number(stem).ends_with("_translated") || stem.ends_with("_translated")
}

/// A name without the `_3` of the third translation, where it has one.
fn without_number(stem: &str) -> &str {
    match stem.rsplit_once('_') {
        Some((before, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => before,
        _ => stem,
    }
}

/// Makes 8-bit pictures of a batch of inputs.
pub type Run<'a, E> = dyn FnMut(&[Array3<f32>]) -> Result<Vec<RgbImage>, E> + 'a;

/// Translates files: `run` makes pictures of a batch of inputs [3, H, W] in [−1, 1]
/// ([`translation_input`](crate::translation_input)), which may differ in size. `progress` receives how many are done
/// and says whether to continue; returns how many were written.
///
/// # Errors
/// The first file that cannot be read or written, and what `run` returns; files before it are written.
pub fn translate<E>(
    jobs: &[Job],
    options: TranslateOptions,
    run: &mut Run<E>,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<usize, E>
where
    E: From<DataError> + From<LoaderError<DataError>>,
{
    let read = move |file: &Path| read_translation_input(file, options.size);
    translate_with(jobs, options.batch, read, &|job| vec![job.output.clone()], run, progress)
}

/// As [`translate`], of inputs that `read` makes of files, into the pictures that `outputs` names for each: `run` gives those
/// of an input one after the other.
///
/// # Errors
/// As [`translate`].
pub fn translate_with<E>(
    jobs: &[Job],
    batch: usize,
    read: impl Fn(&Path) -> Result<Array3<f32>, DataError> + Send + Sync + 'static,
    outputs: &dyn Fn(&Job) -> Vec<PathBuf>,
    run: &mut Run<E>,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<usize, E>
where
    E: From<DataError> + From<LoaderError<DataError>>,
{
    let batch = batch.max(1);
    let chunks: Vec<Vec<PathBuf>> =
        jobs.chunks(batch).map(|jobs| jobs.iter().map(|job| job.input.clone()).collect()).collect();
    let count = chunks.len();
    let read_all = move |step: u64| -> Result<Vec<Array3<f32>>, DataError> {
        let files = chunks.get(step as usize).map_or(&[][..], Vec::as_slice);
        files.iter().map(|file| read(file)).collect()
    };
    let mut inputs = Loader::spawn(read_all, 0, 2, 1).map_err(DataError::Thread)?;
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(2);
        let writer = scope.spawn(move || write_all(receiver));
        let mut done = 0;
        for (jobs, _) in jobs.chunks(batch).zip(0..count) {
            let images = inputs.next().expect("the loader has no end")?;
            let written = jobs.iter().flat_map(outputs).zip(run(&images)?).collect();
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

fn write_all(receiver: Receiver<Vec<(PathBuf, RgbImage)>>) -> Result<(), DataError> {
    for (path, image) in receiver.into_iter().flatten() {
        write_image(&path, &image)?;
    }
    Ok(())
}

/// Refuses translations that would replace a picture whose style they take, as `--reference` names it.
///
/// # Errors
/// Names the first of these.
pub fn check_references(outputs: impl IntoIterator<Item = PathBuf>, references: &[PathBuf]) -> Result<(), DataError> {
    let references: Vec<PathBuf> = references.iter().filter_map(|file| file.canonicalize().ok()).collect();
    let replaced = |output: &PathBuf| output.canonicalize().is_ok_and(|output| references.contains(&output));
    match outputs.into_iter().find(replaced) {
        None => Ok(()),
        Some(output) => Err(DataError::Setting(format!(
            "{}: a translation would replace this picture, whose style --reference takes; choose another output folder",
            output.display()
        ))),
    }
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
        assert!(is_translation("a_translated") && is_translation("a_translated_12") && !is_translation("a_3"));
        let beside = jobs(&input.join("a.jpg"), None).unwrap();
        assert_eq!(beside[0].output, input.join("a_translated.png"));
    }

    #[test]
    fn outputs_are_named_after_the_whole_name() {
        let names =
            |files: &[&str]| output_names(&files.iter().map(PathBuf::from).collect::<Vec<_>>(), Path::new("in"));
        let paths = ["in/IMG.001.jpg", "in/IMG.002.jpg", "in/x/1.png", "in/y/1.png", "elsewhere/2.bmp"];
        let expected = ["IMG.001.png", "IMG.002.png", "x/1.png", "y/1.png", "2.png"];
        assert_eq!(names(&paths).unwrap(), expected.map(PathBuf::from));
        let text = names(&["in/a.jpg", "in/a.png"]).unwrap_err().to_string();
        assert!(text.contains("in/a.jpg") && text.contains("in/a.png would both become a.png"), "{text}");
    }

    #[test]
    fn translations_of_an_earlier_call_are_no_inputs() {
        let dir = folder(&["a.jpg", "b/c.png", "out/a.png", "out/b/c.png"]);
        let inputs = |out: &Path| -> Vec<PathBuf> {
            jobs(dir.path(), Some(out)).unwrap().into_iter().map(|job| job.input).collect()
        };
        assert_eq!(inputs(&dir.path().join("out")), [dir.path().join("a.jpg"), dir.path().join("b/c.png")]);
        // Those in several styles are none, either.
        fs::write(dir.path().join("out/a_2.png"), "").unwrap();
        assert_eq!(inputs(&dir.path().join("out")).len(), 2);
        // A folder around the input hides nothing of it.
        assert_eq!(jobs(&dir.path().join("b"), Some(dir.path())).unwrap().len(), 1);
        // What no call made stays an input, or is refused.
        fs::write(dir.path().join("out/mine.png"), "").unwrap();
        let said = jobs(dir.path(), Some(&dir.path().join("out"))).unwrap_err().to_string();
        assert!(said.contains("mine.png") && said.contains("no translation of another"), "{said}");
        let said = jobs(&dir.path().join("b"), Some(&dir.path().join("b/."))).unwrap_err().to_string();
        assert!(said.contains("the output folder is the input folder"), "{said}");
    }

    #[test]
    fn translations_do_not_replace_other_inputs() {
        let dir = folder(&["b/x.png", "b/b/x.png"]);
        let said = jobs(&dir.path().join("b"), Some(dir.path())).unwrap_err().to_string();
        assert!(said.contains("would replace this input"), "{said}");
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

    #[test]
    fn pictures_of_any_size_go_through_and_progress_can_stop() {
        let dir = folder(&[]);
        for (i, size) in [(12u32, 8u32), (16, 8), (8, 8), (8, 8), (8, 8)].iter().enumerate() {
            RgbImage::from_pixel(size.0, size.1, image::Rgb([40 * i as u8, 9, 200]))
                .save(dir.path().join(format!("{i}.png")))
                .unwrap();
        }
        let out = dir.path().join("out");
        let all = jobs(dir.path(), Some(&out)).unwrap();
        let options = TranslateOptions { size: None, batch: 2 };
        let mut batches = vec![];
        let copy = |images: &[Array3<f32>]| -> Result<Vec<RgbImage>, Failed> {
            Ok(images.iter().map(|image| crate::translation_output(image.view())).collect())
        };
        let mut counted = |images: &[Array3<f32>]| {
            batches.push(images.len());
            copy(images)
        };
        let mut told = vec![];
        let progress = &mut |done| {
            told.push(done);
            done < 4
        };
        assert_eq!(translate(&all, options, &mut counted, progress).unwrap(), 4);
        assert_eq!((told, batches), (vec![2, 4], vec![2, 2]));
        assert!(!out.join("4.png").exists());
        for job in &all[..4] {
            let (read, written) = (image::open(&job.input).unwrap(), image::open(&job.output).unwrap());
            let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 1;
            assert!(read.to_rgb8().iter().zip(written.to_rgb8().iter()).all(near), "{}", job.output.display());
        }

        fs::write(&all[1].input, b"no picture").unwrap();
        let Failed(text) = translate(&all, options, &mut copy.clone(), &mut |_| true).unwrap_err();
        assert!(text.contains("1.png"), "{text}");
        fs::remove_file(&all[1].input).unwrap();
        let mut fail = |_: &[Array3<f32>]| Err(Failed("of its own".into()));
        let Failed(text) = translate(&all[2..], options, &mut fail, &mut |_| true).unwrap_err();
        assert_eq!(text, "of its own");
    }

    #[derive(Debug)]
    struct Failed(String);

    impl From<DataError> for Failed {
        fn from(error: DataError) -> Self {
            Self(error.to_string())
        }
    }

    impl From<LoaderError<DataError>> for Failed {
        fn from(error: LoaderError<DataError>) -> Self {
            Self(std::error::Error::source(&error).map_or_else(String::new, ToString::to_string))
        }
    }
}
