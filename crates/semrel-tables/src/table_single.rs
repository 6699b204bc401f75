//! The paper's comparison of single-modal translation, a table without a number.

use super::cut_single;
use super::evaluated::Terms;
use super::profile::Profile;
use super::spec::{DatasetSpec, Method, PaperImages, SampleWorld, Spec};
use semrel_world::PairWorld;

/// The data sets of the single-modal tables.
pub const DATASETS: &[DatasetSpec] = &[
    DatasetSpec {
        name: "horse2zebra",
        images: PaperImages { sources: 120, reference: "test", reals: &[&[140]] },
        sample: SampleWorld::Pair(PairWorld::HorseZebra),
    },
    DatasetSpec {
        name: "cityscapes",
        images: PaperImages { sources: 500, reference: "test", reals: &[&[500]] },
        sample: SampleWorld::Pair(PairWorld::Street),
    },
];

/// "Quantitative comparison of single-modal image translation": FID; FID, mAP, pixAcc and classAcc.
pub const TABLE_SINGLE: Spec = Spec {
    name: "table-single",
    title: "Single-modal translation",
    program: &cut_single::CutSingle,
    datasets: DATASETS,
    methods: &[
        Method {
            name: "cyclegan",
            title: "CycleGAN",
            paper: &[
                ("horse2zebra", "fid", 77.2),
                ("cityscapes", "fid", 76.3),
                ("cityscapes", "map", 20.4),
                ("cityscapes", "pixel_accuracy", 55.9),
                ("cityscapes", "class_accuracy", 25.4),
            ],
        },
        Method {
            name: "munit",
            title: "MUNIT",
            paper: &[
                ("horse2zebra", "fid", 133.8),
                ("cityscapes", "fid", 91.4),
                ("cityscapes", "map", 16.9),
                ("cityscapes", "pixel_accuracy", 56.5),
                ("cityscapes", "class_accuracy", 22.5),
            ],
        },
        Method {
            name: "drit",
            title: "DRIT",
            paper: &[
                ("horse2zebra", "fid", 140.0),
                ("cityscapes", "fid", 155.3),
                ("cityscapes", "map", 17.0),
                ("cityscapes", "pixel_accuracy", 58.7),
                ("cityscapes", "class_accuracy", 22.2),
            ],
        },
        Method {
            name: "distancegan",
            title: "DistanceGAN",
            paper: &[
                ("horse2zebra", "fid", 72.0),
                ("cityscapes", "fid", 81.8),
                ("cityscapes", "map", 8.4),
                ("cityscapes", "pixel_accuracy", 42.2),
                ("cityscapes", "class_accuracy", 12.6),
            ],
        },
        Method {
            name: "gcgan",
            title: "GcGAN",
            paper: &[
                ("horse2zebra", "fid", 86.7),
                ("cityscapes", "fid", 105.2),
                ("cityscapes", "map", 21.2),
                ("cityscapes", "pixel_accuracy", 63.2),
                ("cityscapes", "class_accuracy", 26.6),
            ],
        },
        Method {
            name: "cut",
            title: "CUT",
            paper: &[
                ("horse2zebra", "fid", 45.5),
                ("cityscapes", "fid", 56.4),
                ("cityscapes", "map", 24.7),
                ("cityscapes", "pixel_accuracy", 68.8),
                ("cityscapes", "class_accuracy", 30.7),
            ],
        },
        Method { name: "fastcut", title: "FastCUT", paper: &[] },
        Method {
            name: "negcut",
            title: "NEGCUT",
            paper: &[
                ("horse2zebra", "fid", 39.6),
                ("cityscapes", "fid", 48.5),
                ("cityscapes", "map", 27.6),
                ("cityscapes", "pixel_accuracy", 71.4),
                ("cityscapes", "class_accuracy", 35.0),
            ],
        },
        Method {
            name: LSESIM,
            title: "LSeSim",
            paper: &[("horse2zebra", "fid", 38.0), ("cityscapes", "fid", 49.7), ("cityscapes", "pixel_accuracy", 73.2)],
        },
        Method {
            name: "ours",
            title: "Ours",
            paper: &[
                ("horse2zebra", "fid", 34.4),
                ("cityscapes", "fid", 46.4),
                ("cityscapes", "map", 29.0),
                ("cityscapes", "pixel_accuracy", 73.5),
                ("cityscapes", "class_accuracy", 35.6),
            ],
        },
        Method { name: SUPERVISED, title: "supervised (pairs)", paper: &[] },
    ],
    first: &["cut", "ours"],
    supervised: Some(SUPERVISED),
    beside: Some("The paper does not list FastCUT."),
    notes,
};

const LSESIM: &str = "lsesim";

/// Pix2Pix: what training on pairs brings in the same time.
const SUPERVISED: &str = "supervised";

/// Network of the features that LSeSim compares in all profiles but the paper's.
const FEATURES: &str = "effnet-lite0";

fn notes(profile: Profile, methods: &[&Method], terms: &[Terms]) -> Vec<String> {
    let has = |name| methods.iter().any(|m| m.name == name);
    let features = "LSeSim compares ImageNet features of the very network that FD comes from: see docs/fidelity.md.";
    let pairs =
        "Supervised: Pix2Pix, which alone was told what each training image should become. Not a row of the paper.";
    let scored = terms.iter().any(|terms| terms.frechet.contains(FEATURES));
    let shown = [(has(LSESIM) && scored && profile != Profile::Paper, features), (has(SUPERVISED), pairs)];
    shown.into_iter().filter(|(shown, _)| *shown).map(|(_, note)| note.to_owned()).collect()
}
