//! CUT and the paper's method, with everything between them: PatchNCE or (hard) DCE, with or without SRC, identity branch,
//! flip equivariance, and SinCUT's penalties.
//!
//! One step, as published: translate; update D with the translation as it is; then update G and F with the new D. Each
//! image is encoded once: the features of the real images are those of the translating pass itself, and the translation and
//! the identity output are encoded, and their patches projected, as one batch.

use crate::adversary::{Adversary, new_adversary};
use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::{Config, Contrast, Method};
use crate::networks::{Discriminator, Generator, new_generator, new_heads, trained};
use anyhow::{Context, Result};
use semrel_loss::LossError;
use semrel_loss::coupling::coupling;
use semrel_loss::patch_sampler::PatchSampler;
use semrel_loss::semantic::{PatchLossConfig, patch_losses};
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Net, Trained, backward_step_both};
use semrel_train::passes::{first, l1, reproduce, split};
use semrel_train::{Losses, Part};
use tch::{Device, Tensor, no_grad};

/// Names of the means of `q_NPC` in the log: over all patches, and over the quarters whose negatives are least and most related to
/// them.
pub const COUPLING: [&str; 3] = ["q_npc", "q_npc_unrelated", "q_npc_related"];

/// Whether runs log them: those of methods that contrast patches with each other.
pub fn measures_coupling(config: &Config) -> bool {
    let own = matches!(config.method, Method::Ours | Method::Cut);
    own && config.loss.contrast != Contrast::None
}

/// What a step draws besides images.
#[derive(Debug)]
pub struct Draws {
    /// Patch positions, one vector a layer.
    pub positions: Vec<Tensor>,
    /// Those of the identity branch: `ours` takes the same, CUT draws its own.
    pub identity_positions: Vec<Tensor>,
    /// Whether the generator's input is mirrored.
    pub flip: bool,
}

/// Generator, heads and discriminator of a one-sided contrastive translation.
#[derive(Debug)]
pub struct Contrastive {
    /// The run.
    pub config: Config,
    /// G.
    pub generator: Trained<Generator>,
    /// F.
    pub heads: Trained<PatchSampler>,
    /// D.
    pub adversary: Adversary,
}

/// Images of one generator pass.
pub(crate) struct Translated {
    pub fake: Tensor,
    /// Translation of the target domain's image, with the identity branch.
    pub identity: Option<Tensor>,
    /// Features of the images that went in, with their graph; absent where the pass was mirrored.
    pub source: Option<Vec<Tensor>>,
}

/// Embedded patches of outputs and of their sources, one matrix `[B·K, D]` a layer.
pub(crate) struct Embedded {
    pub queries: Vec<Tensor>,
    /// Constant.
    pub keys: Vec<Tensor>,
}

impl Embedded {
    fn detached(&self) -> Self {
        let constant = |rows: &[Tensor]| rows.iter().map(Tensor::detach).collect();
        Self { queries: constant(&self.queries), keys: constant(&self.keys) }
    }
}

/// What the patch terms compare.
pub(crate) struct Compared {
    pub translation: Embedded,
    pub identity: Option<Embedded>,
}

impl Compared {
    /// The same without its graph.
    pub fn detached(&self) -> Self {
        Self { translation: self.translation.detached(), identity: self.identity.as_ref().map(Embedded::detached) }
    }
}

