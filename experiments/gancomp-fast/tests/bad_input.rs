//! Bad configurations, stages that are missing, networks that do not fit: each error names the file or key, what is wrong, and
//! what would be right.
#![cfg(unix)]

mod common;

use common::{ALIGNED, Place, assert, cut, files, names, refuses, refuses_former_names, sets, signal};
use gancomp_fast::config::Config;
use semrel_nn::checkpoint::load_safetensors;
use semrel_run::Checked;
use std::fs;

#[test]
fn configurations() {
    let place = Place::new();
    for (set, words) in [
        ("distill.lamda_recon=1", &["--set distill.lamda_recon=1", "did you mean `distill.lambda_recon`?"][..]),
        ("method=slow", &["key `method`", "found `slow`, expected one of `fast`, `ours`"]),
        ("data.layout=paired", &["key `data.layout`", "expected one of `unaligned`, `aligned`"]),
        ("model.discriminator=style", &["key `model.discriminator`", "`pixel`, or the number of halvings"]),
        (
            "model.teacher_ngf=0",
            &["--set model.teacher_ngf=0: config key `model.teacher_ngf`: 0; it must be at least 1"],
        ),
        ("model.student_ngf=1", &["`distill.channels`", "model.student_ngf"]),
        ("model.teacher_ngf=8", &["`model.student_ngf`: 4, and model.teacher_ngf is 8", "at least as wide"]),
        ("distill.channels=channels-7", &["key `distill.channels`", "channels-7", "channels-48"]),
        ("distill.channels=[[4], [4]]", &["key `distill.channels`", "8"]),
        ("finetune.channels=4_4_4", &["key `finetune.channels`", "4_4_4"]),
        ("finetune.channels=9_4_4_4_4_4_4_4", &["`finetune.channels`", "9"]),
        ("distill.train.batch_size=2", &["`distill.train.batch_size`: 2; the semantic terms", "use 1"]),
        ("distill.train.batch_size=0", &["`distill.train.batch_size`: 0; it must be at least 1"]),
        ("distill.train.n_epochs=9223372036854775807", &["`distill.train.n_epochs`", "at most 4294967296"]),
        ("teacher.train.warmup=18446744073709551615", &["`teacher.train.warmup`", "at most 4294967296"]),
        ("distill.train.warmup=3", &["`distill.train.warmup`: 3; only a teacher has a warm-up"]),
        ("teacher.train.lr=0", &["`teacher.train.lr`: 0; it must be finite and positive"]),
        ("finetune.train.beta1=1", &["`finetune.train.beta1`: 1; it must be at least 0 and below 1"]),
        ("distill.lambda_distill=.nan", &["`distill.lambda_distill`: NaN; it must be finite"]),
        ("distill.semantic.gamma_start=0", &["`distill.semantic.gamma_start`: 0; it must be finite and positive"]),
        ("distill.semantic.num_patches=1", &["`distill.semantic.num_patches`: 1; it must be at least 2"]),
        ("search.budget.macs=0", &["`search.budget.macs`: 0; it must be finite and positive"]),
        ("search.parent_ratio=2", &["`search.parent_ratio`: 2; it must be a share"]),
        ("data.image_size=64", &["`data.image_size`: 64 with data.load_size 36"]),
        ("data.image_size=34", &["`data.image_size`: 34; it must be a multiple of 4"]),
        ("data.image_size=16", &["`data.image_size`: the discriminator", "at least 24"]),
        ("data.root=nowhere", &["config key `data.root`: nowhere: no such folder", "trainA"]),
        ("data.held_back=6", &["config key `data.held_back`: data/trainA: 6 image(s); at least 7"]),
        ("data.search_list=gone.txt", &["config key `data.search_list`: gone.txt: cannot be read"]),
        ("name=../elsewhere", &["`name`: ../elsewhere; it names a folder"]),
        (
            "teacher.identity_images=9",
            &["`teacher.identity_images`: 9; it must be at most `teacher.train.batch_size`, 1"],
        ),
        (
            "eval.more.scores=[coupling]",
            &["`eval.more.scores`: coupling; leave it out: only methods of cut-single log it"],
        ),
        ("eval.more.scores=[prdc]", &["`eval.more.neighbours`: 5", "images"]),
        ("model.output=affine", &["`model.output`: affine; `tanh` or `residual`"]),
        ("model.norm=batch", &["`model.norm`: found `batch`", "`instance`, `pixel`"]),
        ("model.doubling=bilinear", &["`model.doubling`: found `bilinear`", "`transposed`, `smooth`"]),
        ("teacher.train.ema=1", &["`teacher.train.ema`: 1; it must be"]),
        ("distill.train.ema=0.9", &["`distill.train.ema`: 0.9; only a teacher's weights are averaged"]),
        ("teacher.name=''", &["`teacher.name`: empty"]),
        ("teacher.weights=G.pth", &["`teacher.weights`: G.pth: this row's teacher is a file"]),
    ] {
        refuses(place.stage("teacher", "runs", &sets(&[set])), words);
    }
    let cosine = sets(&["teacher.train.policy=cosine", "teacher.train.n_epochs=0"]);
    refuses(place.stage("teacher", "runs", &cosine), &["`teacher.train.n_epochs`: 0; `policy: cosine`"]);
    let none = sets(&["distill.semantic.lambda_src=0", "distill.semantic.lambda_dce=0"]);
    refuses(place.stage("teacher", "runs", &none), &["`ours` without either is `method: fast`"]);
    let list = sets(&["data.layout=aligned", "data.distill_list.target=x.txt"]);
    refuses(place.stage("teacher", "runs", &list), &["`data.distill_list.target`: given for images in pairs"]);
    refuses(place.stage("finetune", "runs", &sets(&["finetune=null"])), &["config section `finetune` is absent"]);
    refuses(place.command(&["teacher", "none.yaml"]), &["none.yaml: cannot read the configuration"]);
    refuses(place.stage("teacher", "runs", &["--device", "tpu"]), &["unknown device `tpu`; available: cpu"]);
    assert!(!place.path("runs").exists(), "nothing was started");
}

