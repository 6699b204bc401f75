//! Damaged checkpoints, foreign weights, a full disk, two processes, divergence: runs that cannot go on as asked.
#![cfg(unix)]

mod common;

use common::{NO_EVALUATION, Place, assert, assert_same_files, cut, files, refuses, signal};
use std::fs;
use std::path::Path;
use std::process::Command;

const SHORT: [&str; 8] = [
    "--set",
    "train.iterations=4",
    "--set",
    "train.warmup=0",
    "--set",
    "train.eval_every=0",
    "--set",
    "train.sample_every=99",
];

#[test]
fn checkpoints() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    refuses(place.command(&["eval", "empty"]), &["empty: not the folder of a run, which holds a `config.yaml`"]);

    assert(place.train("run", &SHORT)).success();
    refuses(place.train("run", &SHORT), &["run: already holds a run", "`--resume`", "`--overwrite`"]);
    let sample = |checkpoint: &str| place.command(&["sample", "run", "--out", "x.png", "--checkpoint", checkpoint]);
    refuses(place.command(&["eval", "run", "--checkpoint", "77"]), &["no checkpoint of step 77; there are: 2, 4"]);
    refuses(sample("first"), &["checkpoint `first`: expected `last`, `best` or a step's number"]);
    refuses(place.command(&["sample", "run", "--out", "x.doc"]), &["x.doc: cannot be written"]);

    let whole = files(&place.path("run/checkpoints"));
    cut(&place.path("run/checkpoints/step-00000004/networks_ema.safetensors"));
    let words = ["step-00000004/networks_ema.safetensors", "bytes, but", "were saved; delete", "to resume from step 2"];
    refuses(place.command(&["eval", "run"]), &words);
    refuses(sample("last"), &words);
    let resume = || place.train("run", &[&SHORT[..], &["--resume"]].concat());
    refuses(resume(), &words);
    assert(sample("2")).success();
    // What the message says helps.
    fs::remove_dir_all(place.path("run/checkpoints/step-00000004")).unwrap();
    assert(resume()).success();
    assert!(files(&place.path("run/checkpoints")) == whole);

    cut(&place.path("run/checkpoints/step-00000004/state.json"));
    refuses(resume(), &["step-00000004/state.json: cut short or altered", "to resume from step 2"]);
    for step in ["step-00000002", "step-00000004"] {
        fs::remove_dir_all(place.path("run/checkpoints").join(step)).unwrap();
    }
    refuses(place.command(&["eval", "run"]), &["run: the run has no checkpoint yet"]);

    fs::rename(place.path("data/train/spring"), place.path("data/train/lent")).unwrap();
    fs::rename(place.path("data/val/spring"), place.path("data/val/lent")).unwrap();
    assert(place.train("other", &SHORT)).success();
    refuses(
        place.command(&["eval", "other", "--set", "data.root=gone"]),
        &["config key `data.root`: gone: no such folder"],
    );
    fs::rename(place.path("data/train/lent"), place.path("data/train/spring")).unwrap();
    fs::rename(place.path("data/val/lent"), place.path("data/val/spring")).unwrap();
    refuses(
        place.command(&["sample", "other", "--out", "x.png"]),
        &["trained on the domains autumn, lent, summer, winter, but data has autumn, spring, summer, winter"],
    );
}

/// A file as `torch.save` wrote before 1.6, whose object is the call `posix.system("touch <path>")`.
fn pickled_command(path: &Path) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    let command = format!("touch {}", path.display());
    file.extend_from_slice(b"\x80\x02cposix\nsystem\nX");
    file.extend_from_slice(&(command.len() as u32).to_le_bytes());
    file.extend_from_slice(command.as_bytes());
    file.extend_from_slice(b"\x85R.\x80\x02].");
    file
}

#[test]
fn weights() {
    let place = Place::new();
    assert(place.train("run", &SHORT)).success();
    let wider = [&SHORT[..], &["--set", "model.width=16", "--set", "model.max_width=16"]].concat();
    assert(place.train("wider", &wider)).success();
    let sample = |weights: &str| place.command(&["sample", "run", "--out", "x.png", "--weights", weights]);
    let file = "wider/checkpoints/step-00000004/networks_ema.safetensors";
    refuses(
        sample(file),
        &[
            file,
            "network generator",
            "decode.0.conv1.weight: the network has [8, 8, 3, 3], the checkpoint [16, 16, 3, 3]",
        ],
    );
    refuses(sample("wider/checkpoints/step-00000004/optimisers.safetensors"), &["optimisers.safetensors"]);
    refuses(sample("tiny.yaml"), &["tiny.yaml: this is a text file; expected safetensors or a PyTorch checkpoint"]);
    refuses(sample("gone.ckpt"), &["gone.ckpt: cannot open"]);
    assert(sample("run/checkpoints/step-00000004/networks_ema.safetensors")).success();

    let touched = place.path("touched");
    fs::write(place.path("evil.pth"), pickled_command(&touched)).unwrap();
    for command in [sample("evil.pth"), place.command(&["eval", "run", "--weights", "evil.pth"])] {
        refuses(command, &["evil.pth: the file asks for `posix.system`, which is refused"]);
    }
    assert!(!touched.exists());
}

