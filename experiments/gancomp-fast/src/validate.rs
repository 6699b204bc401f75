//! Values that a configuration cannot have.

use crate::config::{Config, Method, TrainConfig, WeightingKind};
use crate::networks::WIDEST;
use semrel_eval::{MORE, PerceptualDistance, SEGMENTERS};
use semrel_loss::LEAST_TEMPERATURE;
use semrel_metrics::FixedFeatures;
use semrel_metrics::networks::NAMES;
use semrel_nn::{LrPolicy, Output};
use semrel_run::{InvalidValue, Validate};
use std::path::{Component, Path};

fn invalid(key: impl ToString, problem: impl ToString, remedy: impl ToString) -> Result<(), InvalidValue> {
    Err(InvalidValue::new(key, problem, remedy))
}

impl Validate for Config {
    const RENAMED: &'static [(&'static str, &'static str)] = &[
        ("data.crop_size", "data.image_size"),
        ("distill.semantic.gamma", "distill.semantic.gamma_start"),
        ("distill.semantic.gamma_min", "distill.semantic.gamma_end"),
        ("eval.inception", "eval.extractor_weights"),
        ("teacher.lambda_a", "teacher.lambda_cycle_a"),
        ("teacher.lambda_b", "teacher.lambda_cycle_b"),
    ];

    fn validate(&self) -> Result<(), InvalidValue> {
        names_a_folder("name", &self.name)?;
        if let Some(name) = &self.teacher.name {
            names_a_folder("teacher.name", name)?;
        }
        self.counts()?;
        self.weights()?;
        for (section, train) in [
            ("teacher.train", Some(&self.teacher.train)),
            ("distill.train", Some(&self.distill.train)),
            ("finetune.train", self.finetune.as_ref().map(|f| &f.train)),
        ] {
            train.map_or(Ok(()), |train| stage(section, train))?;
            let Some(student) = train.filter(|_| section != "teacher.train") else { continue };
            if student.warmup > 0 {
                let remedy = "only a teacher has a warm-up; leave it out";
                return invalid(format!("{section}.warmup"), student.warmup, remedy);
            }
            if student.ema != 0.0 {
                let remedy = "only a teacher's weights are averaged; leave it out";
                return invalid(format!("{section}.ema"), student.ema, remedy);
            }
        }
        if matches!(self.model.output, Output::Gated | Output::Affine) {
            return invalid(
                "model.output",
                if self.model.output == Output::Gated { "gated" } else { "affine" },
                "`tanh` or `residual`: a fourth output channel is not in the costs that a search counts",
            );
        }
        if let Some(gain) = self.model.init.gain().filter(|gain| !gain.is_finite() || *gain <= 0.0) {
            return invalid("model.init", format!("gain {gain}"), "the gain must be finite and positive");
        }
        if self.model.projected && self.data.image_size < FixedFeatures::LEAST_SIDE {
            let remedy =
                format!("the features that `model.projected` asks for need at least {}", FixedFeatures::LEAST_SIDE);
            return invalid("data.image_size", self.data.image_size, remedy);
        }
        self.images()?;
        InvalidValue::unless_known("eval.extractor", &self.eval.extractor, &NAMES)?;
        InvalidValue::unless_known("eval.segmenter", &self.eval.segmenter, &SEGMENTERS)?;
        InvalidValue::unless_known("eval.perceptual", &self.eval.perceptual, &PerceptualDistance::names())?;
        if let Some((key, value, remedy)) = self.eval.more.invalid_without_coupling() {
            return invalid(format!("{MORE}.{key}"), value, remedy);
        }
        self.combinations()
    }
}

