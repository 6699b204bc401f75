//! Table 1 of the paper.

use super::profile::Profile;
use super::spec::{DatasetSpec, Method, SampleWorld, Spec};
use super::stargan2_multi;
use semrel_world::DomainSet;

/// "Quantitative comparison of multi-modal image translation": FID and LPIPS with random styles, then with the styles of
/// reference images.
pub const TABLE_1: Spec = Spec {
    name: "table1",
    title: "Table 1: multi-modal translation",
    program: &stargan2_multi::StarGan2Multi,
    datasets: &[
        DatasetSpec { name: "seasons", sample: SampleWorld::Domains(DomainSet::Seasons) },
        DatasetSpec { name: "weather", sample: SampleWorld::Domains(DomainSet::Weather) },
    ],
    methods: &[
        Method {
            name: "stargan-v2",
            title: "StarGAN v2",
            paper: &[
                ("seasons", "latent fid", 63.06),
                ("seasons", "latent lpips", 0.413),
                ("seasons", "reference fid", 61.19),
                ("seasons", "reference lpips", 0.346),
                ("weather", "latent fid", 62.45),
                ("weather", "latent lpips", 0.415),
                ("weather", "reference fid", 64.20),
                ("weather", "reference lpips", 0.342),
            ],
        },
        Method {
            name: LSESIM,
            title: "+ LSeSim",
            paper: &[
                ("seasons", "latent fid", 61.50),
                ("seasons", "latent lpips", 0.378),
                ("seasons", "reference fid", 60.40),
                ("seasons", "reference lpips", 0.302),
                ("weather", "latent fid", 60.07),
                ("weather", "latent lpips", 0.335),
                ("weather", "reference fid", 62.17),
                ("weather", "reference lpips", 0.286),
            ],
        },
        Method {
            name: "ours",
            title: "+ Ours",
            paper: &[
                ("seasons", "latent fid", 54.70),
                ("seasons", "latent lpips", 0.496),
                ("seasons", "reference fid", 54.23),
                ("seasons", "reference lpips", 0.365),
                ("weather", "latent fid", 54.02),
                ("weather", "latent lpips", 0.470),
                ("weather", "reference fid", 56.91),
                ("weather", "reference lpips", 0.362),
            ],
        },
    ],
    paper: "Lines `paper` are FID (Inception) and LPIPS (AlexNet) of the paper's Table 1, at its sizes and on its data. \
            They cannot be compared with FD and PD here, which have another extractor, data and size; only the order of \
            methods can.",
    notes,
};

const LSESIM: &str = "lsesim";

fn notes(_: Profile, methods: &[&Method]) -> Vec<String> {
    let note = "`+ LSeSim` alone trains with ImageNet features, and they are of the very network that its scores come \
                from: see docs/fidelity.md.";
    methods.iter().filter(|m| m.name == LSESIM).map(|_| note.to_owned()).take(1).collect()
}