#[test]
fn images_that_are_no_pairs() {
    let place = Place::new();
    fs::rename(place.path("data/trainB/3.png"), place.path("data/trainB/other.png")).unwrap();
    let aligned = sets(&ALIGNED);
    refuses(
        place.stage("teacher", "runs", &aligned),
        &["config key `data.layout`: aligned: data/trainA/3.png: data/trainB holds no image of this name"],
    );
    fs::create_dir(place.path("pictures")).unwrap();
    for phase in ["train", "test"] {
        let folder = place.path("pictures").join(phase);
        fs::create_dir(&folder).unwrap();
        image::RgbImage::new(80, 40).save(folder.join("1.png")).unwrap();
    }
    let unaligned = sets(&["data.root=pictures", "data.held_back=0"]);
    refuses(place.stage("teacher", "runs", &unaligned), &["`data.layout`: unaligned, but pictures/train holds A|B"]);
}

#[test]
fn stages_that_are_missing() {
    let place = Place::new();
    refuses(
        place.stage("distill", "runs", &[]),
        &["runs/teach: there is no trained teacher yet; train it first: gancomp-fast teacher", "teacher.weights"],
    );
    refuses(
        place.stage("finetune", "runs", &[]),
        &["runs/rows/tiny/distill: there is no distilled super-net yet; distil it first: gancomp-fast distill"],
    );
    place.trained(&["teacher", "distill"], "runs", &[]);
    refuses(
        place.stage("finetune", "runs", &sets(&["finetune.channels=null"])),
        &["rows/tiny/search: there is no finished search yet; run it first: gancomp-fast search", "finetune.channels"],
    );
    refuses(
        place.stage("finetune", "runs", &sets(&["finetune.channels=3_4_4_4_4_4_4_4"])),
        &["config key `finetune.channels`", "3_4_4_4_4_4_4_4"],
    );
    refuses(
        place.stage("distill", "other", &sets(&["teacher.weights=gone.pth"])),
        &["config key `teacher.weights`", "gone.pth"],
    );
    assert!(!place.path("other").exists());
    refuses(
        place.stage("distill", "runs", &[&sets(&["teacher.checkpoint=5"])[..], &["--overwrite"]].concat()),
        &["config key `teacher.checkpoint`", "no checkpoint of step 5"],
    );
    refuses(place.stage("distill", "runs", &[]), &["distill: already holds a run", "`--resume`", "`--overwrite`"]);
    for (set, words) in [
        ("model.output=residual", "`model.output`: \"residual\", but the teacher"),
        ("model.norm=pixel", "`model.norm`: \"pixel\", but the teacher"),
        ("model.doubling=smooth", "`model.doubling`: \"smooth\", but the teacher"),
    ] {
        let args = [&sets(&[set])[..], &["--overwrite"]].concat();
        refuses(place.stage("distill", "runs", &args), &[words, "train another teacher"]);
    }
}