#[test]
fn a_full_disk_costs_no_checkpoint() {
    let place = Place::new();
    // Long enough not to end by itself; no pictures, which are larger than checkpoints here.
    let args =
        [&NO_EVALUATION[..], &["--set", "train.iterations=100000", "--set", "train.sample_every=1000000"]].concat();
    let mut child = place.start(place.train("run", &args), "run", 5);
    child.kill().unwrap();
    child.wait().unwrap();
    let last = place.last_checkpoint("run");
    let before = files(&last);

    // No file above 60 blocks, of 512 or 1024 bytes.
    let resume = place.train("run", &[&args[..], &["--resume"]].concat());
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"ulimit -f 60; trap "" XFSZ; exec "$0" "$@""#]).arg(resume.get_program());
    limited.args(resume.get_args()).current_dir(place.path("")).env("SEMREL_WEIGHTS", place.path("weights"));
    limited.env("OMP_NUM_THREADS", "1");
    refuses(limited, &[".safetensors: cannot write: "]);
    assert_eq!(place.last_checkpoint("run"), last);
    assert!(files(&last) == before);
    assert_eq!(common::names(&place.path("run/checkpoints")).iter().filter(|name| name.starts_with('.')).count(), 0);
    assert(place.command(&["sample", "run", "--out", "x.png"])).success();

    // With room again, the run goes on.
    let child = place.start(place.train("run", &[&args[..], &["--resume"]].concat()), "run", 9);
    signal(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_ne!(place.last_checkpoint("run"), last);
}

#[test]
fn one_process_a_folder() {
    let place = Place::new();
    let args = [&NO_EVALUATION[..], &["--set", "train.iterations=100000"]].concat();
    let first = place.start(place.train("run", &args), "run", 1);
    let by = format!("run: in use by process {}; wait for it or stop it, or choose another folder", first.id());
    for mode in [&[][..], &["--resume"], &["--overwrite"]] {
        refuses(place.train("run", &[&args, mode].concat()), &[&by]);
    }
    signal(&first, "INT");
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(130));
    // The first has written every step once, and its checkpoint is whole.
    let steps: Vec<u64> =
        common::metrics(&place.path("run")).iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (1..=steps.len() as u64).collect::<Vec<_>>());
    assert(place.command(&["sample", "run", "--out", "x.png"])).success();
}

/// The mapping network is first stepped after the warm-up: with this rate the step after that has no finite loss.
const DIVERGES: [&str; 4] = ["--set", "optim.mapping_lr=1e30", "--set", "train.eval_every=0"];

#[test]
fn divergence_is_named_and_never_saved() {
    let place = Place::new();
    let saves_every_step = [&DIVERGES[..], &["--set", "train.save_every=1"]].concat();
    refuses(
        place.train("logged", &saves_every_step),
        &[
            "step 4: `d_latent/fake` is ",
            "the run has diverged (lower the learning rate",
            "checkpoints of earlier steps are kept",
        ],
    );
    // Steps that are not logged are looked at before they are saved.
    let quiet = [&saves_every_step[..], &["--set", "train.log_every=1000"]].concat();
    refuses(place.train("quiet", &quiet), &["step 4: `d_latent/fake` is "]);
    for run in ["logged", "quiet"] {
        assert!(place.last_checkpoint(run).ends_with("step-00000003"), "{run}");
        assert(place.command(&["sample", run, "--out", "x.png", "--checkpoint", "2"])).success();
    }
    assert_same_files(&place.path("logged/checkpoints"), &place.path("quiet/checkpoints"), "logging changes nothing");
    // The same happens again on resume, which a message that said otherwise would hide.
    refuses(place.train("logged", &[&saves_every_step[..], &["--resume"]].concat()), &["step 4: `d_latent/fake` is "]);
}
