//! How each command of the pages is run, in the order in which they depend on each other.

/// A command as a page has it.
pub struct Typed {
    /// Its line.
    pub typed: &'static str,
    /// How it is run.
    pub how: How,
    /// A file or folder that is there afterwards; empty where none matters.
    pub makes: &'static str,
}

/// How a command is run. `DIR` stands for a folder of two kinds.
pub enum How {
    /// With these words appended.
    With(&'static str),
    /// With another folder for `DIR`, and these words appended.
    Of(&'static str, &'static str),
    /// Not at all, for this reason.
    Not(&'static str),
}

use How::{Not, Of, With};

const fn typed(typed: &'static str, how: How) -> Typed {
    Typed { typed, how, makes: "" }
}

const fn making(typed: &'static str, how: How, makes: &'static str) -> Typed {
    Typed { typed, how, makes }
}

/// As short as a run of an experiment can be.
macro_rules! single {
    ($($more:literal)?) => {
        concat!(
            "--set data.load_size=36 --set data.image_size=32 --set loss.num_patches=16 --set train.warmup=1 ",
            "--set train.n_epochs=1 --set train.n_epochs_decay=0 --set model.ngf=8 --set model.ndf=8 ", $($more)?
        )
    };
}
macro_rules! multi {
    ($($more:literal)?) => {
        concat!(
            "--set train.iterations=2 --set train.warmup=1 --set train.batch_size=2 --set eval.num_outs=2 ",
            "--set model.width=8 --set model.max_width=16 --set eval.max_sources=2 --set eval.max_reals=4 ", $($more)?
        )
    };
}
macro_rules! compression {
    ($($more:literal)?) => {
        concat!(
            "--set data.load_size=36 --set data.image_size=32 --set data.held_back=2 --set distill.semantic.num_patches=16 ",
            "--set teacher.train.n_epochs=1 --set teacher.train.n_epochs_decay=0 --set teacher.train.warmup=1 ",
            "--set distill.train.n_epochs=1 --set distill.train.n_epochs_decay=0 --set search.budget.macs=1e9 ",
            "--set search.population=4 --set search.generations=1 ", $($more)?
        )
    };
}

/// The multi-modal experiment.
pub const MULTI: &[Typed] = &[
    making("cargo xtask table1", With(multi!("--only seasons/ours")), "results/table1.md"),
    typed("cargo xtask table1 --profile small --data DIR --out results/mine", With(multi!("--only ours"))),
    making(
        "cargo xtask table1 --only seasons/ours --set train.iterations=300 --out results/try --runs runs/try",
        With(multi!()),
        "results/try/table1.md",
    ),
    typed(
        "cargo run -p stargan2-multi -- train configs/stargan2-multi/sample/data-ours.yaml \
         --set name=weather-quick --set data.root=DIR --set train.iterations=150 --threads 1",
        With(multi!()),
    ),
    making(
        "cargo run -p stargan2-multi -- sample runs/stargan2-multi/weather-quick --grid reference \
         --out results/weather-quick.png",
        With(""),
        "results/weather-quick.png",
    ),
    making(
        "cargo run -p stargan2-multi -- translate runs/stargan2-multi/weather-quick DIR/val/cloudy --to sunrise \
         --out results/weather-quick",
        With(""),
        "results/weather-quick/cloudy6.png",
    ),
    typed(
        "cargo run -p stargan2-multi -- train configs/stargan2-multi/small/data-ours.yaml \
         --set name=weather --set data.root=DIR",
        With(multi!()),
    ),
    making(
        "cargo run -p stargan2-multi -- sample runs/stargan2-multi/weather --grid reference --out results/weather.png",
        With(""),
        "results/weather.png",
    ),
    typed("cargo run -p stargan2-multi -- train configs/stargan2-multi/sample/seasons-ours.yaml", With(multi!())),
    typed("cargo run -p stargan2-multi -- eval runs/stargan2-multi/sample-seasons-ours --checkpoint best", With("")),
    making(
        "cargo run -p stargan2-multi -- sample runs/stargan2-multi/sample-seasons-ours --grid reference --out grid.png",
        With(""),
        "grid.png",
    ),
    making(
        "cargo run -p stargan2-multi -- translate runs/stargan2-multi/sample-seasons-ours photos --to winter --out snowy",
        With(""),
        "snowy",
    ),
];

/// The single-modal experiment.
pub const SINGLE: &[Typed] = &[
    making(
        "cargo xtask table-single",
        With(single!("--data two --profile sample --only ours")),
        "results/table-single.md",
    ),
    making("cargo xtask table3", With(single!("--data two --profile sample --only dce")), "results/table3.md"),
    making("cargo run -p cut-single -- completions bash > target/cut-single.bash", With(""), "target/cut-single.bash"),
    making("cargo run -p cut-single -- man target/man", With(""), "target/man/cut-single-train.1"),
    typed("cargo run -p cut-single -- config-schema > target/cut-single.schema.json", With("")),
    typed("mkdir -p data/sky", With("")),
    typed("cp -r DIR/train/cloudy data/sky/trainA", With("")),
    typed("cp -r DIR/train/sunrise data/sky/trainB", With("")),
    typed("cp -r DIR/val/cloudy data/sky/testA", With("")),
    typed("cp -r DIR/val/sunrise data/sky/testB", With("")),
    typed("cargo xtask data check data/sky", With("")),
    typed(
        "cargo run -p cut-single -- train configs/cut-single/sample/data-ours.yaml \
         --set name=sky-quick --set data.root=data/sky --set train.n_epochs=1 --set train.n_epochs_decay=1 --threads 1",
        With(single!()),
    ),
    typed(
        "cargo run -p cut-single -- translate runs/cut-single/sky-quick data/sky/testA --out results/sky-quick",
        With(""),
    ),
    typed(
        "cargo run -p cut-single -- train configs/cut-single/small/data-ours.yaml \
         --set name=sky --set data.root=data/sky",
        With(single!()),
    ),
    making(
        "cargo run -p cut-single -- translate runs/cut-single/sky data/sky/testA --out results/sky",
        With(""),
        "results/sky",
    ),
    making(
        "cargo xtask table-single --profile small --data data/sky --only ours,cut,fastcut --out results/sky-table",
        With(single!()),
        "results/sky-table/table-single.md",
    ),
    typed(
        "cargo run -p cut-single -- train configs/cut-single/sample/horse2zebra-ours.yaml",
        With(single!("--set data.root=two --set eval.truth=null --set eval.masks=null")),
    ),
    making(
        "cargo run -p cut-single -- translate runs/cut-single/sample-horse2zebra-ours photos --out translated",
        With(""),
        "translated",
    ),
    typed(
        "cargo run -p cut-single -- train configs/cut-single/sample/horse2zebra-munit.yaml",
        With(single!("--set data.root=two --set eval.truth=null --set eval.masks=null")),
    ),
    making(
        "cargo run -p cut-single -- translate runs/cut-single/sample-horse2zebra-munit photos --out styles --styles 5",
        With(""),
        "styles",
    ),
    making(
        "cargo run -p cut-single -- translate runs/cut-single/sample-horse2zebra-munit photos --out like \
         --reference zebra.jpg",
        With(""),
        "like",
    ),
    typed("cargo run -p cut-single -- eval runs/cut-single/sample-horse2zebra-ours --checkpoint best", With("")),
    making(
        "cargo run -p cut-single -- export runs/cut-single/sample-horse2zebra-ours --checkpoint best --out \
         horse2zebra.safetensors",
        With(""),
        "horse2zebra.safetensors",
    ),
    making(
        "cargo run -p cut-single -- translate horse2zebra.safetensors photos --out translated",
        With(""),
        "translated",
    ),
    typed(
        "cargo run -p cut-single -- translate gen_01000000.pt photos --out munit --styles 5",
        Not("it needs a published file; the tests of cut-single translate by files of this form"),
    ),
    typed(
        "cargo run -p cut-single -- translate drit.pth photos --out drit --reference zebra.jpg",
        Not("it needs a published file; the tests of cut-single translate by files of this form"),
    ),
    making(
        "cargo run -p cut-single -- similarity runs/cut-single/sample-horse2zebra-ours horse.jpg --at 20,15 --out maps",
        With(""),
        "maps/horse-20-15.png",
    ),
    making(
        "cargo run -p cut-single -- explore runs/cut-single/sample-horse2zebra-ours --input horse.jpg --out explorer",
        With(""),
        "explorer/index.html",
    ),
    typed(
        "cargo xtask table-single --profile small --data DIR --direction BtoA --only ours,cut,fastcut",
        Of("two", single!()),
    ),
];

/// Compression.
pub const COMPRESSION: &[Typed] = &[
    making("cargo xtask table2", With(compression!("--data two --profile sample --only ours")), "results/table2.md"),
    typed(
        "cargo run -p gancomp-fast -- teacher configs/gancomp-fast/sample/horse2zebra-ours.yaml",
        With(compression!("--set data.root=two --set eval.truth=null --set eval.masks=null")),
    ),
    typed(
        "cargo run -p gancomp-fast -- distill configs/gancomp-fast/sample/horse2zebra-ours.yaml",
        With(compression!("--set data.root=two --set eval.truth=null --set eval.masks=null")),
    ),
    typed(
        "cargo run -p gancomp-fast -- search configs/gancomp-fast/sample/horse2zebra-ours.yaml",
        With(compression!("--set data.root=two --set eval.truth=null --set eval.masks=null")),
    ),
    making(
        "cargo run -p gancomp-fast -- export configs/gancomp-fast/sample/horse2zebra-ours.yaml",
        With(compression!("--set data.root=two --set eval.truth=null --set eval.masks=null")),
        "runs/gancomp-fast/sample/horse2zebra-ours/export/generator.onnx",
    ),
    typed(
        "cargo run -p gancomp-fast -- eval configs/gancomp-fast/sample/horse2zebra-ours.yaml",
        With(compression!("--set data.root=two --set eval.truth=null --set eval.masks=null")),
    ),
    making(
        "cargo run -p gancomp-fast -- translate --onnx \
         runs/gancomp-fast/sample/horse2zebra-ours/export/generator.onnx photos --out small",
        With(""),
        "small",
    ),
    typed("cargo run -p gancomp-fast -- profile 16_16_32_16_16_64_16_24", With("--runs 1 --warmup 0")),
    typed("cargo xtask table2 --profile small --data DIR --direction BtoA", Of("two", compression!("--only ours"))),
    typed("cargo xtask bench compress --help", With("")),
    making("cargo xtask docs", With("--reference"), "docs/reference/gancomp-fast.md"),
];

/// Everything else.
pub const REST: &[Typed] = &[
    typed("git clone … && cd …", Not("it needs a place to clone from")),
    typed("cargo xtask test", Not("it is what runs this")),
    making("cargo xtask data sample", With("--train 2 --val 1"), "data/sample-64/maps/val"),
    typed("cargo xtask data check DIR", With("")),
    typed("cargo run -p semrel-metrics -- fid photos translations", With("")),
    typed(
        "cargo run -p semrel-metrics -- compare data/sample-64/horse2zebra/truthB \
         runs/cut-single/NAME/results/test_STEP/images/fake_B",
        Not("it names a run of one's own; the tests of semrel-metrics run the command"),
    ),
    typed("cargo xtask weights list", With("")),
    typed("cargo xtask evidence", Not("it trains for hours")),
    typed("cargo xtask evidence --claims C2,C3 --data horse2zebra", Not("it trains for hours")),
    typed("cargo xtask evidence --data lines2colour,satellite2relief --seeds 6", Not("it trains for hours")),
    typed(
        "cargo xtask sweep configs/cut-single/sample/horse2zebra-ours.yaml --set loss.gamma_start=50,10,1,0.1 --set \
         loss.use_curriculum=false --seeds 5",
        Not("it trains for an hour"),
    ),
    typed("cargo xtask completions zsh > target/_xtask", With("")),
    typed("cargo xtask data list", With("")),
    typed("cargo test -p semrel-loss", Not("a part of what runs this")),
    typed("cargo xtask setup --cuda", Not("it fetches several GB")),
    typed(
        "cargo run -p cut-single -- train configs/cut-single/paper/horse2zebra-ours.yaml --device cuda:0",
        Not("it needs a GPU and the published data"),
    ),
    typed(
        "cargo run -p stargan2-multi -- train configs/stargan2-multi/paper/seasons-ours.yaml --device cuda:0",
        Not("it needs a GPU and the published data"),
    ),
    typed("cargo xtask table-single --profile paper --device cuda:0", Not("it needs a GPU and the published data")),
];
