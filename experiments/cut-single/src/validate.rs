//! Values that a configuration cannot have.

use crate::config::{
    Border, Config, Contrast, CorrelativeFeatures, DiscriminatorKind, DiscriminatorNorm, Distance, GeneratorKind,
    GeneratorNorm, Method,
};
use semrel_data::transform::Preprocess;
use semrel_eval::{MORE, PerceptualDistance, SEGMENTERS};
use semrel_loss::{Formulation, LEAST_TEMPERATURE};
use semrel_metrics::FixedFeatures;
use semrel_metrics::networks::NAMES;
use semrel_nn::{Biases, InitType, LrPolicy, Output};
use semrel_run::{InvalidValue, Validate};

fn invalid(key: impl ToString, problem: impl ToString, remedy: impl ToString) -> Result<(), InvalidValue> {
    Err(InvalidValue::new(key, problem, remedy))
}

impl Validate for Config {
    const RENAMED: &'static [(&'static str, &'static str)] = &[
        ("data.crop_size", "data.image_size"),
        ("loss.gamma", "loss.gamma_start"),
        ("loss.gamma_min", "loss.gamma_end"),
        // Both names stand within one pair of quotes.
        ("loss.lambda_cycle", "loss.lambda_a` and `loss.lambda_b"),
        ("loss.lambda_distance", "loss.lambda_distance_a` and `loss.lambda_distance_b"),
    ];

    fn validate(&self) -> Result<(), InvalidValue> {
        if self.name.trim().is_empty() {
            return invalid("name", "empty", "it must name the run, whose folder it is");
        }
        if self.name.contains(['/', '\\']) || self.name.starts_with('.') {
            return invalid("name", &self.name, "it names a folder: no slashes, and no dot at its beginning");
        }
        self.numbers()?;
        self.images()?;
        InvalidValue::unless_known("eval.extractor", &self.eval.extractor, &NAMES)?;
        InvalidValue::unless_known("eval.segmenter", &self.eval.segmenter, &SEGMENTERS)?;
        InvalidValue::unless_known("eval.perceptual", &self.eval.perceptual, &PerceptualDistance::names())?;
        if let Some((key, value, remedy)) = self.eval.more.invalid() {
            return invalid(format!("{MORE}.{key}"), value, remedy);
        }
        self.combinations()
    }
}