impl Contrastive {
    /// Fresh networks, their weights drawn from torch's generator in the order G, F, D.
    ///
    /// # Errors
    /// As [`new_heads`].
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        Self::with_generator(config, new_generator(config, device)?)
    }

    /// As [`Contrastive::new`], around a generator.
    ///
    /// # Errors
    /// As [`new_heads`].
    pub(crate) fn with_generator(config: &Config, generator: Net<Generator>) -> Result<Self> {
        let device = generator.device();
        let heads = new_heads(config, &generator)?;
        Ok(Self {
            config: config.clone(),
            generator: trained(config, generator),
            heads: trained(config, heads),
            adversary: new_adversary(config, "D", device)?,
        })
    }

    /// One step with given draws.
    ///
    /// # Errors
    /// Where features do not fit the heads.
    pub fn step_with(&mut self, batch: &Batch, draws: &Draws, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        let made = self.translate(batch, draws.flip);

        self.adversary.train(&made.fake, &batch.b, info.step, &mut losses);

        let compared = self.compared(batch, &made, draws)?;
        let total = self.generator_loss(batch, &made, &compared, info, &mut losses)?;
        backward_step_both(&total, &mut self.generator, &mut self.heads);
        Ok(losses)
    }

    /// Draws positions and the mirroring from torch's generator.
    ///
    /// # Errors
    /// Where the images are too small for the generator.
    pub fn draw(&self, batch: &Batch) -> Result<Draws> {
        let size = batch.a.size();
        let shapes = self.generator.tap_shapes(size[2], size[3], &self.config.model.nce_layers)?;
        let areas: Vec<i64> = shapes.iter().map(|(_, h, w)| h * w).collect();
        let draw = || PatchSampler::positions(&areas, self.config.loss.num_patches, batch.a.device());
        let positions = draw();
        let identity_positions = match self.config.method {
            Method::Ours => positions.iter().map(Tensor::shallow_clone).collect(),
            _ => draw(),
        };
        let flip = self.config.loss.flip_equivariance
            && Tensor::rand([1], (tch::Kind::Float, Device::Cpu)).double_value(&[0]) < 0.5;
        Ok(Draws { positions, identity_positions, flip })
    }

    /// `G(x)` and, with the identity branch, `G(y)` as one batch.
    pub(crate) fn translate(&self, batch: &Batch, flip: bool) -> Translated {
        let n = batch.a.size()[0];
        let images = self.images(batch);
        let (output, source) = if flip {
            (self.generator.forward(&images.flip([3])), None)
        } else {
            let (output, taps) = self.generator.forward_tapped(&images, &self.config.model.nce_layers);
            (output, Some(taps))
        };
        let (fake, identity) = split(&output, n);
        Translated { fake, identity: self.config.loss.identity_branch.then_some(identity), source }
    }

    /// What a step translates: the source's images, and with the identity branch some of the target's behind them.
    pub(crate) fn images(&self, batch: &Batch) -> Tensor {
        if self.config.loss.identity_branch {
            Tensor::cat(&[&batch.a, &self.target(batch)], 0)
        } else {
            batch.a.shallow_clone()
        }
    }

    /// Images of the target domain that the identity branch translates.
    pub(crate) fn target(&self, batch: &Batch) -> Tensor {
        first(&batch.b, self.config.loss.identity_images)
    }

    /// Patches of the outputs, mirrored back, and of the sources; those of translation and identity branch come from one
    /// batch each, so that no map is cut in two.
    pub(crate) fn compared(&self, batch: &Batch, made: &Translated, draws: &Draws) -> Result<Compared> {
        let output = self.output_features(made, draws.flip);
        let source = no_grad(|| self.source_features(batch, made));
        self.embed(&output, &source, draws, batch.a.size()[0])
    }

    /// Features of the outputs, mirrored back: of the translations, then of the identity outputs.
    pub(crate) fn output_features(&self, made: &Translated, flip: bool) -> Vec<Tensor> {
        let outputs: Vec<&Tensor> = [Some(&made.fake), made.identity.as_ref()].into_iter().flatten().collect();
        let maps = self.generator.encode(&Tensor::cat(&outputs, 0), &self.config.model.nce_layers);
        if flip { maps.iter().map(|map| map.flip([3])).collect() } else { maps }
    }

    /// Features of the images that were translated, as they were before mirroring.
    pub(crate) fn source_features(&self, batch: &Batch, made: &Translated) -> Vec<Tensor> {
        match &made.source {
            Some(taps) => taps.iter().map(Tensor::shallow_clone).collect(),
            None => self.generator.encode(&self.images(batch), &self.config.model.nce_layers),
        }
    }

    /// Patches of `n` translations, and of the identity outputs behind them; the sources' patches are constant.
    pub(crate) fn embed(&self, output: &[Tensor], source: &[Tensor], draws: &Draws, n: i64) -> Result<Compared> {
        let (queries, identity_queries) = self.project(output, draws, n).context("features of the output")?;
        let (keys, identity_keys) = no_grad(|| self.project(source, draws, n)).context("features of the input")?;
        let identity = (output[0].size()[0] > n).then_some(Embedded { queries: identity_queries, keys: identity_keys });
        Ok(Compared { translation: Embedded { queries, keys }, identity })
    }

    /// Embedded patches of the first `n` images, and of the others at the positions of the identity branch (none where there
    /// are no others).
    fn project(&self, maps: &[Tensor], draws: &Draws, n: i64) -> Result<(Vec<Tensor>, Vec<Tensor>), LossError> {
        let images = maps[0].size()[0];
        if images == n {
            return Ok((self.heads.project(maps, &draws.positions)?, vec![]));
        }
        // CUT's branches look at positions of their own: both sets are embedded in all images.
        let own = self.config.method != Method::Ours;
        let both = |(a, b): (&Tensor, &Tensor)| if own { Tensor::cat(&[a, b], 0) } else { a.shallow_clone() };
        let positions: Vec<Tensor> = draws.positions.iter().zip(&draws.identity_positions).map(both).collect();
        let rows = self.heads.project(maps, &positions)?;
        let part = |rows: &Tensor, positions: &Tensor, first: i64, count: i64, from: i64| {
            let dim = rows.size()[1];
            let rows = rows.view([images, -1, dim]).narrow(0, first, count).narrow(1, from, positions.size()[0]);
            rows.reshape([-1, dim])
        };
        let of = |(rows, (a, b)): (&Tensor, (&Tensor, &Tensor))| {
            let from = if own { a.size()[0] } else { 0 };
            (part(rows, a, 0, n, 0), part(rows, b, n, images - n, from))
        };
        Ok(rows.iter().zip(draws.positions.iter().zip(&draws.identity_positions)).map(of).unzip())
    }

    /// `L_GAN + L_contrast + L_SRC`, the contrastive term averaged with that of the identity branch, plus SinCUT's
    /// `λ · mean |G(y) − y|`.
    pub(crate) fn generator_loss(
        &self,
        batch: &Batch,
        made: &Translated,
        compared: &Compared,
        info: StepInfo,
        losses: &mut Losses,
    ) -> Result<Tensor> {
        let (l, gamma) = (&self.config.loss, self.config.gamma(info.epoch));
        let adversarial = self.adversary.generator_loss(&made.fake);
        losses.push("G_GAN", &adversarial);

        let patch = self.config.patch_loss();
        let compare = |patches: &Embedded, images: &Tensor, settings: &PatchLossConfig| {
            let groups = self.groups(images.size()[0]);
            patch_losses(&patches.queries, &patches.keys, groups, settings, gamma).context("the patch terms")
        };
        let translation = compare(&compared.translation, &made.fake, &patch)?;
        let name = if l.contrast == Contrast::InfoNce { "NCE" } else { "HDCE" };
        let mut contrast = translation.patch;
        if l.contrast != Contrast::None {
            losses.push(name, &translation.patch_value);
        }
        let mut total = adversarial;
        if l.lambda_src > 0.0 {
            losses.push("SRC", &translation.src);
            total += &translation.src;
        }
        if let (Some(identity), Some(patches)) = (&made.identity, &compared.identity) {
            if l.contrast != Contrast::None {
                let without_src = patch.with_lambda_src(0.0);
                let branch = compare(patches, identity, &without_src)?;
                losses.push(format!("{name}_Y"), &branch.patch_value);
                contrast = (contrast + branch.patch) * 0.5;
            }
            if l.lambda_identity > 0.0 {
                let idt = l1(identity, &self.target(batch)) * l.lambda_identity;
                losses.push("idt", &idt);
                total += idt;
            }
        }
        total += contrast;
        losses.push("G", &total);
        if l.hard {
            losses.number("gamma", gamma);
        }
        if measures_coupling(&self.config) && (info.step + 1).is_multiple_of(self.config.train.log_every) {
            self.measure_coupling(&compared.translation, batch.a.size()[0], losses)?;
        }
        Ok(total)
    }

    /// Groups of patches that are each other's negatives: those of an image, or of the whole batch.
    fn groups(&self, images: i64) -> i64 {
        if self.config.loss.minibatch_negatives { 1 } else { images }
    }

    /// Adds the means of `q_NPC` (Eq. 9) over the patches of the translation to what is logged.
    fn measure_coupling(&self, patches: &Embedded, images: i64, losses: &mut Losses) -> Result<()> {
        let groups = self.groups(images);
        if patches.keys[0].size()[0] / groups < 2 {
            return Ok(()); // A patch without negatives has no q_NPC.
        }
        let measured = coupling(&patches.queries, &patches.keys, groups, self.config.loss.temperature)
            .context("the coupling of patches")?;
        losses.push(COUPLING[0], &measured.all);
        losses.push(COUPLING[1], &measured.unrelated);
        losses.push(COUPLING[2], &measured.related);
        Ok(())
    }
}

impl Algorithm for Contrastive {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let draws = self.draw(batch)?;
        self.step_with(batch, &draws, info)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        reproduce(&mut self.generator, &Tensor::cat(&[&batch.a, &batch.b], 0))
    }

    fn generator(&self) -> &Net<Generator> {
        &self.generator
    }

    fn layers(&self) -> &[i64] {
        &self.config.model.nce_layers
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            Part::new("G", &mut self.generator),
            Part::new("F", &mut self.heads),
            Part::new("D", &mut self.adversary.discriminator),
        ]
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        vec![(&self.adversary.discriminator, Domain::Target)]
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        vec![("B", &mut self.adversary.pool)]
    }
}
