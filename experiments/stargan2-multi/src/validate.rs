//! Values that a configuration cannot have.

use crate::config::{Config, DiscriminatorKind, OutputKind};
use semrel_eval::{LPIPS, MORE, PerceptualDistance};
use semrel_loss::LEAST_TEMPERATURE;
use semrel_metrics::networks::NAMES;
use semrel_nn::stargan2::GeneratorKind;
use semrel_run::{InvalidValue, Validate};

/// Smallest side of images that LPIPS compares in groups.
const SMALLEST_FOR_LPIPS: i64 = 63;

impl Validate for Config {
    const RENAMED: &'static [(&'static str, &'static str)] = &[
        ("data.img_size", "data.image_size"),
        ("loss.lambda_reg", "loss.lambda_r1"),
        ("loss.reg_every", "loss.r1_every"),
        ("loss.lambda_cyc", "loss.lambda_cycle"),
        ("loss.use_hard", "loss.hard"),
    ];

    fn validate(&self) -> Result<(), InvalidValue> {
        let fail = |key: &str, problem: String, remedy: &str| Err(InvalidValue::new(key, problem, remedy));
        if self.name.trim().is_empty() {
            return fail("name", "empty".into(), "it must name the run, whose folder it is");
        }
        if self.name.contains(['/', '\\']) || self.name.starts_with('.') {
            return fail("name", self.name.clone(), "it names a folder: no slashes, and no dot at its beginning");
        }
        let size = self.data.image_size;
        if !(32..=4096).contains(&size) || size & (size - 1) != 0 {
            return fail(
                "data.image_size",
                format!("{size}"),
                "it must be a power of two, at least 32 and at most 4096",
            );
        }
        if !(0.0..=1.0).contains(&self.data.randcrop_prob) {
            return fail("data.randcrop_prob", format!("{}", self.data.randcrop_prob), "it must lie in 0..1");
        }
        let count = |n: Option<usize>| n.map_or(i64::MAX, |n| n as i64);
        let at_least = [
            ("model.width", self.model.first_width(size), 1),
            ("model.max_width", self.model.max_width, 1),
            ("model.style_dim", self.model.style_dim, 1),
            ("model.latent_dim", self.model.latent_dim, 1),
            ("model.mapping_width", self.model.mapping_width, 1),
            ("model.patch_dim", self.model.patch_dim, 1),
            ("loss.num_patches", self.loss.num_patches, 2),
            ("loss.lsesim_patches", self.loss.lsesim_patches, 1),
            ("loss.ds_iter", self.loss.ds_iter, 1),
            ("loss.r1_every", i64::try_from(self.loss.r1_every).unwrap_or(i64::MAX), 1),
            ("train.iterations", self.train.iterations, 1),
            ("train.warmup", self.train.warmup, 0),
            ("train.batch_size", self.train.batch_size, 1),
            ("train.log_every", self.train.log_every, 1),
            ("train.sample_every", self.train.sample_every, 1),
            ("train.save_every", self.train.save_every, 1),
            ("train.eval_every", self.train.eval_every, 0),
            ("eval.batch_size", self.eval.batch_size, 1),
            ("eval.num_outs", self.eval.num_outs, 1),
            ("eval.max_sources", count(self.eval.max_sources), 1),
            // A covariance needs two.
            ("eval.max_reals", count(self.eval.max_reals), 2),
        ];
        for (key, value, least) in at_least {
            if value < least {
                return fail(key, format!("{value}"), &format!("it must be at least {least}"));
            }
        }
        // Larger ones fit no memory; most are slips of the finger.
        let at_most = [
            ("model.width", self.model.first_width(size), 4096),
            ("model.max_width", self.model.max_width, 4096),
            ("model.style_dim", self.model.style_dim, 8192),
            ("model.latent_dim", self.model.latent_dim, 8192),
            ("model.mapping_width", self.model.mapping_width, 8192),
            ("model.patch_dim", self.model.patch_dim, 8192),
            ("train.iterations", self.train.iterations, 1 << 40),
            ("train.warmup", self.train.warmup, 1 << 40),
            ("train.batch_size", self.train.batch_size, 4096),
            ("eval.batch_size", self.eval.batch_size, 4096),
        ];
        for (key, value, most) in at_most {
            if value > most {
                return fail(key, format!("{value}"), &format!("it must be at most {most}"));
            }
        }
        if self.model.discriminator == DiscriminatorKind::Both
            && (self.loss.lambda_r1 != 0.0 || self.loss.r1_every != 1)
        {
            let (key, value, without) = match self.loss.lambda_r1 {
                0.0 => ("loss.r1_every", self.loss.r1_every as f64, 1),
                lambda => ("loss.lambda_r1", lambda, 0),
            };
            let remedy = format!("R1 goes with `model.discriminator: stargan-v2`; with `both` it must be {without}");
            return fail(key, format!("{value}"), &remedy);
        }
        if self.model.output == OutputKind::Affine && self.model.generator != GeneratorKind::Light {
            let remedy = "it goes with `model.generator: light`";
            return fail("model.output", "affine".to_owned(), remedy);
        }
        if self.model.first_width(size) > self.model.max_width {
            let remedy = format!("it must be at most model.max_width, which is {}", self.model.max_width);
            return fail("model.width", format!("{}", self.model.first_width(size)), &remedy);
        }
        let eval = &self.eval;
        if eval.num_outs == 1 && eval.max_sources == Some(1) {
            let remedy = "with `eval.max_sources: 1` at least 2 outputs are needed, as a covariance needs two";
            return fail("eval.num_outs", "1".to_owned(), remedy);
        }
        InvalidValue::unless_known("eval.extractor", &eval.extractor, &NAMES)?;
        InvalidValue::unless_known("eval.perceptual", &eval.perceptual, &PerceptualDistance::names())?;
        if let Some((key, value, remedy)) = eval.more.invalid_without_coupling() {
            return fail(&format!("{MORE}.{key}"), value, remedy);
        }
        if eval.perceptual == LPIPS && self.data.image_size < SMALLEST_FOR_LPIPS {
            let problem = format!("{LPIPS} of images of {} pixels", self.data.image_size);
            return fail("eval.perceptual", problem, &format!("LPIPS needs at least {SMALLEST_FOR_LPIPS}"));
        }
        let finite = [
            ("loss.lambda_adv", self.loss.lambda_adv),
            ("loss.lambda_r1", self.loss.lambda_r1),
            ("loss.lambda_sty", self.loss.lambda_sty),
            ("loss.lambda_ds", self.loss.lambda_ds),
            ("loss.lambda_cycle", self.loss.lambda_cycle),
            ("loss.lambda_src", self.loss.lambda_src),
            ("loss.lambda_dce", self.loss.lambda_dce),
            ("loss.lambda_nce", self.loss.lambda_nce),
            ("loss.lambda_lsesim", self.loss.lambda_lsesim),
            ("optim.lr", self.optim.lr),
            ("optim.mapping_lr", self.optim.mapping_lr),
            ("optim.lr_discriminator", self.optim.lr_discriminator.unwrap_or(0.0)),
            ("optim.weight_decay", self.optim.weight_decay),
        ];
        for (key, value) in finite {
            if !value.is_finite() || value < 0.0 {
                return fail(key, format!("{value}"), "it must be finite and not negative");
            }
        }
        for (key, value) in [
            ("loss.gamma_start", self.loss.gamma_start),
            ("loss.gamma_end", self.loss.gamma_end),
            ("loss.temperature", self.loss.temperature),
        ] {
            if !value.is_finite() || value <= 0.0 {
                return fail(key, format!("{value}"), "it must be finite and positive");
            }
            if value < LEAST_TEMPERATURE {
                return fail(key, format!("{value:e}"), &format!("it must be at least {LEAST_TEMPERATURE}"));
            }
        }
        for (key, beta) in [
            ("optim.beta1", self.optim.beta1),
            ("optim.beta2", self.optim.beta2),
            ("optim.ema_beta", self.optim.ema_beta),
        ] {
            if !(0.0..1.0).contains(&beta) {
                return fail(key, format!("{beta}"), "it must be at least 0 and below 1");
            }
        }
        Ok(())
    }
}
