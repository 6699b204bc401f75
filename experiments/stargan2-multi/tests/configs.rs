//! The configurations that come with the project.

use semrel_nn::stargan2::GeneratorKind;
use semrel_testkit::runs::rows_of;
use stargan2_multi::config::{Config, Cycle, DiscriminatorKind, Method, OutputKind};
use std::collections::BTreeMap;
use std::path::Path;

const PROFILES: [&str; 3] = ["sample", "small", "paper"];

fn rows(profile: &str) -> BTreeMap<String, Config> {
    rows_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/stargan2-multi").join(profile))
}

#[test]
fn every_row_is_valid_and_called_after_its_file() {
    for profile in PROFILES {
        let rows = rows(profile);
        assert_eq!(rows.len(), 9, "{profile}");
        for (name, config) in &rows {
            assert_eq!(config.name, format!("{profile}-{name}"));
            let method = [("ours", Method::Ours), ("lsesim", Method::Lsesim), ("stargan-v2", Method::StarganV2)];
            let (_, method) = method.iter().find(|(end, _)| name.ends_with(end)).unwrap();
            assert_eq!(config.method, *method, "{profile}/{name}");
            let cycle = if *method == Method::Ours { Cycle::SelfReconstruction } else { Cycle::ThroughFake };
            assert_eq!(config.cycle(), cycle, "{profile}/{name}");
        }
    }
}

#[test]
fn networks_of_the_paper_are_the_published_ones() {
    for (name, config) in rows("paper") {
        let m = &config.model;
        let official = config.method == Method::Ours;
        let generator = if official { GeneratorKind::Official } else { GeneratorKind::StarganV2 };
        assert_eq!(
            (m.generator, m.output, m.discriminator),
            (generator, OutputKind::Plain, DiscriminatorKind::StarganV2)
        );
        assert_eq!((m.first_width(256), m.max_width, config.optim.lr_discriminator), (64, 512, None), "{name}");
        assert_eq!((config.loss.lambda_adv, config.loss.lambda_r1, config.loss.r1_every), (1.0, 1.0, 1), "{name}");
    }
}

#[test]
fn rows_of_a_short_profile_share_networks_optimisation_and_length() {
    for profile in ["sample", "small"] {
        let rows = rows(profile);
        let first = &rows["data-ours"];
        assert_eq!((first.model.generator, first.model.discriminator), (GeneratorKind::Light, DiscriminatorKind::Both));
        // A network that trains is not a judge.
        assert_eq!((&*first.eval.extractor, &*first.eval.perceptual), ("effnet-lite2", "effnet-lite2"));
        for (name, config) in &rows {
            assert_eq!((&config.model, &config.optim), (&first.model, &first.optim), "{profile}/{name}");
            assert_eq!(config.train, first.train, "{profile}/{name}");
        }
    }
}
