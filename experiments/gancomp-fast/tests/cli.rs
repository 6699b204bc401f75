//! The stages that train, on small runs.
#![cfg(unix)]

mod common;

use common::{ALIGNED, Place, STEPS, assert, json, metrics, names, read_json, refuses, sets, write_found};
use image::GenericImageView;
use predicates::prelude::predicate;
use semrel_nn::checkpoint::load_safetensors;
use std::fs;

#[test]
fn every_subcommand_explains_itself() {
    let place = Place::new();
    for (args, word) in [
        (&["--help"][..], "gancomp-fast teacher configs/"),
        (&["teacher", "--help"], "--overwrite"),
        (&["distill", "--help"], "--runs"),
        (&["finetune", "--help"], "--check"),
        (&["bench", "distill", "--help"], "--steps"),
    ] {
        assert(place.command(args)).success().stdout(predicate::str::contains(word));
    }
    assert(place.command(&["--version"])).success();
    assert(place.command(&[])).code(2);
    assert(place.command(&["destill"])).code(2).stderr(predicate::str::contains("distill"));
}

#[test]
fn check_opens_the_data_and_counts_the_steps() {
    let place = Place::new();
    for (stage, steps) in STEPS {
        assert_eq!(json(place.stage(stage, "runs", &["--check"]))["steps"], steps, "{stage}");
    }
    let warm = ["--check", "--set", "teacher.train.warmup=5"];
    assert_eq!(json(place.stage("teacher", "runs", &warm))["steps"], 17);
    assert!(!place.path("runs").exists());
}

/// What each stage leaves, with images in pairs and without, with the semantic terms and without.
#[test]
fn the_stages_follow_each_other() {
    let place = Place::new();
    for (runs, keys) in
        [("unaligned", &[][..]), ("aligned", &ALIGNED), ("fast", &["method=fast", "distill.recon=smooth_l1"])]
    {
        place.trained(&["teacher", "distill", "finetune"], runs, keys);
        let (ours, aligned) = (runs != "fast", runs == "aligned");
        let teacher = if aligned { "teach-pairs" } else { "teach" };
        let folder = |stage: &str| match stage {
            "teacher" => place.path(runs).join(teacher),
            stage => place.path(runs).join("rows/tiny").join(stage),
        };
        for (stage, steps) in STEPS {
            let summary = read_json(&folder(stage).join("summary.json"));
            assert_eq!((summary["last_step"].as_u64(), &summary["stage"]), (Some(steps), &stage.into()), "{runs}");
            assert_eq!(summary["unreadable_images"], 0);
            assert_eq!(summary["sources"], if stage == "distill" { 4 } else { 6 }, "{runs} {stage}");
            assert_eq!(summary["teacher"]["step"].as_u64(), (stage != "teacher").then_some(12), "{runs} {stage}");
        }
        // Three test images, the teacher's and those of the largest and the smallest configuration; of the only one.
        let sheet = |rows: u32| (3 * 34 + 2, rows * 34 + 2);
        for (stage, picture, rows) in [("teacher", 12, 2), ("distill", 8, 4), ("finetune", 6, 3)] {
            let path = folder(stage).join(format!("samples/step-{picture:08}.png"));
            assert_eq!(image::open(&path).unwrap().dimensions(), sheet(rows), "{}", path.display());
        }
        let line = &metrics(&folder("distill"))[7];
        for term in ["G", "G_gan", "G_recon", "G_distill", "G_distill3", "D", "D_real", "D_fake", "epoch", "lr"] {
            assert!(line[term].as_f64().is_some(), "{runs}: {term} is not in {line}");
        }
        assert_eq!((line["epoch"].as_f64(), line["lr"].as_f64()), (Some(2.0), Some(1e-4)));
        for term in ["G_SRC", "G_DCE", "G_SRC0", "G_DCE3", "gamma"] {
            assert_eq!(line[term].as_f64().is_some(), ours, "{runs}: {term}, {line}");
        }
        if ours {
            assert_eq!(line["gamma"], 10.0);
        }
        let checkpoint = folder("distill").join("checkpoints/step-00000008");
        let mut expected = vec!["net_A", "net_D", "net_G", "optimisers"];
        expected.splice(2..2, ours.then_some("net_F"));
        let expected: Vec<String> = expected.iter().map(|name| format!("{name}.safetensors")).collect();
        assert_eq!(names(&checkpoint)[..expected.len()], expected, "{runs}");
        let seen = load_safetensors(checkpoint.join("net_D.safetensors")).unwrap()["model.0.weight"].size();
        assert_eq!(seen, [4, if aligned { 6 } else { 3 }, 4, 4], "{runs}");
        let student = load_safetensors(checkpoint.join("net_G.safetensors")).unwrap();
        assert_eq!(student["model.10.conv_block.1.conv.2.weight"].size(), [16, 16, 1, 1], "{runs}");
    }
}

