use super::layers::{merge, parse_override};
use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use serde_yaml::Value;
use std::collections::BTreeMap;
use std::fs;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    name: String,
    #[serde(default)]
    method: Method,
    #[serde(default)]
    loss: Loss,
    #[serde(default)]
    weights: Vec<f64>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    #[default]
    Ours,
    StarganV2,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Loss {
    lambda_src: f64,
    lambda_dce: f64,
    steps: u32,
    width: Option<i64>,
}

impl Default for Loss {
    fn default() -> Self {
        Self { lambda_src: 0.1, lambda_dce: 1.0, steps: 4, width: None }
    }
}

/// Loads `text` as `x.yaml` with overrides.
fn parse(text: &str, overrides: &[&str]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.yaml");
    fs::write(&path, text).unwrap();
    let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
    let shown = format!("{}/", dir.path().display());
    load(&path, &overrides).map_err(|e| e.to_string().replace(&shown, ""))
}

fn error(text: &str, overrides: &[&str]) -> String {
    parse(text, overrides).unwrap_err()
}

#[test]
fn defaults_and_numbers() {
    let config = parse("name: a\nloss: {lambda_src: 1, lambda_dce: 1e-4}", &[]).unwrap();
    assert_eq!(config.loss, Loss { lambda_src: 1.0, lambda_dce: 1e-4, ..Loss::default() });
    assert_eq!(parse("name: a\nloss:", &[]).unwrap().loss, Loss::default());
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    let text = error("name: a\nloss: {lambda_scr: 1}", &[]);
    assert_eq!(text, "x.yaml: unknown key `loss.lambda_scr`; did you mean `loss.lambda_src`?");
    assert_eq!(error("nane: a", &[]), "x.yaml: unknown key `nane`; did you mean `name`?");
    assert_eq!(error("'na`me': a", &[]), "x.yaml: unknown key `na`me`; did you mean `name`?");
    let text = error("name: a\nzzzzzzzzzzzz: 1", &[]);
    assert_eq!(text, "x.yaml: unknown key `zzzzzzzzzzzz`; known here: name, method, loss, weights");
}

#[test]
fn overrides_set_create_and_reset() {
    let config = parse("name: a", &["loss.lambda_src=3", "loss.width=64", "weights=[1, 2.5]"]).unwrap();
    assert_eq!((config.loss.lambda_src, config.loss.width), (3.0, Some(64)));
    assert_eq!(config.weights, [1.0, 2.5]);
    let config =
        parse("name: a\nloss: {width: 3, steps: 9}", &["loss.width=", "name=b=c", "method=stargan-v2"]).unwrap();
    assert_eq!((config.loss.width, config.loss.steps, config.name.as_str()), (None, 9, "b=c"));
    assert_eq!(config.method, Method::StarganV2);
    // The last one counts.
    assert_eq!(parse("name: a", &["loss.steps=1", "loss.steps=2"]).unwrap().loss.steps, 2);
}

#[test]
fn wrong_overrides_are_named() {
    for (text, what) in [("loss.steps", "no `=`"), ("=3", "a part"), ("loss..steps=3", "a part"), ("a=[1", "YAML")] {
        let message = error("name: a", &[text]);
        assert!(message.starts_with(&format!("--set {text}: ")) && message.contains(what), "{message}");
        assert!(message.ends_with("expected `section.key=value`"), "{message}");
    }
    let message = error("name: a", &[&format!("{}=1", ["a"; 20_000].join("."))]);
    assert!(message.contains("the key has 20000 parts; at most 32 are read"), "{}", &message[message.len() - 100..]);
    let message = error("name: a\nloss: {lambda_src: 1}", &["loss.lamda_src=2"]);
    assert_eq!(message, "--set loss.lamda_src=2: unknown key `loss.lamda_src`; did you mean `loss.lambda_src`?");
    let message = error("name: a", &["loss.steps=many"]);
    assert_eq!(message, "--set loss.steps=many: key `loss.steps`: found string \"many\", expected u32");
}

#[test]
fn wrong_values_are_named_with_what_was_expected() {
    let cases = [
        ("name: a\nloss: {lambda_src: big}", "key `loss.lambda_src`: found string \"big\", expected f64"),
        ("name: a\nloss: {steps: -1}", "key `loss.steps`: found integer `-1`, expected u32"),
        ("name: a\nloss: {steps: 1.5}", "key `loss.steps`: found floating point `1.5`, expected u32"),
        ("name: a\nweights: [1, b]", "key `weights.1`: found string \"b\", expected f64"),
        ("name: a\nloss: {steps: }", "key `loss.steps`: found nothing, expected u32"),
        ("name: a\nloss: 3", "key `loss`: found integer `3`, expected keys and values"),
        (
            "name: a\nmethod: stargan-2",
            "key `method`: found `stargan-2`, expected one of `ours`, `stargan-v2`; did you mean `stargan-v2`?",
        ),
        ("loss: {}", "missing key `name`"),
    ];
    for (text, message) in cases {
        assert_eq!(error(text, &[]), format!("x.yaml: {message}"));
    }
}

