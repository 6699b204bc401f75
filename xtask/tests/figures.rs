//! Figures and the explorer, of run folders as tables leave them; a script stands in for `cut-single`.

mod common;
#[path = "common/fixture.rs"]
#[allow(dead_code, reason = "only what tells runs which rows they are")]
mod fixture;

use common::xtask;
use image::{Rgb, RgbImage};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes maps of one layer of 4 × 4 positions, or notes how it is called.
const STAND_IN: &str = r#"#!/bin/sh
echo "$*" >> "$0.calls"
[ "$1" = similarity ] || exit 0
input=$3; at=$5; out=$7
case $2 in *broken*) echo "error: damaged" >&2; exit 1;; esac
name=$(basename "$input" .png)-$(echo "$at" | tr , -)
values='0.0,0.1,0.2,0.3,0.1,0.2,0.3,0.4,0.2,1.0,0.4,0.5,0.3,0.4,0.5,0.6'
echo "{\"at\":[${at}],\"size\":[64,64],\"projected\":true,\"layers\":[
  {\"layer\":8,\"size\":[4,4],\"query\":[2,1],\"input\":[$values],\"output\":[$values],\"divergence\":0.001}]}" > "$out/$name.json"
"#;

struct Runs(tempfile::TempDir);

impl Runs {
    fn new() -> Self {
        let runs = Self(tempfile::tempdir().unwrap());
        let program = runs.path("stand-in");
        fs::write(&program, STAND_IN).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        runs
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A finished run of two domains, evaluated on three pictures.
    fn pair(&self, name: &str, finished: &str, ink: u8) {
        let run = self.path("runs").join(name);
        for (folder, color) in [("real_A", [90, 140, ink]), ("fake_B", [ink, ink, 40])] {
            for i in 0..3 {
                let picture =
                    RgbImage::from_fn(64, 64, |x, y| Rgb(if (x + y + i) % 16 < 8 { color } else { [230; 3] }));
                let file = run.join("results/test_9/images").join(folder).join(format!("{i}.png"));
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                picture.save(file).unwrap();
            }
        }
        let summary = run.join(finished);
        fs::create_dir_all(summary.parent().unwrap()).unwrap();
        fs::write(summary, "{}").unwrap();
        let scores = r#""step":9,"extractor":"x","fd_name":"FD(x)","sources":3,"reals":3,"reference":"test","size":64,
            "segmenter":null,"fd":1.0,"segmentation":null,"seconds":1.0"#;
        fs::write(run.join("eval-last.json"), format!(r#"{{"checkpoint":"last",{scores}}}"#)).unwrap();
        let measured =
            r#""name":"x","of":"export","channels":null,"parameters":1,"macs":1,"milliseconds":1.0,"threads":1"#;
        let images = r#""images":"results/test_9/images""#;
        fs::write(run.join("eval-measured.json"), format!("{{{measured},{scores},{images}}}")).unwrap();
        self.manifest(name, if finished.starts_with("export") { "distill" } else { "" });
    }

    /// Tells a run which row it is.
    fn manifest(&self, name: &str, stage: &str) {
        let folder = self.path("runs").join(name).join(stage);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("manifest.json"), fixture::manifest_of(name).unwrap().to_string()).unwrap();
    }

    fn command(&self, name: &str, args: &[&str]) -> assert_cmd::Command {
        let mut command = xtask();
        command.env("SEMREL_CUT_SINGLE", self.path("stand-in")).arg(name).args(args);
        command
    }

    fn figures(&self, args: &[&str]) -> assert_cmd::Command {
        let mut command = self.command("figures", args);
        command.arg("--runs").arg(self.path("runs")).arg("--results").arg(self.path("results"));
        command
    }
}

fn size(path: &Path) -> (u32, u32) {
    let picture = image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (picture.width(), picture.height())
}

#[test]
fn what_is_there_is_drawn() {
    let runs = Runs::new();
    let none = contains("no finished rows to draw").and(contains("`cargo xtask table-single`, `cargo xtask table3`"));
    runs.figures(&[]).assert().code(1).stderr(none);

    for (method, ink) in [("cyclegan", 20), ("cut", 120), ("ours", 220)] {
        runs.pair(&format!("cut-single/table-single-sample-horse2zebra-{method}-s777"), "summary.json", ink);
    }
    runs.pair("gancomp-fast/table2-sample-maps-teacher-s777", "summary.json", 100);
    runs.pair("gancomp-fast/table2-sample-maps-ours-s777", "export/summary.json", 200);
    let multi = runs.path("runs/stargan2-multi/table1-sample-seasons-ours-s777");
    fs::create_dir_all(&multi).unwrap();
    fs::write(multi.join("summary.json"), "{}").unwrap();
    runs.manifest("stargan2-multi/table1-sample-seasons-ours-s777", "");
    fs::write(multi.join("config.yaml"), "data: { root: nowhere, image_size: 16 }\n").unwrap();
    // Two domains of three styles, four pictures.
    let grid = RgbImage::from_fn(4 * 16, 7 * 16, |x, y| Rgb([(x * 4) as u8, (y * 2) as u8, 90]));
    grid.save(multi.join("drawing.png")).unwrap();

    let missing = contains("table-single-sample-horse2zebra is without MUNIT, DRIT, DistanceGAN, GcGAN, FastCUT")
        .and(contains("table2-sample-maps is without"))
        .and(contains("table1-sample-seasons is without"))
        .and(contains("no finished row; `cargo xtask table3` trains them"));
    let out = |name: &str| runs.path("results/figures").join(name);
    runs.figures(&["--rows", "2"]).assert().success().stderr(missing).stdout(contains("table2-sample-maps.png"));
    // Four columns of 192 pixels; two rows.
    let (width, height) = size(&out("table-single-sample-horse2zebra.png"));
    assert_eq!(width, 4 * 198 - 6 + 32);
    assert!((2 * 198..2 * 198 + 200).contains(&height), "{height}");
    // Input, two styles; names of the domains beside.
    let (width, _) = size(&out("table1-sample-seasons.png"));
    assert!(width > 3 * 192 + 60, "{width}");
    assert!(size(&out("table2-sample-maps.png")).0 > 3 * 192);
    let (_, height) = size(&out("table-single-sample-horse2zebra-similarity.png"));
    assert!(height > 3 * 198, "{height}");
    let calls = fs::read_to_string(runs.path("stand-in.calls")).unwrap();
    assert_eq!(
        calls.lines().filter(|call| call.starts_with("similarity ") && call.contains("/1.png --at 28,38")).count(),
        3
    );

    if let Some(folder) = std::env::var_os("SEMREL_SCREENSHOTS") {
        for file in fs::read_dir(runs.path("results/figures")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), Path::new(&folder).join(file.file_name())).unwrap();
        }
    }

    // One figure that fails does not keep the others.
    fs::remove_file(multi.join("drawing.png")).unwrap();
    let told = contains("no table1-sample-seasons:")
        .and(contains("table1-sample-seasons-ours-s777/drawing.png"))
        .and(contains("cargo xtask table1"));
    runs.figures(&["--no-similarity"]).assert().code(1).stderr(told).stdout(contains("table2-sample-maps.png"));
    runs.figures(&["--layer", "5"]).assert().code(1).stderr(contains("it compares no such layer, but 8"));
    runs.figures(&["--at", "2,0"]).assert().code(2).stderr(contains("expected x,y"));
}

#[test]
fn the_explorer_takes_finished_rows() {
    let runs = Runs::new();
    let explore = |args: &[&str]| {
        let mut command = runs.command("explore", args);
        command.arg("--runs").arg(runs.path("runs/cut-single"));
        command
    };
    explore(&[])
        .assert()
        .code(1)
        .stderr(contains("no finished row of table-single; `cargo xtask table-single` trains them"));
    for name in ["horse2zebra-ours", "street-cut", "street-ours"] {
        runs.pair(&format!("cut-single/table-single-sample-{name}-s777"), "summary.json", 100);
    }
    let calls = || {
        let file = runs.path("stand-in.calls");
        let calls = fs::read_to_string(&file).unwrap();
        fs::remove_file(file).unwrap();
        calls
    };
    explore(&[]).assert().success();
    let call = calls();
    let cut = call.find("table-single-sample-street-cut-s777 ").unwrap();
    assert!(cut < call.find("table-single-sample-street-ours-s777 ").unwrap(), "{call}");
    assert!(call.contains("--input") && call.contains("real_A/2.png --out"), "{call}");
    assert!(call.trim_end().ends_with("results/report/explorer --back ../index.html"), "{call}");
    let page = runs.path("page");
    explore(&["--dataset", "horse2zebra", "--pictures", "1", "--out", page.to_str().unwrap()]).assert().success();
    let call = calls();
    assert!(call.contains("horse2zebra-ours-s777 --input") && call.contains("real_A/1.png --out"), "{call}");
    assert!(call.trim_end().ends_with("page"), "{call}");
    explore(&["--dataset", "maps"]).assert().code(1).stderr(contains("horse2zebra (sample), street (sample)"));
    explore(&["--only", "gcgan"])
        .assert()
        .code(1)
        .stderr(contains("--only gcgan: no finished row of street; there are cut, ours"));
}
