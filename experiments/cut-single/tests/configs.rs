//! The configurations that come with the project.

use cut_single::config::{Config, Method, ModelConfig};
use cut_single::networks::{new_discriminator, new_generator, new_heads};
use semrel_run::config::to_yaml;
use semrel_testkit::runs::{assert_reports_find_their_keys, rows_of};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tch::Device;

const PROFILES: [&str; 3] = ["sample", "small", "paper"];

fn folder(profile: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/cut-single").join(profile)
}

fn rows(profile: &str) -> BTreeMap<String, Config> {
    rows_of(&folder(profile))
}

#[test]
fn every_row_is_valid_and_called_after_its_file() {
    for profile in PROFILES {
        let rows = rows(profile);
        assert!(rows.len() >= 42, "{profile}: {}", rows.len());
        for (name, config) in &rows {
            assert_eq!(config.name, format!("{profile}-{name}"));
            let labels = name.starts_with("cityscapes") || name.starts_with("street");
            assert_eq!(config.eval.segmentation, labels, "{profile}/{name}");
        }
    }
}

#[test]
fn a_row_is_the_same_method_in_every_profile() {
    // What a row is made of: which terms it has. How they weigh in short runs is another matter.
    let terms = |config: &Config| {
        let l = &config.loss;
        let has =
            [l.lambda_src, l.lambda_r1, l.lambda_identity, l.lambda_distance_a, l.lambda_geometry].map(|w| w > 0.0);
        let kinds = (l.contrast, l.hard, l.identity_branch, l.flip_equivariance, l.geometry, l.lsesim_heads);
        (config.method, kinds, has, l.lambda_identity, config.optim.pool_size)
    };
    let [sample, small, paper] = PROFILES.map(rows);
    for (name, config) in &paper {
        let stand_in = name.replace("cityscapes", "street");
        for other in [sample.get(&stand_in), small.get(name)].into_iter().flatten() {
            assert_eq!(terms(other), terms(config), "{}", other.name);
        }
    }
}

#[test]
fn rows_of_a_short_profile_share_networks_and_optimisation() {
    let recipe = |config: &Config| {
        let (l, t) = (&config.loss, &config.train);
        let game = (l.formulation, l.gan, l.lambda_gan, l.identity_images, l.num_patches);
        (config.model.clone(), game, (config.optim.lr, config.optim.lr_discriminator), (t.batch_size, t.warmup, t.ema))
    };
    for profile in ["sample", "small"] {
        let rows = rows(profile);
        let whole = |name: &&String| !name.contains("sincut");
        let first = recipe(rows.values().next().unwrap());
        for name in rows.keys().filter(whole) {
            let mut own = recipe(&rows[name]);
            if own.0.generator.is_of_both_domains() {
                // MUNIT and DRIT keep their generators, and no more.
                let ModelConfig { generator, norm, output, blocks, ngf, ref nce_layers, .. } = first.0;
                let nce_layers = nce_layers.clone();
                own.0 = ModelConfig { generator, norm, output, blocks, ngf, nce_layers, ..own.0 };
            }
            assert_eq!(own, first, "{profile}/{name}");
        }
    }
}

#[test]
fn the_paper_s_settings() {
    let rows = rows("paper");
    let ours = |name: &str| {
        let Config { data, loss, optim, train, .. } = &rows[name];
        assert_eq!((data.load_size, data.image_size, train.n_epochs, train.n_epochs_decay), (286, 256, 200, 200));
        assert_eq!((optim.lr, optim.beta1, optim.beta2, train.batch_size), (2e-4, 0.5, 0.999, 1));
        (loss.lambda_contrast, loss.lambda_src, loss.gamma_start, loss.gamma_end, loss.step_gamma_epoch)
    };
    assert_eq!(ours("horse2zebra-ours"), (0.1, 0.05, 50.0, 10.0, None));
    assert_eq!(ours("cityscapes-ours"), (0.1, 0.1, 50.0, 10.0, Some(200)));
    assert_eq!(rows["horse2zebra-fastcut"].epochs(), 200);
    assert_eq!(rows["horse2zebra-lsesim"].optim.lr, 1e-4);
    let monet = &rows["monet-sincut-ours"];
    assert_eq!((monet.method, monet.loss.lambda_contrast, monet.loss.lambda_src), (Method::Ours, 4.0, 10.0));
    assert_eq!((monet.train.batch_size, monet.epochs(), monet.optim.lr), (16, 16, 2e-3));
    // With one patch an image nothing is weighted, whatever γ is.
    assert!(!monet.patch_loss().use_hard);
}

#[test]
fn networks_fit_their_images() {
    for (profile, row) in [
        ("sample", "horse2zebra-ours"),
        ("small", "data-ours"),
        ("small", "data-sincut-ours"),
        ("paper", "horse2zebra-ours"),
        ("paper", "monet-sincut-ours"),
    ] {
        let config = &rows(profile)[row];
        let generator = new_generator(config, Device::Cpu).unwrap();
        new_heads(config, &generator).unwrap_or_else(|error| panic!("{profile}/{row}: {error:#}"));
        new_discriminator(config, Device::Cpu).unwrap_or_else(|error| panic!("{profile}/{row}: {error:#}"));
    }
}

/// What reports read of a stored configuration is what the program has stored.
#[test]
fn reports_find_their_keys_in_a_stored_configuration() {
    let config = &rows("sample")["horse2zebra-ours"];
    let images = (config.data.root.as_path(), config.data.image_size);
    assert_reports_find_their_keys(&to_yaml(config).unwrap(), config.seed, images, &config.eval.extractor);
}
