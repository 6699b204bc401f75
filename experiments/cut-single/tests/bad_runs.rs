//! Damaged checkpoints, foreign weights, two processes, divergence: runs that cannot go on as asked.
#![cfg(unix)]

mod common;

use common::{Place, assert, assert_same_files, cut, files, method, refuses, sets, signal};
use semrel_nn::checkpoint::{load_safetensors, torch_file};
use std::fs;
use std::path::Path;

#[test]
fn checkpoints() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    refuses(place.command(&["eval", "empty"]), &["empty: not the folder of a run, which holds a `config.yaml`"]);
    place.trained("run", &[]);
    let args = [method("ours"), sets(&["train.n_epochs_decay=0"])].concat();
    refuses(place.train("run", &args), &["run: already holds a run", "`--resume`", "`--overwrite`"]);
    let translate =
        |checkpoint: &str| place.command(&["translate", "run", "data/testA", "--out", "x", "--checkpoint", checkpoint]);
    refuses(translate("77"), &["no checkpoint of step 77; there are: 3, 6"]);
    refuses(translate("first"), &["checkpoint `first`: expected `last`, `best` or a step's number"]);

    let whole = files(&place.path("run/checkpoints"));
    cut(&place.path("run/checkpoints/step-00000006/net_G.safetensors"));
    let words = ["step-00000006/net_G.safetensors", "bytes, but", "were saved; delete", "to resume from step 3"];
    refuses(translate("last"), &words);
    refuses(place.command(&["eval", "run"]), &words);
    refuses(place.command(&["export", "run", "--out", "G.safetensors"]), &words);
    refuses(place.command(&["similarity", "run", "data/testA/0.png", "--at", "1,1", "--out", "x"]), &words);
    let resume = || place.train("run", &[&args[..], &["--resume"]].concat());
    refuses(resume(), &words);
    assert(translate("3")).success();
    // What the message says helps.
    fs::remove_dir_all(place.path("run/checkpoints/step-00000006")).unwrap();
    assert(resume()).success();
    assert!(files(&place.path("run/checkpoints")) == whole);

    cut(&place.path("run/checkpoints/step-00000006/state.json"));
    refuses(resume(), &["step-00000006/state.json: cut short or altered", "to resume from step 3"]);
    for step in ["step-00000003", "step-00000006"] {
        fs::remove_dir_all(place.path("run/checkpoints").join(step)).unwrap();
    }
    refuses(place.command(&["eval", "run"]), &["run: the run has no checkpoint yet"]);
    refuses(resume(), &["run: it has ended, but it holds no checkpoint", "`checkpoints`", "`--overwrite`"]);
}

/// Pictures, scores and weights go where nothing is read, and where no other file is.
#[test]
fn places() {
    let place = Place::new();
    place.trained("run", &[]);
    let refused = |args: &[&str], words: &[&str]| refuses(place.command(args), words);
    let among = ["--images data/trainA: lies in", "`data.root` names"];
    refused(&["eval", "run", "--images", "data/trainA"], &among);
    refused(&["baseline", "tiny.yaml", "--images", "data/trainA"], &among);
    let among = ["--out data/testA/new: lies in", "`data.root` names"];
    refused(&["translate", "run", "data/testB", "--out", "data/testA/new"], &among);
    refused(&["similarity", "run", "data/testA/0.png", "--at", "1,1", "--out", "data/testA/new"], &among);
    refused(
        &["eval", "run", "--out", "tiny.yaml"],
        &["--out tiny.yaml: there is a file of another kind; expected JSON"],
    );
    let other = ["--out data/testA/0.png: there is a file of another kind; expected safetensors"];
    refused(&["export", "run", "--out", "data/testA/0.png"], &other);
    refused(&["eval", "run", "--out", "run/summary.json"], &["--out run/summary.json: belongs to the run"]);
    refused(&["translate", "run", "data/testB", "--out", "run/checkpoints/x"], &["belongs to the run"]);
    // The same place twice is no obstacle.
    for _ in 0..2 {
        assert(place.command(&["eval", "run", "--out", "run/scores.json", "--images", "run/pictures"])).success();
    }
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
    place.trained("run", &[]);
    place.trained("wider", &["model.ngf=8"]);
    let checkpoint = "wider/checkpoints/step-00000006";
    let wider = format!("{checkpoint}/net_G.safetensors");
    let misfit = "model.1.weight: the network has [4, 3, 7, 7], the checkpoint [8, 3, 7, 7]";
    let eval = |weights: &str| place.command(&["eval", "run", "--weights", weights]);
    let translate = |weights: &str| place.command(&["translate", weights, "data/testA", "--out", "x"]);
    refuses(eval(&wider), &[&wider, misfit]);
    let given = ["translate", &wider, "data/testA", "--out", "x", "--config", "run/config.yaml"];
    refuses(place.command(&given), &[&wider, misfit]);
    // Told by its shapes.
    assert(translate(&wider)).success();
    // A checkpoint of another width in the place of the run's.
    let own = place.path("run/checkpoints/step-00000006");
    fs::remove_dir_all(&own).unwrap();
    fs::create_dir(&own).unwrap();
    for (name, bytes) in files(&place.path(checkpoint)) {
        fs::write(own.join(name), bytes).unwrap();
    }
    let args = [method("ours"), sets(&["train.n_epochs_decay=0"]), vec!["--resume"]].concat();
    refuses(place.train("run", &args), &["checkpoint run/checkpoints/step-00000006", misfit]);
    refuses(place.command(&["eval", "run"]), &["run/checkpoints/step-00000006", misfit]);

    for file in ["net_D", "net_F"] {
        refuses(translate(&format!("{checkpoint}/{file}.safetensors")), &[file, "not a generator: it looks like"]);
    }
    refuses(
        translate(&format!("{checkpoint}/optimisers.safetensors")),
        &["optimisers.safetensors", "not a known generator"],
    );
    refuses(translate("tiny.yaml"), &["tiny.yaml: this is a text file; expected safetensors or a PyTorch checkpoint"]);
    refuses(translate("gone.pth"), &["gone.pth: no such file or folder"]);
    refuses(
        place.command(&["translate", "run", "data/testA", "--config", "tiny.yaml"]),
        &["--config belongs to a generator's file"],
    );

    let mut state = load_safetensors(place.path(&wider)).unwrap();
    fs::write(place.path("cut.pth"), torch_file(&state)).unwrap();
    cut(&place.path("cut.pth"));
    refuses(translate("cut.pth"), &["cut.pth"]);
    state.remove("model.8.weight");
    fs::write(place.path("less.pth"), torch_file(&state)).unwrap();
    refuses(translate("less.pth"), &["less.pth", "model.8.weight"]);
    let touched = place.path("touched");
    fs::write(place.path("evil.pth"), pickled_command(&touched)).unwrap();
    for command in [translate("evil.pth"), eval("evil.pth")] {
        refuses(command, &["evil.pth: the file asks for `posix.system`, which is refused"]);
    }
    assert!(!touched.exists());
}

