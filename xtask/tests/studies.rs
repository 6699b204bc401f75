//! Tests of claims, and sweeps, against a stand-in for `cut-single`, in a checkout of their own.

mod common;

use assert_cmd::Command;
use common::xtask;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Does what `cut-single` is asked for, in made-up numbers: DCE is nearer to the truth than InfoNCE by 1, each seed differs by 0.001,
/// and the run of `broken` fails.
const STAND_IN: &str = r#"#!/bin/sh
case "$* " in *" --check "*) echo '{"steps":9}'; exit;; esac
echo "$*" >> "$0.calls"
action=$1; place=$6; out=; manifest=
while [ $# -gt 0 ]; do case $1 in --run-dir|--out) out=$2;; --manifest) manifest=$2;; esac; shift; done
head='"extractor":"effnet-lite0","fd_name":"FD(effnet-lite0)","sources":2,"reals":3,"reference":"test","size":64,"segmenter":null'
case $action in
train)
    if [ -e "$0.broken" ]; then case $out in *-infonce-s*) echo "Error: no memory" >&2; exit 1;; esac; fi
    mkdir -p "$out"; echo 'name: x' > "$out/config.yaml"; echo '{"step":9}' > "$out/metrics.jsonl"; echo "$manifest" > "$out/manifest.json"
    echo '{"name":"x","seed":777,"epochs":3,"steps":6,"warmup":3,"batch_size":1,"parameters":{},"seconds":90.0,"seconds_waiting_for_images":0.0,"unreadable_images":0,"threads":1,"device":"Cpu","peak_memory_mib":1,"best_step":9,"last_step":9}' > "$out/summary.json";;
eval)
    seed=${place##*-s7}; seed=${seed%%-*}; whole=2
    case $place in *-dce-s*|*gamma-start-1-s*) whole=1;; esac
    for folder in real_A fake_B; do
        mkdir -p "$place/results/test_9/images/$folder"
        printf 'P6 2 1 255\n012345' > "$place/results/test_9/images/$folder/1.ppm"
    done
    truth="{\"pd_name\":\"PD(y)\",\"pd\":$whole.0$seed,\"ssim\":0.5,\"psnr\":20.0,\"equal\":0,\"masked\":null}"
    more='{"q_npc":0.4,"q_npc_related":0.'"$seed"',"q_npc_unrelated":0.1}'
    echo "{\"checkpoint\":\"last\",\"step\":9,\"select\":\"val\",$head,\"fd\":$whole.5,\"segmentation\":null,\"truth\":$truth,\"more\":$more,\"seconds\":1.0}" > "$out";;
baseline) mkdir -p "${out%/*}"; echo "{$head,\"fd\":3.0,\"ceiling\":null,\"truth\":{\"pd_name\":\"PD(y)\",\"pd\":3,\"ssim\":0.5,\"psnr\":20.0,\"equal\":0,\"masked\":null}}" > "$out";;
esac
"#;

/// A folder that looks like the checkout, with a data set of real pictures that has been drawn.
struct Checkout {
    dir: tempfile::TempDir,
}

impl Checkout {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        symlink(real.join("configs"), dir.path().join("configs")).unwrap();
        for folder in ["trainA", "trainB", "testA", "testB", "truthB"] {
            let folder = dir.path().join("data/real-64/lines2colour").join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("1.ppm"), b"P6 2 1 255\n012345").unwrap();
        }
        let program = dir.path().join("stand-in");
        fs::write(&program, STAND_IN).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn xtask(&self, args: &[&str]) -> Command {
        let mut command = xtask();
        command.env("CARGO_MANIFEST_DIR", self.path("xtask")).env("SEMREL_CUT_SINGLE", self.path("stand-in"));
        command.current_dir(self.dir.path()).args(args);
        command
    }

    fn evidence(&self, args: &[&str]) -> Command {
        self.xtask(&[&["evidence", "--data", "lines2colour", "--jobs", "4"], args].concat())
    }

    /// How often the stand-in has trained since the last look.
    fn trained(&self) -> usize {
        let file = self.path("stand-in.calls");
        let calls = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        calls.lines().filter(|call| call.starts_with("train")).count()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }
}