#[test]
fn fine_tuning_begins_with_what_distillation_left_and_trains_one_configuration() {
    let place = Place::new();
    place.trained(&["teacher", "distill"], "runs", &[]);
    // The winner of a search, as it is written.
    write_found(&place.path("runs/rows/tiny/search"), "4_2_4_2_4_2_4_2");
    // So slow that weights that are not reached show that they stayed.
    let keys = ["finetune.channels=null", "finetune.train.lr=1e-30"];
    place.trained(&["finetune"], "runs", &keys);
    let run = place.path("runs/rows/tiny/finetune");
    assert_eq!(read_json(&run.join("summary.json"))["channels"], "4_2_4_2_4_2_4_2");
    let kept = fs::read_to_string(run.join("config.yaml")).unwrap();
    assert!(kept.contains("channels: 4_2_4_2_4_2_4_2"), "{kept}");
    for network in ["net_G", "net_D"] {
        let of =
            |run: &str| load_safetensors(place.last_checkpoint(run).join(format!("{network}.safetensors"))).unwrap();
        let (before, after) = (of("runs/rows/tiny/distill"), of("runs/rows/tiny/finetune"));
        assert!(before.iter().all(|(key, tensor)| tensor.equal(&after[key])), "{network}");
    }
    let heads = |run: &str| load_safetensors(place.last_checkpoint(run).join("net_F.safetensors")).unwrap();
    let (before, after) = (heads("runs/rows/tiny/distill"), heads("runs/rows/tiny/finetune"));
    assert!(before.iter().any(|(key, tensor)| !tensor.equal(&after[key])), "heads begin afresh");
}

#[test]
fn rows_share_a_teacher_and_a_file_may_stand_in_for_one() {
    let place = Place::new();
    place.trained(&["teacher"], "runs", &[]);
    place.trained(&["distill"], "runs", &["method=fast", "name=rows/fast"]);
    place.trained(&["distill"], "runs", &[]);
    let teacher =
        |row: &str| read_json(&place.path(&format!("runs/rows/{row}/distill/summary.json")))["teacher"].clone();
    assert_eq!(teacher("fast"), teacher("tiny"));

    let file = place.last_checkpoint("runs/teach").join("net_G_A.safetensors");
    let weights = format!("teacher.weights={}", file.display());
    place.trained(&["distill"], "by-file", &[&weights]);
    let by_file = place.path("by-file/rows/tiny/distill");
    assert_eq!(read_json(&by_file.join("summary.json"))["teacher"]["digest"], teacher("tiny")["digest"]);
    assert_eq!(metrics(&by_file), metrics(&place.path("runs/rows/tiny/distill")));
}

#[test]
fn the_average_of_a_teacher_teaches() {
    let place = Place::new();
    let taught_by = |runs: &str, weights: Option<&str>| {
        let file = weights.map(|name| place.last_checkpoint("runs/teach").join(format!("{name}.safetensors")));
        let weights = file.map(|file| format!("teacher.weights={}", file.display()));
        let keys: Vec<&str> = ["teacher.train.ema=0.9"].into_iter().chain(weights.as_deref()).collect();
        place.trained(&["distill"], runs, &keys);
        read_json(&place.path(runs).join("rows/tiny/distill/summary.json"))["teacher"]["digest"].clone()
    };
    place.trained(&["teacher"], "runs", &["teacher.train.ema=0.9"]);
    let digest = taught_by("runs", None);
    assert_eq!(digest, taught_by("by-average", Some("net_G_ema")));
    assert_ne!(digest, taught_by("by-trained", Some("net_G_A")));
    // A file that is lost is missed: the generator as it trained does not take its place.
    fs::remove_file(place.last_checkpoint("runs/teach").join("net_G_ema.safetensors")).unwrap();
    let again = sets(&["teacher.train.ema=0.9", "name=rows/again"]);
    refuses(place.stage("distill", "runs", &again), &["net_G_ema.safetensors"]);
}

#[test]
fn evaluations_score_the_largest_and_the_smallest_and_mark_the_best() {
    let place = Place::new();
    let keys = ["teacher.train.eval_every=6", "distill.train.eval_every=4", "eval.reference=all", "eval.batch_size=2"];
    place.trained(&["teacher", "distill"], "runs", &keys);
    let scored = |run: &str, term: &str| -> Vec<f64> {
        metrics(&place.path(run)).iter().filter_map(|line| line[term].as_f64()).collect()
    };
    assert_eq!(scored("runs/teach", "eval/fd").len(), 2);
    let run = "runs/rows/tiny/distill";
    let [mean, largest, smallest] = ["eval/fd", "eval/fd_largest", "eval/fd_smallest"].map(|term| scored(run, term));
    assert_eq!((mean.len(), largest.len()), (2, 2));
    for i in 0..2 {
        assert!((mean[i] - (largest[i] + smallest[i]) / 2.0).abs() < 1e-9 && largest[i] != smallest[i]);
    }
    let best = read_json(&place.path(run).join("summary.json"))["best_step"].as_u64().unwrap();
    assert_eq!(best, if mean[0] <= mean[1] { 4 } else { 8 });
    assert!(fs::read_to_string(place.path(run).join("checkpoints/best")).unwrap().contains(&format!("{best:08}")));
}

#[test]
fn lists_choose_the_images_of_a_stage() {
    let place = Place::new();
    fs::write(place.path("train1.txt"), "0.png\n3.png\n5.png\n").unwrap();
    place.trained(&["teacher"], "runs", &[]);
    place.trained(&["distill"], "runs", &["data.distill_list.source=train1.txt"]);
    let summary = read_json(&place.path("runs/rows/tiny/distill/summary.json"));
    assert_eq!((&summary["sources"], &summary["targets"], &summary["last_step"]), (&3.into(), &4.into(), &8.into()));
}

#[test]
fn bench_compares_a_step_with_its_bare_passes() {
    let place = Place::new();
    for method in ["ours", "fast"] {
        let set = format!("method={method}");
        let args = ["bench", "distill", "tiny.yaml", "--steps", "3", "--threads", "1", "--set", &set];
        let report = json(place.command(&args));
        assert_eq!((report["steps"].as_array().map(Vec::len), &report["method"]), (Some(3), &method.into()));
        assert!(report["ratio"].as_f64().unwrap() > 0.5 && report["bare_seconds"].as_f64().unwrap() > 0.0, "{report}");
    }
}
