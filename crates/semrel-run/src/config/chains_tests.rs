use super::{Checked, ConfigError, InvalidValue, Validate, sources};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    name: String,
    loss: Loss,
    layers: Vec<u32>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Loss {
    src: f64,
    dce: f64,
    steps: u32,
}

impl Validate for Config {
    const RENAMED: &'static [(&'static str, &'static str)] = &[("loss.lambda", "loss.src"), ("taps", "layers")];

    fn validate(&self) -> Result<(), InvalidValue> {
        match self.loss.src < 0.0 {
            true => Err(InvalidValue::new("loss.src", self.loss.src, "it must not be negative")),
            false => Ok(()),
        }
    }
}

/// A folder of configurations.
struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| place.write(name, text));
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn load(&self, files: &[&str], overrides: &[&str]) -> Result<Checked<Config>, ConfigError> {
        let files: Vec<PathBuf> = files.iter().map(|file| self.0.path().join(file)).collect();
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        Checked::load(&files, &overrides)
    }

    fn error(&self, files: &[&str], overrides: &[&str]) -> String {
        let folder = format!("{}/", self.0.path().display());
        self.load(files, overrides).unwrap_err().to_string().replace(&folder, "")
    }
}

#[test]
fn a_list_is_merged_from_left_to_right_and_the_file_over_it() {
    let place = Place::new(&[
        ("base.yaml", "name: base\nloss: {src: 1, dce: 1, steps: 1}\nlayers: [1, 2]"),
        ("methods/ours.yaml", "loss: {src: 2, dce: 2}\nlayers: [3]"),
        ("sets/street.yaml", "loss: {dce: 3}"),
        ("row.yaml", "extends: [base.yaml, methods/ours.yaml, sets/street.yaml]\nname: row"),
    ]);
    let row = place.load(&["row.yaml"], &[]).unwrap();
    assert_eq!(row.loss, Loss { src: 2.0, dce: 3.0, steps: 1 });
    assert_eq!((row.name.as_str(), row.layers.as_slice()), ("row", &[3][..]));
    // Files that are named are merged alike.
    let files = ["base.yaml", "methods/ours.yaml", "sets/street.yaml"];
    let named = place.load(&files, &["name=row"]).unwrap();
    assert_eq!(row, named);
    let backwards = place.load(&["sets/street.yaml", "methods/ours.yaml", "base.yaml"], &[]).unwrap();
    assert_eq!(backwards.loss.dce, 1.0);
}

#[test]
fn a_file_that_is_reached_by_two_ways_is_merged_once() {
    let place = Place::new(&[
        ("base.yaml", "loss: {src: 1, dce: 1}"),
        ("a/left.yaml", "extends: ../base.yaml\nloss: {src: 2}"),
        ("b/right.yaml", "extends: [../a/../base.yaml]\nloss: {dce: 3}"),
        ("row.yaml", "extends: [a/left.yaml, b/right.yaml, base.yaml]"),
    ]);
    // Merging it again before `right` or after it would take `left` back.
    assert_eq!(place.load(&["row.yaml"], &[]).unwrap().loss, Loss { src: 2.0, dce: 3.0, steps: 0 });
    assert_eq!(place.load(&["row.yaml", "base.yaml"], &[]).unwrap().loss.src, 2.0);
    let sources = sources(&[place.0.path().join("row.yaml")]).unwrap();
    let names: Vec<_> = sources.iter().map(|source| source.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["base.yaml", "left.yaml", "right.yaml", "row.yaml"]);
    assert!(sources[1].text.ends_with("loss: {src: 2}"));
}

#[test]
fn circles_missing_files_and_wrong_types_are_named_with_their_key() {
    let place = Place::new(&[("base.yaml", "name: a"), ("row.yaml", "extends: [base.yaml, gone.yaml]")]);
    let text = place.error(&["row.yaml"], &[]);
    assert!(text.starts_with("row.yaml: key `extends.1`: gone.yaml: cannot read the configuration: "), "{text}");
    place.write("row.yaml", "extends: sets");
    fs::create_dir(place.0.path().join("sets")).unwrap();
    let text = place.error(&["row.yaml"], &[]);
    assert!(text.starts_with("row.yaml: key `extends`: sets: cannot read the configuration: "), "{text}");
    for (written, said) in [
        ("3", "key `extends`: found the number 3, expected a file name or a list of them"),
        ("{a: b}", "key `extends`: found keys and values, expected a file name or a list of them"),
        ("", "key `extends`: found nothing, expected a file name or a list of them"),
        ("[]", "key `extends`: the list is empty; name a file, or omit the key"),
        ("[base.yaml, true]", "key `extends.1`: found `true`, expected a file name"),
        ("[[base.yaml]]", "key `extends.0`: found a list, expected a file name"),
        ("[' ']", "key `extends.0`: found the text \" \", expected a file name"),
    ] {
        place.write("row.yaml", &format!("extends: {written}"));
        assert_eq!(place.error(&["row.yaml"], &[]), format!("row.yaml: {said}"));
    }
    place.write("row.yaml", "extends: [base.yaml, a.yaml]");
    place.write("a.yaml", "extends: [base.yaml, row.yaml]");
    let text = place.error(&["row.yaml"], &[]);
    assert!(text.contains("in a circle: ") && text.ends_with("row.yaml → a.yaml → row.yaml"), "{text}");
    place.write("a.yaml", "extends: a.yaml");
    assert!(place.error(&["a.yaml"], &[]).contains("in a circle: "));
}

#[test]
fn a_bad_value_is_blamed_on_the_file_that_it_came_from() {
    let place = Place::new(&[
        ("base.yaml", "loss: {src: 1, dce: 1}"),
        ("ours.yaml", "loss: {src: -2}"),
        ("row.yaml", "extends: [base.yaml, ours.yaml]\nname: row"),
    ]);
    let invalid = "config key `loss.src`: -2; it must not be negative";
    assert_eq!(place.error(&["row.yaml"], &[]), format!("ours.yaml: {invalid}"));
    assert!(place.load(&["row.yaml"], &["loss.src=2"]).is_ok());
    assert_eq!(place.error(&["base.yaml"], &["loss.src=-2"]), format!("--set loss.src=-2: {invalid}"));
    place.write("ours.yaml", "loss: {dce: high}");
    assert_eq!(place.error(&["row.yaml"], &[]), "ours.yaml: key `loss.dce`: found string \"high\", expected f64");
    place.write("ours.yaml", "loss: {cde: 1}");
    let unknown = "unknown key `loss.cde`; did you mean `loss.dce`?";
    assert_eq!(place.error(&["base.yaml", "ours.yaml"], &[]), format!("ours.yaml: {unknown}"));
}

#[test]
fn a_former_name_is_refused_with_the_new_one() {
    let place = Place::new(&[
        ("base.yaml", "loss: {lambda: 1}"),
        ("row.yaml", "extends: base.yaml\nname: row"),
        ("plain.yaml", "name: plain"),
    ]);
    let said = "key `loss.lambda` is called `loss.src` now; rename it";
    assert_eq!(place.error(&["row.yaml"], &[]), format!("base.yaml: {said}"));
    assert_eq!(place.error(&["plain.yaml"], &["loss.lambda=2"]), format!("--set loss.lambda=2: {said}"));
    let text = place.error(&["plain.yaml"], &["taps=[1]"]);
    assert_eq!(text, "--set taps=[1]: key `taps` is called `layers` now; rename it");
}