#[test]
fn teachers_that_do_not_fit() {
    let place = Place::new();
    place.trained(&["teacher"], "runs", &[]);
    let distill = |keys: &[&str]| place.stage("distill", "runs", &sets(keys));
    refuses(
        distill(&["model.teacher_ngf=3"]),
        &["config key `model.teacher_ngf`: 3, but the teacher runs/teach", "has width 2; set it to 2"],
    );
    refuses(
        distill(&["data.layout=aligned"]),
        &["its networks are D_A, D_B, G_A, G_B; config key `data.layout` asks for G of a Pix2Pix"],
    );
    let file = place.last_checkpoint("runs/teach").join("net_G_A.safetensors");
    let weights = format!("teacher.weights={}", file.display());
    refuses(distill(&[&weights, "model.teacher_ngf=3"]), &["net_G_A.safetensors has width 2"]);
    let critic = format!("teacher.weights={}", file.with_file_name("net_D_A.safetensors").display());
    refuses(distill(&[&critic]), &["net_D_A.safetensors", "network teacher"]);
    cut(&file);
    refuses(distill(&[]), &["net_G_A.safetensors", "bytes, but"]);
    assert!(!place.path("runs/rows").exists());
}

#[test]
fn one_process_a_folder() {
    let place = Place::new();
    let long = sets(&["teacher.train.n_epochs=100000"]);
    let first = place.start(place.stage("teacher", "runs", &long), "runs/teach", 1);
    let by = format!("runs/teach: in use by process {}; wait for it or stop it", first.id());
    for mode in [&[][..], &["--resume"], &["--overwrite"]] {
        refuses(place.stage("teacher", "runs", &[&long[..], mode].concat()), &[&by]);
    }
    signal(&first, "INT");
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(130));
    // An unfinished teacher serves, and is told.
    let told = assert(place.stage("distill", "runs", &[])).success();
    let text = String::from_utf8_lossy(&told.get_output().stderr).into_owned();
    assert!(text.contains("the teacher has not been trained to its end"), "{text}");
}

#[test]
fn divergence_is_named_and_never_saved() {
    let place = Place::new();
    place.trained(&["teacher"], "runs", &[]);
    let args = sets(&["distill.train.lr=1e30", "distill.train.save_every=1", "distill.train.sample_every=0"]);
    let words = ["step 2: `", "the run has diverged (lower the learning rate", "checkpoints of earlier steps are kept"];
    refuses(place.stage("distill", "runs", &args), &words);
    let kept = names(&place.path("runs/rows/tiny/distill/checkpoints"));
    assert_eq!(kept, ["step-00000001"]);
    let student = load_safetensors(place.last_checkpoint("runs/rows/tiny/distill").join("net_G.safetensors")).unwrap();
    assert!(student.values().all(|t| t.isfinite().all().int64_value(&[]) == 1));
    refuses(place.stage("distill", "runs", &[&args[..], &["--resume"]].concat()), &words);
}

#[test]
fn statistics_and_weights_of_the_evaluation() {
    let place = Place::new();
    let teacher =
        |keys: &[&str]| place.stage("teacher", "runs", &[sets(&["teacher.train.eval_every=6"]), sets(keys)].concat());
    refuses(teacher(&["eval.statistics=gone.npz"]), &["config key `eval.statistics`", "gone.npz"]);
    let few = semrel_metrics::Statistics::new(ndarray::Array1::zeros(3), ndarray::Array2::eye(3), None).unwrap();
    few.write_npz(place.path("three.npz")).unwrap();
    refuses(
        teacher(&["eval.statistics=three.npz"]),
        &["config key `eval.statistics`: three.npz: statistics of 3 features, but effnet-lite0 has 1280"],
    );
    for i in 0..2 {
        fs::remove_file(place.path(&format!("data/testA/{i}.png"))).unwrap();
    }
    refuses(teacher(&[]), &["data/testA holds 1 picture to translate", "at least 2"]);
    fs::remove_dir_all(place.path("cache/weights")).unwrap();
    for side in ["A", "B"] {
        let from = place.path(&format!("data/train{side}/0.png"));
        fs::copy(from, place.path(&format!("data/test{side}/0.png"))).unwrap();
    }
    refuses(teacher(&[]), &["efficientnet-lite0-57934424.pth: no such file", "cargo xtask weights fetch effnet-lite0"]);
    assert!(!place.path("runs").exists() || files(&place.path("runs")).is_empty());
}

#[test]
fn a_former_name_is_refused_with_the_new_one() {
    let place = Place::new();
    let file = [place.path("tiny.yaml")];
    let renamed = [
        ("data.crop_size", "data.image_size"),
        ("distill.semantic.gamma", "distill.semantic.gamma_start"),
        ("distill.semantic.gamma_min", "distill.semantic.gamma_end"),
        ("teacher.lambda_a", "teacher.lambda_cycle_a"),
        ("teacher.lambda_b", "teacher.lambda_cycle_b"),
    ];
    let load = |set: &[String]| Checked::<Config>::load(&file, set).unwrap_err().to_string();
    refuses_former_names(&renamed, load);
}
