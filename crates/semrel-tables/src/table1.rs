//! Table 1 of the paper.

use super::evaluated::Terms;
use super::profile::Profile;
use super::spec::{DatasetSpec, Method, PaperImages, SampleWorld, Spec};
use super::stargan2_multi;
use semrel_world::DomainSet;

/// "Quantitative comparison of multi-modal image translation": FID and LPIPS with random styles, then with the styles of
/// reference images.
pub const TABLE_1: Spec = Spec {
    name: "table1",
    title: "Table 1: multi-modal translation",
    program: &stargan2_multi::StarGan2Multi,
    datasets: &[
        DatasetSpec {
            name: "seasons",
            images: PaperImages {
                sources: 100,
                reference: "train",
                reals: &[&[1055, 1208, 1322, 1460], &[955, 1108, 1222, 1360]],
            },
            sample: SampleWorld::Domains(DomainSet::Seasons),
        },
        DatasetSpec {
            name: "weather",
            images: PaperImages { sources: 400, reference: "train", reals: &[&[4000; 5], &[3600; 5]] },
            sample: SampleWorld::Domains(DomainSet::Weather),
        },
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
    first: &["stargan-v2", "ours"],
    supervised: None,
    beside: None,
    notes,
};

const LSESIM: &str = "lsesim";

/// Network of the features that LSeSim compares.
const FEATURES: &str = "effnet-lite0";

fn notes(_: Profile, methods: &[&Method], terms: &[Terms]) -> Vec<String> {
    let note = "`+ LSeSim` compares ImageNet features of the very network that its scores come from: see \
                docs/fidelity.md.";
    let scored = terms.iter().flat_map(|terms| [Some(&terms.frechet), terms.perceptual.as_ref()]).flatten();
    let shown = methods.iter().any(|m| m.name == LSESIM) && scored.into_iter().any(|name| name.contains(FEATURES));
    shown.then(|| note.to_owned()).into_iter().collect()
}