#[test]
fn one_process_a_folder() {
    let place = Place::new();
    let args = [method("ours"), sets(&["train.n_epochs=100000"])].concat();
    let first = place.start(place.train("run", &args), "run", 1);
    let by = format!("run: in use by process {}; wait for it or stop it, or choose another folder", first.id());
    for mode in [&[][..], &["--resume"], &["--overwrite"]] {
        refuses(place.train("run", &[&args[..], mode].concat()), &[&by]);
    }
    signal(&first, "INT");
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(130));
    let steps: Vec<u64> =
        common::metrics(&place.path("run")).iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (1..=steps.len() as u64).collect::<Vec<_>>());
    assert(place.command(&["translate", "run", "data/testA", "--out", "x"])).success();
}

#[test]
fn divergence_is_named_and_never_saved() {
    let place = Place::new();
    let diverging = |name: &str, run: &str, more: &[&str]| {
        let keys = sets(&["optim.lr=1e30", "train.save_every=1", "train.sample_every=0"]);
        place.train(run, &[method(name), keys, more.to_vec()].concat())
    };
    let advice = "the run has diverged (lower the learning rate";
    // G is judged by the new D already.
    refuses(diverging("ours", "ours", &[]), &["step 1: `G_GAN` is ", advice]);
    assert!(common::names(&place.path("ours/checkpoints")).is_empty());
    // All losses of a step are those of the weights before it.
    let words = ["step 2: `G_A` is ", advice, "checkpoints of earlier steps are kept"];
    refuses(diverging("cyclegan", "logged", &[]), &words);
    // Steps that are not logged are looked at before they are saved.
    refuses(diverging("cyclegan", "quiet", &["--set", "train.log_every=1000"]), &words);
    for run in ["logged", "quiet"] {
        assert!(place.last_checkpoint(run).ends_with("step-00000001"), "{run}");
    }
    assert_same_files(&place.path("logged/checkpoints"), &place.path("quiet/checkpoints"), "logging changes nothing");
    // The same happens again on resume, which a message that said otherwise would hide.
    refuses(diverging("cyclegan", "logged", &["--resume"]), &words);
}

#[test]
fn missing_weights_touch_no_run() {
    let place = Place::new();
    place.trained("run", &[]);
    let before = files(&place.path("run"));
    fs::remove_dir_all(place.path("cache")).unwrap();
    for args in [method("lsesim"), [method("ours"), sets(&["train.eval_every=2"])].concat()] {
        refuses(
            place.train("run", &[&args[..], &["--overwrite"]].concat()),
            &["efficientnet-lite0-57934424.pth: no such file", "cargo xtask weights fetch effnet-lite0"],
        );
    }
    assert!(files(&place.path("run")) == before);
}
