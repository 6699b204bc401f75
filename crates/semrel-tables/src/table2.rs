//! Table 2 of the paper, compression.

use super::gancomp_fast::{self, OURS, TEACHER};
use super::spec::{DatasetSpec, Method, PaperImages, SampleWorld, Spec};
use semrel_world::PairWorld;

/// "Quantitative comparison of model compression": parameters, MACs, FID, mIoU.
pub const TABLE_2: Spec = Spec {
    name: "table2",
    title: "Table 2: compression",
    program: &gancomp_fast::GancompFast,
    datasets: &[
        DatasetSpec {
            name: "horse2zebra",
            images: PaperImages { sources: 120, reference: "all", reals: &[&[1474]] },
            sample: SampleWorld::Pair(PairWorld::HorseZebra),
        },
        DatasetSpec {
            name: "maps",
            images: PaperImages { sources: 1098, reference: "test", reals: &[&[1098]] },
            sample: SampleWorld::Pair(PairWorld::Maps),
        },
        DatasetSpec {
            name: "cityscapes",
            images: PaperImages { sources: 500, reference: "test", reals: &[&[500]] },
            sample: SampleWorld::Pair(PairWorld::Street),
        },
    ],
    methods: &[
        Method {
            name: TEACHER,
            title: "Teacher",
            paper: &[
                ("horse2zebra", "parameters", 11.38e6),
                ("horse2zebra", "macs", 56.80e9),
                ("horse2zebra", "fid", 59.46),
                ("maps", "parameters", 11.38e6),
                ("maps", "macs", 56.80e9),
                ("maps", "fid", 47.90),
                ("cityscapes", "parameters", 11.38e6),
                ("cityscapes", "macs", 56.80e9),
                ("cityscapes", "fid", 60.38),
                ("cityscapes", "mean_iou", 42.86),
            ],
        },
        Method {
            name: "fast",
            title: "Baseline",
            paper: &[
                ("horse2zebra", "parameters", 0.412e6),
                ("horse2zebra", "macs", 2.962e9),
                ("horse2zebra", "fid", 74.39),
                ("maps", "parameters", 0.667e6),
                ("maps", "macs", 4.495e9),
                ("maps", "fid", 50.06),
                ("cityscapes", "parameters", 0.730e6),
                ("cityscapes", "macs", 5.551e9),
                ("cityscapes", "fid", 85.24),
                ("cityscapes", "mean_iou", 41.42),
            ],
        },
        Method {
            name: OURS,
            title: "+ Ours",
            paper: &[
                ("horse2zebra", "parameters", 0.412e6),
                ("horse2zebra", "macs", 2.962e9),
                ("horse2zebra", "fid", 64.64),
                ("maps", "parameters", 0.667e6),
                ("maps", "macs", 4.495e9),
                ("maps", "fid", 48.49),
                ("cityscapes", "parameters", 0.685e6),
                ("cityscapes", "macs", 4.390e9),
                ("cityscapes", "fid", 72.41),
                ("cityscapes", "mean_iou", 43.06),
            ],
        },
    ],
    first: &[OURS],
    supervised: None,
    beside: Some("`gancomp-fast profile` gives the paper's parameters and MACs from its configurations."),
    notes: |_, _, _| vec![],
};
