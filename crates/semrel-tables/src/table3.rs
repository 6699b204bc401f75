//! Table 3 of the paper, the ablation.

use super::cut_single;
use super::profile::Profile;
use super::spec::{Method, Spec};
use super::table_single::DATASETS;

/// "Quantitative results of ablation studies": FID; FID, mAP, pixAcc and classAcc.
pub const TABLE_3: Spec = Spec {
    name: "table3",
    title: "Table 3: ablation of single-modal translation",
    program: &cut_single::CutSingle,
    datasets: DATASETS,
    methods: &[
        Method {
            name: "infonce",
            title: "InfoNCE",
            paper: &[
                ("horse2zebra", "fid", 45.5),
                ("cityscapes", "fid", 56.4),
                ("cityscapes", "map", 24.7),
                ("cityscapes", "pixel_accuracy", 68.8),
                ("cityscapes", "class_accuracy", 30.7),
            ],
        },
        Method {
            name: "infonce-src",
            title: "InfoNCE + SRC",
            paper: &[
                ("horse2zebra", "fid", 42.7),
                ("cityscapes", "fid", 52.7),
                ("cityscapes", "map", 27.2),
                ("cityscapes", "pixel_accuracy", 73.0),
                ("cityscapes", "class_accuracy", 33.1),
            ],
        },
        Method {
            name: "infonce-src-hard",
            title: "InfoNCE + SRC + Hneg",
            paper: &[
                ("horse2zebra", "fid", 40.5),
                ("cityscapes", "fid", 49.9),
                ("cityscapes", "map", 27.4),
                ("cityscapes", "pixel_accuracy", 72.8),
                ("cityscapes", "class_accuracy", 33.5),
            ],
        },
        Method {
            name: "dce",
            title: "DCE",
            paper: &[
                ("horse2zebra", "fid", 41.2),
                ("cityscapes", "fid", 52.0),
                ("cityscapes", "map", 27.8),
                ("cityscapes", "pixel_accuracy", 72.8),
                ("cityscapes", "class_accuracy", 33.4),
            ],
        },
        Method {
            name: "dce-src",
            title: "DCE + SRC",
            paper: &[
                ("horse2zebra", "fid", 37.6),
                ("cityscapes", "fid", 50.1),
                ("cityscapes", "map", 27.3),
                ("cityscapes", "pixel_accuracy", 71.4),
                ("cityscapes", "class_accuracy", 33.4),
            ],
        },
        Method {
            name: "dce-hard",
            title: "DCE + Hneg",
            paper: &[
                ("horse2zebra", "fid", 36.2),
                ("cityscapes", "fid", 49.9),
                ("cityscapes", "map", 27.9),
                ("cityscapes", "pixel_accuracy", 73.3),
                ("cityscapes", "class_accuracy", 34.2),
            ],
        },
        Method {
            name: "ours",
            title: "DCE + SRC + Hneg",
            paper: &[
                ("horse2zebra", "fid", 34.4),
                ("cityscapes", "fid", 46.4),
                ("cityscapes", "map", 29.0),
                ("cityscapes", "pixel_accuracy", 73.5),
                ("cityscapes", "class_accuracy", 35.6),
            ],
        },
    ],
    first: &["infonce", "ours"],
    supervised: None,
    beside: None,
    notes: |profile, _, _| {
        let of_dce = match profile {
            Profile::Paper => "DCE has 0.1",
            Profile::Sample | Profile::Small => "DCE has 1 as well, which short runs need (published: 0.1)",
        };
        vec![format!(
            "InfoNCE has the weight 1 of CUT, to which its row is equal in the paper; {of_dce}. Hneg: hard negatives. The last \
             row is the paper's method."
        )]
    },
};