impl Config {
    fn counts(&self) -> Result<(), InvalidValue> {
        let (m, s) = (&self.model, &self.search);
        let count = |n: Option<usize>| n.map_or(2, |n| n.min(1 << 40) as i64);
        for (key, value, least, most) in [
            ("data.load_size", i64::from(self.data.load_size), 1, 8192),
            ("data.image_size", i64::from(self.data.image_size), 16, 4096),
            ("model.teacher_ngf", m.teacher_ngf, 1, WIDEST),
            ("model.student_ngf", m.student_ngf, 1, WIDEST),
            ("model.ndf", m.ndf, 1, WIDEST),
            ("teacher.identity_images", self.teacher.identity_images.unwrap_or(1), 1, 4096),
            ("teacher.pool_size", self.teacher.pool_size as i64, 0, 10_000),
            ("distill.semantic.num_patches", self.distill.semantic.num_patches, 2, 1 << 16),
            ("search.population", s.population as i64, 1, 1 << 20),
            ("search.batch_size", s.batch_size, 1, 4096),
            // A covariance needs two.
            ("search.max_images", count(s.max_images), 2, i64::MAX),
            ("eval.batch_size", self.eval.batch_size, 1, 4096),
            ("eval.max_sources", count(self.eval.max_sources), 2, i64::MAX),
        ] {
            within(key, value, least, most)?;
        }
        let batch = self.teacher.train.batch_size;
        if let Some(images) = self.teacher.identity_images.filter(|images| *images > batch) {
            let remedy = format!("it must be at most `teacher.train.batch_size`, {batch}");
            return invalid("teacher.identity_images", images, remedy);
        }
        Ok(())
    }

    fn weights(&self) -> Result<(), InvalidValue> {
        let (t, d, s) = (&self.teacher, &self.distill, &self.search);
        for (key, value) in [
            ("teacher.lambda_gan", t.lambda_gan),
            ("teacher.lambda_recon", t.lambda_recon),
            ("teacher.lambda_cycle_a", t.lambda_cycle_a),
            ("teacher.lambda_cycle_b", t.lambda_cycle_b),
            ("teacher.lambda_identity", t.lambda_identity),
            ("distill.lambda_gan", d.lambda_gan),
            ("distill.lambda_recon", d.lambda_recon),
            ("distill.lambda_distill", d.lambda_distill),
            ("distill.semantic.lambda_src", d.semantic.lambda_src),
            ("distill.semantic.lambda_dce", d.semantic.lambda_dce),
        ] {
            if !value.is_finite() || value < 0.0 {
                return invalid(key, value, "it must be finite and not negative");
            }
        }
        let budget = &s.budget;
        for (key, value) in [
            ("distill.semantic.gamma_start", Some(d.semantic.gamma_start)),
            ("distill.semantic.gamma_end", Some(d.semantic.gamma_end)),
            ("distill.semantic.temperature", Some(d.semantic.temperature)),
            ("search.budget.macs", budget.macs),
            ("search.budget.parameters", budget.parameters),
            ("search.budget.milliseconds", budget.milliseconds),
        ] {
            if let Some(value) = value.filter(|v| !v.is_finite() || *v <= 0.0) {
                return invalid(key, value, "it must be finite and positive");
            }
            if let Some(value) = value.filter(|v| key.starts_with("distill") && *v < LEAST_TEMPERATURE) {
                return invalid(key, format!("{value:e}"), format!("it must be at least {LEAST_TEMPERATURE}"));
            }
        }
        for (key, value) in [
            ("search.mutation_ratio", s.mutation_ratio),
            ("search.parent_ratio", s.parent_ratio),
            ("search.mutation_probability", s.mutation_probability),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return invalid(key, value, "it must be a share, 0 to 1");
            }
        }
        if s.weighting != WeightingKind::Uniform
            && let Err(error) = s.weighting().check()
        {
            return invalid("search.weight", error, "use 1 for equal chances, 2 to favour small widths");
        }
        Ok(())
    }

    fn images(&self) -> Result<(), InvalidValue> {
        let d = &self.data;
        if d.image_size > d.load_size {
            let problem = format!("{} with data.load_size {}", d.image_size, d.load_size);
            return invalid("data.image_size", problem, "what is cut out cannot be larger than what it is cut from");
        }
        if !d.image_size.is_multiple_of(4) {
            return invalid("data.image_size", d.image_size, "it must be a multiple of 4, as the networks halve twice");
        }
        if self.aligned() && d.distill_list.target.is_some() {
            let remedy = "the list of the source images names the pairs; leave this one out";
            return invalid("data.distill_list.target", "given for images in pairs", remedy);
        }
        Ok(())
    }

    fn combinations(&self) -> Result<(), InvalidValue> {
        let (m, d) = (&self.model, &self.distill);
        if let Err(error) = d.channels.largest().check_within(m.student_ngf) {
            return invalid("distill.channels", error, "take a narrower set, or a larger model.student_ngf");
        }
        if let Some(channels) = self.finetune.as_ref().and_then(|f| f.channels)
            && let Err(error) = channels.check_within(m.student_ngf)
        {
            return invalid("finetune.channels", error, "take a configuration of the set `distill.channels`");
        }
        if self.method == Method::Fast {
            return Ok(());
        }
        if m.student_ngf < m.teacher_ngf {
            return invalid(
                "model.student_ngf",
                format!("{}, and model.teacher_ngf is {}", m.student_ngf, m.teacher_ngf),
                "the heads of `method: ours` take the taps of both, so the student must be at least as wide as the teacher",
            );
        }
        if d.semantic.lambda_src == 0.0 && d.semantic.lambda_dce == 0.0 {
            let remedy = "`ours` without either is `method: fast`";
            return invalid("distill.semantic.lambda_src", "0, and lambda_dce is 0", remedy);
        }
        let finetune = self.finetune.as_ref().map(|f| ("finetune", f.train.batch_size));
        for (stage, batch) in [Some(("distill", d.train.batch_size)), finetune].into_iter().flatten() {
            if batch != 1 {
                let remedy = "the semantic terms of `method: ours` relate the patches of one image: use 1";
                return invalid(format!("{stage}.train.batch_size"), batch, remedy);
            }
        }
        Ok(())
    }
}