#[test]
fn files_that_are_no_configuration_are_named() {
    assert!(error("", &[]).starts_with("x.yaml: the configuration is empty"));
    assert!(error("# nothing\n", &[]).starts_with("x.yaml: the configuration is empty"));
    assert!(error("- a\n- b", &[]).starts_with("x.yaml: expected keys and values, found a list"));
    assert!(error("just words", &[]).contains("found the text \"just words\""));
    let text = error("name: [1\nloss: {", &[]);
    assert!(text.starts_with("x.yaml: not valid YAML: ") && text.contains("line"), "{text}");
    let text = error("name: a\nname: b", &[]);
    assert!(text.contains("duplicate") && text.contains("name"), "{text}");
    let text = load::<Config>("nowhere/none.yaml", &[]).unwrap_err().to_string();
    assert!(text.starts_with("nowhere/none.yaml: cannot read the configuration: "), "{text}");
}

#[test]
fn a_file_extends_another_relative_to_itself() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("rows")).unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("base.yaml", "name: base\nloss: {lambda_src: 5, steps: 7}\nweights: [1, 2]");
    write("rows/middle.yaml", "extends: ../base.yaml\nloss: {steps: 8}");
    write("rows/row.yaml", "extends: middle.yaml\nname: row\nweights: [3]");
    let row = dir.path().join("rows/row.yaml");
    let config: Config = load(&row, &["loss.lambda_dce=9".into()]).unwrap();
    assert_eq!(config.loss, Loss { lambda_src: 5.0, lambda_dce: 9.0, steps: 8, width: None });
    assert_eq!((config.name.as_str(), config.weights.as_slice()), ("row", &[3.0][..]));

    // An error is blamed on the file that has the key.
    write("base.yaml", "name: base\nloss: {lambda_scr: 5}");
    let text = load::<Config>(&row, &[]).unwrap_err().to_string();
    assert!(text.contains("base.yaml: unknown key `loss.lambda_scr`"), "{text}");
    write("base.yaml", "extends: rows/row.yaml");
    let text = load::<Config>(&row, &[]).unwrap_err().to_string();
    assert!(text.contains("in a circle: ") && text.matches("row.yaml").count() == 2, "{text}");
    write("base.yaml", "extends: 3");
    let text = load::<Config>(&row, &[]).unwrap_err().to_string();
    assert!(text.contains("key `extends`: found the number 3, expected a file name or a list of them"), "{text}");
}

#[test]
fn a_difference_is_found_by_its_key() {
    let value = |text: &str| -> Value { serde_yaml::from_str(text).unwrap() };
    let (a, b) = (value("a: 1\ns: {x: 1, y: 2}"), value("a: 1\ns: {y: 3, x: 1}\nt: 5"));
    let find = |ignored: &[&str]| first_difference(&a, &b, &|key| ignored.contains(&key));
    assert_eq!(find(&[]), Some(("s.y".into(), "2".into(), "3".into())));
    assert_eq!(find(&["s.y"]), Some(("t".into(), "absent".into(), "5".into())));
    assert_eq!(find(&["s", "t"]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_is_written_is_read(
        name in "[ -~]{0,12}", lambda_src: f64, steps: u32, width: Option<i64>,
        weights in prop::collection::vec(-1e9..1e9, 0..4),
    ) {
        prop_assume!(lambda_src.is_finite());
        let config = Config {
            name, weights, method: Method::StarganV2, loss: Loss { lambda_src, steps, width, ..Loss::default() },
        };
        prop_assert_eq!(parse(&to_yaml(&config).unwrap(), &[]).unwrap(), config);
    }

    #[test]
    fn no_override_panics(text in "[a-c.=\\[{: \"&*!|-]{0,12}") {
        let _ = parse_override(&text);
    }

    #[test]
    fn merging_keeps_what_is_not_replaced(
        a in prop::collection::btree_map("[a-d]", 0..9i64, 0..4),
        b in prop::collection::btree_map("[a-d]", 0..9i64, 0..4),
    ) {
        let value = |map: &BTreeMap<String, i64>| serde_yaml::to_value(map).unwrap();
        let mut merged = value(&a);
        merge(&mut merged, &value(&b));
        let mut expected = a;
        expected.extend(b);
        prop_assert_eq!(merged, value(&expected));
    }
}

#[test]
fn a_byte_order_mark_is_no_document() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.yaml");
    fs::write(&path, "\u{feff}name: x\n").unwrap();
    assert_eq!(load::<Config>(&path, &[]).unwrap().name, "x");
}