impl Config {
    fn numbers(&self) -> Result<(), InvalidValue> {
        let (m, l, t) = (&self.model, &self.loss, &self.train);
        let count = |n: Option<usize>| n.map_or(2, |n| n.min(1 << 40) as i64);
        let within = [
            ("data.load_size", i64::from(self.data.load_size), 1, 8192),
            ("data.image_size", i64::from(self.data.image_size), 16, 4096),
            ("model.ngf", m.ngf, 1, 1024),
            ("model.blocks", m.blocks, 1, 64),
            ("model.ndf", m.ndf, 1, 1024),
            ("model.n_layers", m.n_layers, 1, 8),
            ("model.patch_dim", m.patch_dim, 1, 8192),
            ("model.scales", m.scales, 1, 8),
            ("model.style_dim", m.style_dim, 1, 1024),
            ("model.mlp_dim", m.mlp_dim, 1, 8192),
            ("model.content_layers", m.content_layers, 1, 8),
            ("model.content_kernel", m.content_kernel, 1, 16),
            ("model.content_last_kernel", m.content_last_kernel, 1, 16),
            ("optim.d_iter", i64::try_from(self.optim.d_iter).unwrap_or(i64::MAX), 1, 1 << 32),
            ("optim.halve_every", self.optim.halve_every.map_or(1, |every| every.min(1 << 40) as i64), 1, i64::MAX),
            ("data.test_size", i64::from(self.data.test_size.unwrap_or(16)), 16, 4096),
            ("loss.num_patches", l.num_patches, 1, 1 << 16),
            ("loss.lsesim_patches", l.lsesim_patches, 1, 1 << 16),
            ("optim.lr_decay_iters", self.optim.lr_decay_iters, 1, i64::MAX),
            ("optim.pool_size", self.optim.pool_size as i64, 0, 10_000),
            ("train.n_epochs", t.n_epochs, 0, 1 << 32),
            ("train.n_epochs_decay", t.n_epochs_decay, 0, 1 << 32),
            ("train.n_epochs + train.n_epochs_decay", t.n_epochs.saturating_add(t.n_epochs_decay), 1, 1 << 32),
            ("train.warmup", i64::try_from(t.warmup).unwrap_or(i64::MAX), 0, 1 << 32),
            ("train.batch_size", t.batch_size, 1, 4096),
            ("loss.identity_images", l.identity_images.unwrap_or(1), 1, 4096),
            ("train.log_every", t.log_every as i64, 1, i64::MAX),
            ("train.save_every", t.save_every as i64, 1, i64::MAX),
            ("eval.batch_size", self.eval.batch_size, 1, 4096),
            // A covariance needs two.
            ("eval.max_sources", count(self.eval.max_sources), 2, i64::MAX),
        ];
        for (key, value, least, most) in within {
            if value < least {
                return invalid(key, value, format!("it must be at least {least}"));
            }
            if value > most {
                return invalid(key, value, format!("it must be at most {most}"));
            }
        }
        if self.optim.policy == LrPolicy::Cosine && t.n_epochs == 0 {
            return invalid("train.n_epochs", 0, "`optim.policy: cosine` goes over this many: at least 1");
        }
        for (key, value) in [
            ("loss.lambda_gan", l.lambda_gan),
            ("loss.lambda_contrast", l.lambda_contrast),
            ("loss.lambda_src", l.lambda_src),
            ("loss.lambda_r1", l.lambda_r1),
            ("loss.lambda_identity", l.lambda_identity),
            ("loss.lambda_l1", l.lambda_l1),
            ("loss.lambda_a", l.lambda_a),
            ("loss.lambda_b", l.lambda_b),
            ("loss.lambda_distance_a", l.lambda_distance_a),
            ("loss.lambda_distance_b", l.lambda_distance_b),
            ("loss.lambda_geometry", l.lambda_geometry),
            ("loss.lambda_diversity", l.lambda_diversity),
            ("loss.lambda_lsesim", l.lambda_lsesim),
            ("loss.lambda_reconstruction", l.lambda_reconstruction),
            ("loss.lambda_style", l.lambda_style),
            ("loss.lambda_content", l.lambda_content),
            ("loss.lambda_kl", l.lambda_kl),
            ("loss.lambda_kl_cycle", l.lambda_kl_cycle),
            ("loss.lambda_kl_content", l.lambda_kl_content),
            ("loss.lambda_vgg", l.lambda_vgg),
            ("optim.weight_decay", self.optim.weight_decay),
            ("optim.clip_content", self.optim.clip_content),
            ("optim.lr_content", self.optim.lr_content.unwrap_or(0.0)),
            ("optim.lr", self.optim.lr),
            ("optim.lr_discriminator", self.optim.lr_discriminator.unwrap_or(0.0)),
        ] {
            if !value.is_finite() || value < 0.0 {
                return invalid(key, value, "it must be finite and not negative");
            }
        }
        for (key, value) in
            [("loss.gamma_start", l.gamma_start), ("loss.gamma_end", l.gamma_end), ("loss.temperature", l.temperature)]
        {
            if !value.is_finite() || value <= 0.0 {
                return invalid(key, value, "it must be finite and positive");
            }
            if value < LEAST_TEMPERATURE {
                return invalid(key, format!("{value:e}"), format!("it must be at least {LEAST_TEMPERATURE}"));
            }
        }
        for (key, init) in [("model.init", Some(m.init)), ("model.init_heads", m.init_heads)] {
            if let Some(gain) = init.and_then(InitType::gain).filter(|gain| !gain.is_finite() || *gain <= 0.0) {
                return invalid(key, format!("gain {gain}"), "the gain must be finite and positive");
            }
        }
        for (key, beta) in [("optim.beta1", self.optim.beta1), ("optim.beta2", self.optim.beta2), ("train.ema", t.ema)]
        {
            if !(0.0..1.0).contains(&beta) {
                return invalid(key, beta, "it must be at least 0 and below 1");
            }
        }
        Ok(())
    }

    fn images(&self) -> Result<(), InvalidValue> {
        let d = &self.data;
        let steps: Preprocess = match d.preprocess.parse() {
            Ok(steps) => steps,
            Err(error) => return invalid("data.preprocess", error, "steps are joined by `_and_`"),
        };
        let resized = steps.resize || steps.scale_width || steps.scale_shortside || steps.shorter_side;
        if resized && (steps.crop || steps.patch) && d.image_size > d.load_size {
            let problem = format!("{} with data.load_size {}", d.image_size, d.load_size);
            return invalid("data.image_size", problem, "what is cut out cannot be larger than what it is cut from");
        }
        if !d.image_size.is_multiple_of(4) {
            return invalid("data.image_size", d.image_size, "it must be a multiple of 4, as the networks halve twice");
        }
        if let (Some(side), None) = (d.test_size, self.test_size()) {
            let problem = format!("{side} with data.preprocess {}", d.preprocess);
            return invalid("data.test_size", problem, "pictures keep their own size then; leave the key out");
        }
        if let Some(side) = d.test_size.filter(|side| !side.is_multiple_of(4)) {
            return invalid("data.test_size", side, "it must be a multiple of 4, as the networks halve twice");
        }
        Ok(())
    }