fn within(key: &str, value: i64, least: i64, most: i64) -> Result<(), InvalidValue> {
    if value < least {
        return invalid(key, value, format!("it must be at least {least}"));
    }
    if value > most {
        return invalid(key, value, format!("it must be at most {most}"));
    }
    Ok(())
}

fn stage(section: &str, t: &TrainConfig) -> Result<(), InvalidValue> {
    for (key, value, least, most) in [
        ("n_epochs", t.n_epochs, 0, 1 << 32),
        ("n_epochs_decay", t.n_epochs_decay, 0, 1 << 32),
        ("n_epochs + n_epochs_decay", t.n_epochs.saturating_add(t.n_epochs_decay), 1, 1 << 32),
        ("batch_size", t.batch_size, 1, 4096),
        ("lr_decay_iters", t.lr_decay_iters, 1, i64::MAX),
        ("warmup", i64::try_from(t.warmup).unwrap_or(i64::MAX), 0, 1 << 32),
        ("log_every", t.log_every as i64, 1, i64::MAX),
        ("save_every", t.save_every as i64, 1, i64::MAX),
    ] {
        within(&format!("{section}.{key}"), value, least, most)?;
    }
    if t.policy == LrPolicy::Cosine && t.n_epochs == 0 {
        return invalid(format!("{section}.n_epochs"), 0, "`policy: cosine` goes over this many: at least 1");
    }
    if !t.lr.is_finite() || t.lr <= 0.0 {
        return invalid(format!("{section}.lr"), t.lr, "it must be finite and positive");
    }
    for (key, beta) in [("beta1", t.beta1), ("beta2", t.beta2), ("ema", t.ema)] {
        if !(0.0..1.0).contains(&beta) {
            return invalid(format!("{section}.{key}"), beta, "it must be at least 0 and below 1");
        }
    }
    Ok(())
}

/// Names become folders below that of all rows.
fn names_a_folder(key: &str, name: &str) -> Result<(), InvalidValue> {
    let plain =
        |part: Component<'_>| matches!(part, Component::Normal(part) if !part.to_string_lossy().starts_with('.'));
    if name.trim().is_empty() {
        return invalid(key, "empty", "it must name the run, whose folder it is");
    }
    if name.contains('\\') || name.ends_with('/') || !Path::new(name).components().all(plain) {
        return invalid(
            key,
            name,
            "it names a folder such as `sample/horse2zebra-ours`: no dot at the beginning of a part",
        );
    }
    Ok(())
}
