//! Which pictures are translated, what becomes of them, and what is refused.

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
    // A translation is translated where it is named, and not where it lies among others.
    let translated = folder(&["a_translated.png"]);
    let again = jobs(&translated.path().join("a_translated.png"), None).unwrap();
    assert_eq!(again[0].output, translated.path().join("a_translated_translated.png"));
    let said = jobs(translated.path(), None).unwrap_err().to_string();
    assert!(said.contains("taken for translations"), "{said}");
}

#[test]
fn outputs_are_named_after_the_whole_name() {
    let names = |files: &[&str]| output_names(&files.iter().map(PathBuf::from).collect::<Vec<_>>(), Path::new("in"));
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
    // A number that no style has belongs to the name.
    for name in ["a_2024.png", "a_001.png"] {
        fs::write(dir.path().join("out").join(name), "").unwrap();
        let said = jobs(dir.path(), Some(&dir.path().join("out"))).unwrap_err().to_string();
        assert!(said.contains(name) && said.contains("not a translation of another"), "{said}");
        fs::remove_file(dir.path().join("out").join(name)).unwrap();
    }
    // A folder around the input hides nothing of it.
    assert_eq!(jobs(&dir.path().join("b"), Some(dir.path())).unwrap().len(), 1);
    // What no call made stays an input, or is refused.
    fs::write(dir.path().join("out/mine.png"), "").unwrap();
    let said = jobs(dir.path(), Some(&dir.path().join("out"))).unwrap_err().to_string();
    assert!(said.contains("mine.png") && said.contains("not a translation of another"), "{said}");
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
        refused(&dir.path().join("other"), Some(&dir.path().join("other/../other"))).contains("is the input folder")
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
    let copy = |_: &[Job], images: &[Array3<f32>]| -> Result<Vec<RgbImage>, Failed> {
        Ok(images.iter().map(|image| crate::translation_output(image.view())).collect())
    };
    let mut counted = |jobs: &[Job], images: &[Array3<f32>]| {
        batches.push(images.len());
        copy(jobs, images)
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
    let mut fail = |_: &[Job], _: &[Array3<f32>]| Err(Failed("of its own".into()));
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