    /// MUNIT and DRIT have networks of their own.
    fn networks_of_both_domains(&self) -> Result<(), InvalidValue> {
        let (m, l, method) = (&self.model, &self.loss, self.method);
        let fits = match m.generator {
            GeneratorKind::Munit | GeneratorKind::Unit => method == Method::Munit,
            GeneratorKind::Drit => method == Method::Drit,
            _ => !matches!(method, Method::Munit | Method::Drit),
        };
        if !fits {
            return invalid(
                "model.generator",
                format!("{:?}", m.generator).to_lowercase(),
                "`munit` and `unit` go with `method: munit`, `drit` with `method: drit`, and these with no other",
            );
        }
        if l.lambda_vgg > 0.0 && method != Method::Munit {
            return invalid("loss.lambda_vgg", l.lambda_vgg, "only `method: munit` has the term");
        }
        if l.lambda_vgg > 0.0 && l.vgg_weights.is_none() {
            return invalid("loss.vgg_weights", "missing", "`loss.lambda_vgg` needs a file of VGG-16's convolutions");
        }
        if !m.generator.is_of_both_domains() {
            return match m.discriminator {
                DiscriminatorKind::Scales => {
                    invalid("model.discriminator", "scales", "it goes with `method: munit` and `method: drit`")
                }
                _ => Ok(()),
            };
        }
        if m.norm != GeneratorNorm::Instance {
            let found = format!("{:?}", m.norm).to_lowercase();
            return invalid(
                "model.norm",
                found,
                "generators of MUNIT, UNIT and DRIT have norms of their own: `instance`",
            );
        }
        if m.init_biases != Biases::Zero {
            return invalid(
                "model.init_biases",
                "uniform",
                "MUNIT, UNIT and DRIT draw biases by rules of their own: `zero`",
            );
        }
        if m.output != Output::Tanh {
            let found = format!("{:?}", m.output).to_lowercase();
            return invalid("model.output", found, "generators of MUNIT, UNIT and DRIT take `tanh` only");
        }
        if m.discriminator == DiscriminatorKind::Scales
            && !matches!(m.norm_discriminator, DiscriminatorNorm::None | DiscriminatorNorm::Spectral)
        {
            let found = format!("{:?}", m.norm_discriminator).to_lowercase();
            let remedy = "`discriminator: scales` takes `none` or `spectral`";
            return invalid("model.norm_discriminator", found, remedy);
        }
        if method == Method::Drit {
            if self.train.batch_size < 2 {
                let remedy = "`drit` encodes the first image of a batch and takes the others for real ones: at least 2";
                return invalid("train.batch_size", self.train.batch_size, remedy);
            }
            if l.lambda_r1 > 0.0 {
                return invalid("loss.lambda_r1", l.lambda_r1, "`drit` has no R1");
            }
        }
        if self.optim.pool_size > 0 {
            return invalid("optim.pool_size", self.optim.pool_size, "MUNIT and DRIT have no image buffers: 0");
        }
        Ok(())
    }

    fn distances(&self) -> Result<(), InvalidValue> {
        if self.loss.distance == Distance::Pairs && self.train.batch_size < 2 {
            return invalid(
                "train.batch_size",
                self.train.batch_size,
                "a batch of one has no pair of images: at least 2, or `loss.distance: halves`",
            );
        }
        Ok(())
    }