#[test]
fn claims_are_trained_in_parts_and_tested() {
    let checkout = Checkout::new();
    let args = |more: &[&'static str]| [&["--claims", "C3,C10", "--seeds", "5"], more].concat();
    let part = contains("part 1 of 2 is trained; without --part the claims are tested");
    checkout.evidence(&args(&["--part", "1/2"])).assert().success().stderr(part);
    assert_eq!(checkout.trained(), 5);
    assert!(!checkout.path("results/evidence.json").exists());
    // The rest, and both claims: one by two rows in two measures, one by a row in two measures.
    let said = contains("C3   holds         Decoupled InfoNCE is better than InfoNCE.")
        .and(contains("lines2colour: infonce, q_NPC, related ↑ minus q_NPC, unrelated ↑: +0.69"))
        .and(contains("dce minus infonce, PD(y) to truth ↓: -1.0000"));
    checkout.evidence(&args(&[])).assert().success().stdout(said);
    assert_eq!(checkout.trained(), 5);
    let json = checkout.json("results/evidence.json");
    let verdicts: Vec<_> = json["claims"].as_array().unwrap().iter().map(|claim| claim["verdict"].clone()).collect();
    assert_eq!(verdicts, ["holds", "holds"]);
    let test = &json["claims"][0]["tests"][0];
    assert_eq!((&test["of_row"][1], &test["of_other"][1]), (&1.078.into(), &2.078.into()));
    let pictures = json["pictures"].as_array().unwrap();
    assert_eq!(pictures[0][1], "evidence-table-single-lines2colour.png");
    assert!(checkout.path("results/evidence-table-single-lines2colour.png").exists());
    let markdown = fs::read_to_string(checkout.path("results/evidence.md")).unwrap();
    assert!(markdown.contains("5 seeds for each row, 10 runs") && markdown.contains("| C3 | holds |"), "{markdown}");
    // Nothing is left to do.
    checkout.evidence(&args(&[])).assert().success();
    assert_eq!(checkout.trained(), 0);
    // What was claimed stands in the page as well.
    checkout.xtask(&["report"]).assert().success().stderr(contains("2 claims, 10 runs"));
    let page = fs::read_to_string(checkout.path("results/report/index.html")).unwrap();
    assert!(page.contains("id=\"evidence-claim-C10\"") && page.contains("Decoupled InfoNCE is better than InfoNCE."));
}

#[test]
fn a_row_that_failed_leaves_its_claim_undecided() {
    let checkout = Checkout::new();
    fs::write(checkout.path("stand-in.broken"), "").unwrap();
    let said = contains("C3   undecided").and(contains("infonce, seed 777: no memory (training)"));
    checkout.evidence(&["--claims", "C3", "--seeds", "5"]).assert().code(1).stdout(said);
    let part = checkout.evidence(&["--claims", "C3", "--seeds", "5", "--part", "1/1"]).assert().code(1);
    part.stderr(contains("rows of part 1 of 1 failed"));
    fs::remove_file(checkout.path("stand-in.broken")).unwrap();
    checkout.evidence(&["--claims", "C3", "--seeds", "5"]).assert().success().stdout(contains("C3   holds"));
}

#[test]
fn a_sweep_writes_a_table_and_a_chart() {
    let checkout = Checkout::new();
    let config = "configs/cut-single/small/data-ours.yaml";
    let args = ["sweep", config, "--set", "loss.gamma_start=1,2", "--set", "loss.use_curriculum=false", "--seeds", "4"];
    let said = contains("loss.gamma_start=1").and(contains("significantly worse than loss.gamma_start=1"));
    checkout.xtask(&args).assert().success().stdout(said);
    assert_eq!(checkout.trained(), 8);
    let name = "results/sweep-small-data-ours-loss.gamma_start";
    for end in ["md", "csv", "json", "svg"] {
        assert!(checkout.path(&format!("{name}.{end}")).exists(), "{end}");
    }
    let chart = fs::read_to_string(checkout.path(&format!("{name}.svg"))).unwrap();
    assert_eq!(chart.matches("<circle").count(), 8 + 2, "{chart}");
    checkout.xtask(&args).assert().success();
    assert_eq!(checkout.trained(), 0);
}

#[test]
fn wrong_input_is_told_before_anything_is_trained() {
    let checkout = Checkout::new();
    let fails = |args: &[&str], words: &str| {
        checkout.xtask(args).assert().failure().stdout("").stderr(contains(words));
        assert_eq!(checkout.trained(), 0, "{args:?}");
    };
    fails(&["evidence", "--claims", "C99"], "--claims: no claim `C99`; there are C1, C2");
    fails(&["evidence", "--seeds", "0"], "0 is not in 1..=13");
    fails(&["evidence", "--part", "3/2"], "expected K/N with K from 1 to N");
    fails(&["evidence", "--profile", "paper"], "the profiles sample and small");
    fails(&["evidence", "--profile", "small"], "the sample world belongs to --profile sample");
    fails(&["evidence", "--data", "horse"], "possible values: horse2zebra");
    let about = "--data: claim C7 is about stargan2-multi, whose data sets are seasons, weather, fluent";
    fails(&["evidence", "--claims", "C7", "--data", "lines2colour"], about);
    fs::write(checkout.path("mine.yaml"), "studies: []\n").unwrap();
    fails(&["evidence", "--file", "mine.yaml"], "there is no claim about these data sets");
    fs::write(checkout.path("mine.yaml"), "rows: []\n").unwrap();
    fails(&["evidence", "--file", "mine.yaml"], "mine.yaml");
    let config = "configs/cut-single/small/data-ours.yaml";
    fails(&["sweep", config, "--set", "loss.tau=1"], "one value is not a sweep");
    fails(&["sweep", "mine.yaml", "--set", "loss.tau=1,2"], "expected");
    fails(&["sweep", "none.yaml", "--set", "loss.tau=1,2"], "no such file");
    fails(&["sweep", "configs/gancomp-fast/small/data-ours.yaml", "--set", "a=1,2"], "cut-single or stargan2-multi");
}
