//! The rows that come with the project.

use gancomp_fast::config::{Config, Criterion, GeneratorNorm, Layout, Method, Reference, WeightingKind};
use gancomp_fast::looked_at::name_of_search;
use gancomp_fast::networks::{new_adapters, new_discriminator, new_heads, new_student, new_teacher};
use semrel_data::Direction;
use semrel_loss::gan::GanMode;
use semrel_nn::channels::ChannelSet;
use semrel_nn::patchgan::DiscriminatorNorm;
use semrel_nn::{Doubling, Output};
use semrel_run::config::to_yaml;
use semrel_testkit::runs::{assert_reports_find_their_keys, rows_of};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tch::Device;

const PROFILES: [&str; 3] = ["sample", "small", "paper"];

/// The tasks of a profile: those of the paper (in the sample world streets stand in for Cityscapes) and the user's own.
fn tasks(profile: &str) -> [&'static str; 5] {
    ["horse2zebra", "maps", if profile == "sample" { "street" } else { "cityscapes" }, "data", "pairs"]
}

fn folder(profile: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/gancomp-fast").join(profile)
}

fn rows(profile: &str) -> BTreeMap<String, Config> {
    rows_of(&folder(profile))
}

#[test]
fn every_row_is_called_after_its_file_and_shares_its_teacher() {
    for profile in PROFILES {
        let rows = rows(profile);
        assert_eq!(rows.len(), 10, "{profile}");
        for task in tasks(profile) {
            let [ours, fast] = ["ours", "fast"].map(|method| &rows[&format!("{task}-{method}")]);
            assert_eq!((ours.method, fast.method), (Method::Ours, Method::Fast));
            assert_eq!(ours.teacher.name.as_deref(), Some(format!("{profile}/{task}-teacher").as_str()));
            for (config, method) in [(ours, "ours"), (fast, "fast")] {
                assert_eq!(config.name, format!("{profile}/{task}-{method}"));
                assert!(config.data.held_back > 0 && config.search.budget.macs.is_some(), "{}", config.name);
            }
            // They differ in the method alone.
            assert_eq!(&Config { name: fast.name.clone(), method: Method::Fast, ..ours.clone() }, fast);
        }
    }
}

#[test]
fn a_task_is_the_same_in_every_profile() {
    // Which losses, how they weigh against each other, and how the search goes about. The adversarial game of short runs is
    // another one.
    let terms = |config: &Config| {
        let (t, d, s) = (config.teacher.clone(), config.distill.clone(), config.search.clone());
        let semantic = gancomp_fast::config::SemanticConfig { num_patches: 0, ..d.semantic };
        (
            (config.data.layout, config.data.direction, config.finetune.is_some(), config.eval.segmentation),
            (t.lambda_recon, t.lambda_cycle_a, t.lambda_cycle_b, t.lambda_identity),
            (d.lambda_gan, d.recon, d.lambda_recon, d.lambda_distill, semantic),
            (s.criterion, s.weighting, s.weight, s.mutation_probability),
        )
    };
    let [sample, small, paper] = PROFILES.map(rows);
    for (name, config) in &paper {
        for other in [&sample[&name.replace("cityscapes", "street")], &small[name]] {
            assert_eq!(terms(other), terms(config), "{}", other.name);
        }
    }
}

#[test]
fn short_profiles_play_one_adversarial_game() {
    for profile in ["sample", "small"] {
        for (name, config) in rows(profile) {
            let (m, game) = (&config.model, (config.teacher.gan, config.distill.gan));
            assert!(m.projected && m.norm_discriminator == DiscriminatorNorm::Spectral, "{profile}/{name}");
            assert_eq!(game, (GanMode::Hinge, GanMode::Hinge), "{profile}/{name}");
            // What is translated keeps its place, or is a map of labels, of which nothing is kept.
            let output = if config.aligned() { Output::Tanh } else { Output::Residual };
            assert_eq!(m.output, output, "{profile}/{name}");
            let norm = if config.aligned() { GeneratorNorm::Instance } else { GeneratorNorm::Pixel };
            assert_eq!(m.norm, norm, "{profile}/{name}");
            let doubling = if config.aligned() { Doubling::Smooth } else { Doubling::Transposed };
            assert_eq!((m.doubling, config.teacher.train.ema > 0.0), (doubling, true), "{profile}/{name}");
            // A network that trains is not a judge.
            assert_eq!((&*config.eval.extractor, &*config.eval.perceptual), ("effnet-lite2", "effnet-lite2"));
        }
    }
}