    fn combinations(&self) -> Result<(), InvalidValue> {
        let (m, l) = (&self.model, &self.loss);
        if (m.generator == GeneratorKind::Stylegan2) != (m.discriminator == DiscriminatorKind::Stylegan2) {
            return invalid(
                "model.discriminator",
                format!("{:?}", m.discriminator),
                "`stylegan2` goes with `stylegan2`",
            );
        }
        let published = [
            ("model.output", m.output == Output::Tanh),
            ("model.norm", m.norm == GeneratorNorm::Instance),
            ("model.norm_discriminator", m.norm_discriminator == DiscriminatorNorm::Instance),
        ];
        if let (GeneratorKind::Stylegan2, Some((key, _))) = (m.generator, published.iter().find(|(_, as_is)| !as_is)) {
            return invalid(key, "not as published", "`model.generator: stylegan2` has its published form only");
        }
        if m.border != Border::Reflect && m.generator != GeneratorKind::Resnet {
            return invalid("model.border", "zero", "it goes with `model.generator: resnet`");
        }
        if m.output == Output::Affine && m.generator != GeneratorKind::Light {
            return invalid("model.output", "affine", "it goes with `model.generator: light`");
        }
        if m.generator == GeneratorKind::Light && m.nce_layers.iter().any(|layer| *layer > 3 + m.blocks) {
            return invalid(
                "model.nce_layers",
                format!("{:?}", m.nce_layers),
                format!(
                    "layers of `light` are 0 to {}: the image, three of the encoder, {} blocks",
                    3 + m.blocks,
                    m.blocks
                ),
            );
        }
        let features = self.method == Method::Lsesim && l.lsesim_features == CorrelativeFeatures::EffnetLite0;
        if (features || m.discriminator.is_projected()) && self.data.image_size < FixedFeatures::LEAST_SIDE {
            let key = if features { "loss.lsesim_features" } else { "model.discriminator" };
            return invalid(
                "data.image_size",
                self.data.image_size,
                format!("the features that `{key}` asks for need at least {}", FixedFeatures::LEAST_SIDE),
            );
        }
        if m.discriminator.is_projected() && l.lambda_r1 > 0.0 {
            return invalid(
                "loss.lambda_r1",
                l.lambda_r1,
                "R1 goes with `patch`, `pixel` and `stylegan2` discriminators",
            );
        }
        if self.optim.lr_content.is_some() && self.optim.lr == 0.0 {
            return invalid("optim.lr_content", "given", "it changes as `optim.lr` does, which is 0");
        }
        if self.optim.lr_discriminator.is_some() && self.optim.lr == 0.0 {
            return invalid("optim.lr_discriminator", "given", "it changes as `optim.lr` does, which is 0");
        }
        if self.has_patch_terms() && m.nce_layers.is_empty() {
            return invalid("model.nce_layers", "empty", "the patch terms need at least one layer");
        }
        let patches = l.contrast != Contrast::None || l.lambda_src > 0.0;
        if self.method == Method::Ours && !patches {
            return invalid("loss.contrast", "none, and loss.lambda_src is 0", "`ours` needs at least one of them");
        }
        let official = l.formulation == Formulation::Official;
        if self.method == Method::Ours && official && self.train.batch_size > 1 && !l.minibatch_negatives {
            return invalid(
                "train.batch_size",
                self.train.batch_size,
                "in the official formulation SRC and the weights take all patches of a batch for those of one image: use \
                 1, `loss.minibatch_negatives: true`, or `loss.formulation: paper`",
            );
        }
        if let Some(images) = l.identity_images.filter(|images| *images > self.train.batch_size) {
            let remedy = format!("it must be at most `train.batch_size`, {}", self.train.batch_size);
            return invalid("loss.identity_images", images, remedy);
        }
        if l.num_patches == 1 && self.has_patch_terms() && !l.minibatch_negatives {
            return invalid(
                "loss.num_patches",
                1,
                "one patch has negatives with `loss.minibatch_negatives: true` only",
            );
        }
        if l.lambda_identity > 0.0 && self.has_patch_terms() && !l.identity_branch {
            return invalid("loss.lambda_identity", l.lambda_identity, "it needs `loss.identity_branch: true`");
        }
        self.networks_of_both_domains()?;
        if self.method == Method::Distancegan {
            self.distances()?;
        }
        if self.method == Method::Negcut {
            let unread = [
                ("loss.lambda_src", l.lambda_src > 0.0),
                ("loss.hard", l.hard),
                ("loss.lambda_identity", l.lambda_identity > 0.0),
                ("loss.contrast", l.contrast != Contrast::InfoNce),
            ];
            if let Some((key, _)) = unread.iter().find(|(_, set)| *set) {
                return invalid(
                    key,
                    "not as `negcut` has it",
                    "its only patch term is `loss.contrast: info-nce`, against made negatives",
                );
            }
        }
        if self.method == Method::Negcut && l.num_patches % 2 != 0 {
            let remedy = "`negcut` compares one half of the negatives with the other: an even number";
            return invalid("loss.num_patches", l.num_patches, remedy);
        }
        if self.method == Method::Supervised && self.data.preprocess.contains("zoom") {
            let remedy =
                "`supervised` cuts the same out of both pictures of a pair: `resize_and_crop`, `crop`, `none` …";
            return invalid("data.preprocess", &self.data.preprocess, remedy);
        }
        if self.data.pairs.is_some() && self.method != Method::Supervised {
            return invalid("data.pairs", "given", "only `method: supervised` learns from pairs");
        }
        if l.own_turned_generator && self.method != Method::Gcgan {
            return invalid("loss.own_turned_generator", true, "only `method: gcgan` turns images");
        }
        if self.method == Method::Lsesim && l.identity_branch {
            return invalid("loss.identity_branch", true, "`lsesim` compares input and output only");
        }
        Ok(())
    }
}
