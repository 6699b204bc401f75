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

/// Most styles in which a call translates a picture.
pub const MOST_STYLES: u32 = 1000;

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
/// Pictures that an earlier call left in an output folder among the inputs are not inputs.
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
                let stem = file
                    .file_stem()
                    .and_then(OsStr::to_str)
                    .ok_or_else(|| wrong(&file, "its name is not valid Unicode"))?;
                // A picture that was named alone is one to translate, whatever its name.
                if input.is_dir() && is_translation(stem) {
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
    if jobs.is_empty() {
        return Err(wrong(
            input,
            "holds only pictures whose names end in `_translated`, which are taken for translations",
        ));
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
            "an input in the output folder, and not a translation of another; choose another output folder",
        ));
    }
    *files = inputs;
    Ok(())
}

/// Whether a name without its ending is that of a translation beside its input: `…_translated`, or `…_translated_3` of several.
fn is_translation(stem: &str) -> bool {
    without_number(stem).ends_with("_translated") || stem.ends_with("_translated")
}

/// A name without the `_3` of the third translation, where it has one. Other numbers, `_2024` or `_001`, are part of a name.
fn without_number(stem: &str) -> &str {
    let is_style =
        |number: &str| number.parse().is_ok_and(|n: u32| (1..=MOST_STYLES).contains(&n) && n.to_string() == number);
    match stem.rsplit_once('_') {
        Some((before, number)) if is_style(number) => before,
        _ => stem,
    }
}

/// Makes 8-bit pictures of a batch of inputs, and of the jobs that they are of, for errors to name ([`named`]).
pub type Run<'a, E> = dyn FnMut(&[Job], &[Array3<f32>]) -> Result<Vec<RgbImage>, E> + 'a;

/// The inputs of a batch, as an error names them.
pub fn named(jobs: &[Job]) -> String {
    match jobs {
        [] => "no picture".to_owned(),
        [job] => job.input.display().to_string(),
        [job, _] => format!("{} or the picture after it", job.input.display()),
        [job, others @ ..] => format!("{} or one of the {} pictures after it", job.input.display(), others.len()),
    }
}

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
            let written = jobs.iter().flat_map(outputs).zip(run(jobs, &images)?).collect();
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
#[path = "translate_tests.rs"]
mod tests;
