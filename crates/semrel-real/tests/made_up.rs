//! Data sets of packages that are made up here: their layout, and what is refused.

use assert_cmd::Command;
use flate2::Compression;
use flate2::write::GzEncoder;
use predicates::prelude::*;
use predicates::str::contains;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

fn package(path: &Path, members: &[(String, String)]) -> PathBuf {
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(path).unwrap(), Compression::fast()));
    for (name, text) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("package/{name}"), text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
    path.to_owned()
}

fn real(args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("semrel-real"));
    command.args(args);
    command
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn svg(colour: &str) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72"><rect width="50" height="40" fill="{colour}"/></svg>"#
    )
}

#[test]
fn emoji_train_unpaired_and_are_tested_with_their_truth() {
    let dir = tempfile::tempdir().unwrap();
    let mut members = vec![];
    let mut list = vec![];
    for i in 0..1000 {
        let code = format!("{:X}", 0x1F300 + i);
        let (group, skintone) = match i {
            0..5 => ("flags", serde_json::json!("")),
            5..12 => ("people-body", serde_json::json!(if i < 8 { 2.into() } else { serde_json::Value::from("1,2") })),
            _ => ("objects", serde_json::json!("")),
        };
        list.push(serde_json::json!({"hexcode": code, "group": group, "skintone": skintone}));
        members.push((format!("black/svg/{code}.svg"), svg("#000")));
        members.push((format!("color/svg/{code}.svg"), svg("#08f")));
    }
    members.push(("data/openmoji.json".into(), serde_json::to_string(&list).unwrap()));
    let file = package(&dir.path().join("openmoji.tgz"), &members);
    let (file, out) = (file.to_str().unwrap(), dir.path().join("lines2colour"));
    let call = ["lines2colour", "--package", file, "--out", out.to_str().unwrap(), "--size", "16"];
    real(&call)
        .assert()
        .success()
        .stdout(contains("trainA 294").and(contains("without 7 repeats")).and(contains("5 flags")));
    let of = |folder: &str| names(&out.join(folder));
    assert_eq!([of("trainA").len(), of("trainB").len(), of("testA").len(), of("testB").len()], [294, 294, 200, 200]);
    assert_eq!((of("testA"), of("testB"), of("trainA")), (of("truthB"), of("truthA"), of("pairsB")));
    for (a, b) in [("trainA", "trainB"), ("trainA", "testA"), ("trainB", "testA"), ("testA", "testB")] {
        assert!(of(a).is_disjoint(&of(b)), "{a} {b}");
    }
    let first = of("testA").into_iter().next().unwrap();
    let pixel = |folder: &str| image::open(out.join(folder).join(&first)).unwrap().to_rgb8().get_pixel(3, 3).0;
    assert_eq!((pixel("testA"), pixel("truthB")), ([0; 3], [0, 136, 255]));
    real(&call).assert().code(1).stderr(contains("already exists"));
}

#[test]
fn three_styles_are_three_domains() {
    let dir = tempfile::tempdir().unwrap();
    let style = |colour: &str, count: usize| {
        let icon = |i: usize| {
            (
                format!("subject-{i}"),
                serde_json::json!({"body": format!("<rect width='9' height='9' fill='{colour}'/>")}),
            )
        };
        let icons: serde_json::Map<String, serde_json::Value> = (0..count).map(icon).collect();
        let text = serde_json::json!({"icons": icons, "width": 32, "height": 32}).to_string();
        package(&dir.path().join(format!("{count}.tgz")), &[("icons.json".to_owned(), text)])
    };
    let packages = [style("#f00", 460), style("#0f0", 450), style("#00f", 430)];
    let out = dir.path().join("fluent");
    let mut call = vec!["fluent", "--out", out.to_str().unwrap(), "--size", "16"];
    packages.iter().for_each(|file| call.extend(["--package", file.to_str().unwrap()]));
    real(&call).assert().success().stdout(contains("without 30 subjects that not all styles show"));
    assert_eq!(names(&out.join("train")), ["contrast", "flat", "shaded"].map(String::from).into());
    assert_eq!(names(&out.join("val/flat")).len(), 100);
    assert_eq!(names(&out.join("truth/shaded/flat")), names(&out.join("val/flat")));
    assert!(names(&out.join("train/flat")).is_disjoint(&names(&out.join("train/shaded"))));
    real(&call[..7]).assert().code(1);
}

#[test]
fn what_is_no_package_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let refused = |file: &Path, name: &str, words: &str| {
        let call = [name, "--package", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
        real(&call).assert().code(1).stderr(contains(file.to_str().unwrap()).and(contains(words)));
        assert!(!out.exists());
    };
    let text = dir.path().join("text.tgz");
    fs::write(&text, "no archive").unwrap();
    refused(&text, "lines2colour", "cannot be read as a package");
    refused(&dir.path().join("gone.tgz"), "lines2colour", "cannot be read as a package");
    let other = package(&dir.path().join("other.tgz"), &[("index.js".to_owned(), String::new())]);
    refused(&other, "lines2colour", "holds no data/openmoji.json");
    refused(&other, "satellite2relief", "holds no bmng.jpg");
    let list = package(&dir.path().join("list.tgz"), &[("data/openmoji.json".to_owned(), "{}".to_owned())]);
    refused(&list, "colour2lines", "is not the list that is expected");
    let call = ["fluent", "--package", other.to_str().unwrap(), "--out", out.to_str().unwrap()];
    real(&call).assert().code(1).stderr(contains("made of 3 package(s); 1 given"));
    let call =
        ["satellite2relief", "--package", other.to_str().unwrap(), "--out", out.to_str().unwrap(), "--size", "128"];
    real(&call).assert().code(1).stderr(contains("up to 64 x 64"));
}