#[test]
fn the_paper_s_settings() {
    let rows = rows("paper");
    for config in rows.values() {
        assert_eq!((config.model.doubling, config.teacher.train.ema), (Doubling::Transposed, 0.0), "{}", config.name);
        assert_eq!(config.model.norm, GeneratorNorm::Instance, "{}", config.name);
    }
    for (name, layout, direction, gan, ndf, recon, distill, teacher, epochs, set, held, budget, mutation) in [
        (
            "horse2zebra",
            Layout::Unaligned,
            Direction::AtoB,
            GanMode::Lsgan,
            64,
            10.0,
            0.01,
            (100, 100),
            (200, 200),
            "channels-64-cycleGAN",
            120,
            3.0e9,
            0.4,
        ),
        (
            "maps",
            Layout::Aligned,
            Direction::BtoA,
            GanMode::Hinge,
            128,
            10.0,
            0.01,
            (100, 200),
            (200, 400),
            "channels-64-pix2pix",
            300,
            4.6e9,
            0.3,
        ),
        (
            "cityscapes",
            Layout::Aligned,
            Direction::BtoA,
            GanMode::Hinge,
            128,
            100.0,
            1.0,
            (100, 150),
            (200, 300),
            "channels-64-pix2pix",
            200,
            5.7e9,
            0.3,
        ),
    ] {
        let c = &rows[&format!("{name}-ours")];
        assert_eq!((c.seed, c.data.load_size, c.data.image_size, c.data.flip), (233, 286, 256, true));
        assert_eq!((c.data.layout, c.data.direction, c.data.held_back), (layout, direction, held), "{name}");
        assert_eq!((c.model.teacher_ngf, c.model.student_ngf, c.model.ndf), (64, 64, ndf), "{name}");
        assert_eq!((c.teacher.gan, c.distill.gan), (gan, gan), "{name}");
        assert_eq!((c.distill.lambda_recon, c.distill.lambda_distill), (recon, distill), "{name}");
        let of = |t: &gancomp_fast::config::TrainConfig| {
            assert_eq!((t.lr, t.beta1, t.beta2, t.batch_size), (2e-4, 0.5, 0.999, 1));
            (t.n_epochs, t.n_epochs_decay)
        };
        assert_eq!((of(&c.teacher.train), of(&c.distill.train)), (teacher, epochs), "{name}");
        assert_eq!(c.distill.channels, ChannelSet::named(set).unwrap());
        let s = &c.search;
        assert_eq!((s.budget.macs, s.mutation_probability), (Some(budget), mutation), "{name}");
        assert_eq!((s.population, s.generations, s.mutation_ratio, s.parent_ratio), (100, 500, 0.5, 0.25));
        let semantic = c.distill.semantic;
        assert_eq!((semantic.lambda_src, semantic.lambda_dce, semantic.num_patches), (10.0, 0.1, 256));
        assert_eq!((semantic.gamma(1, 400), semantic.gamma(400, 400)), (49.9, 10.0));
    }
    let horses = &rows["horse2zebra-ours"];
    assert_eq!((horses.search.weighting, horses.search.weight), (WeightingKind::Arithmetic, 2.0));
    assert_eq!((horses.eval.reference, horses.teacher.lambda_identity), (Reference::All, 0.5));
    assert_eq!(rows["cityscapes-ours"].search.criterion, Criterion::Miou);
    assert_eq!(rows["cityscapes-ours"].teacher.lambda_recon, 100.0);
    let finetune = rows["maps-ours"].finetune.as_ref().unwrap();
    assert_eq!((finetune.train.n_epochs, finetune.train.n_epochs_decay), (200, 200));
}

#[test]
fn searches_refer_to_the_published_real_images() {
    for profile in PROFILES {
        let rows = rows(profile);
        // Where no test image is looked at, validation images are.
        let all = if profile == "paper" { "all" } else { "train and val" };
        for (task, reference) in [("horse2zebra", all), ("data", all), ("maps", "search"), ("pairs", "search")] {
            assert_eq!(name_of_search(&rows[&format!("{task}-ours")]), reference, "{profile}/{task}");
        }
    }
}

#[test]
fn networks_fit_their_images() {
    for profile in ["sample", "small"] {
        for (name, config) in rows(profile) {
            let fits = |what: &str, error: Option<anyhow::Error>| {
                if let Some(error) = error {
                    panic!("{profile}/{name}: {what}: {error:#}");
                }
            };
            let device = Device::Cpu;
            fits("teacher", new_teacher(&config, device).err());
            fits("student", new_student(&config, device).err());
            fits("discriminator", new_discriminator(&config, device).err());
            fits("heads", new_heads(&config, device).err());
            assert!(new_adapters(&config, device).numel() > 0);
        }
    }
}

/// What reports read of a stored configuration is what the program has stored.
#[test]
fn reports_find_their_keys_in_a_stored_configuration() {
    let config = &rows("sample")["horse2zebra-ours"];
    let images = (config.data.root.as_path(), config.data.image_size);
    assert_reports_find_their_keys(&to_yaml(config).unwrap(), config.seed, images, &config.eval.extractor);
}
