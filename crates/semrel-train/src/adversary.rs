//! The discriminator of one translation, and both sides of its game.

use crate::Losses;
use crate::batches::Batch;
use semrel_data::rng::stream;
use semrel_loss::gan::{GanMode, Target, r1_penalty};
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Discriminator, Trained};
use tch::{Kind, Tensor};

/// Logits of images by one or several looks at them, each with the weight of its mean in a loss.
#[derive(Debug)]
pub struct Logits(Vec<(Tensor, f64)>);

impl From<Tensor> for Logits {
    /// Those of a single look, at weight 1.
    fn from(logits: Tensor) -> Self {
        Self(vec![(logits, 1.0)])
    }
}

impl Logits {
    /// The mean of several looks.
    pub fn mean_of(looks: Vec<Tensor>) -> Self {
        let weight = 1.0 / looks.len() as f64;
        Self(looks.into_iter().map(|logits| (logits, weight)).collect())
    }

    /// The sum of several looks.
    pub fn sum_of(looks: Vec<Tensor>) -> Self {
        Self(looks.into_iter().map(|logits| (logits, 1.0)).collect())
    }

    /// These, and others beside them: their losses add up.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Those of `n` images from `first` on.
    pub fn narrow(&self, first: i64, n: i64) -> Self {
        Self(self.0.iter().map(|(logits, weight)| (logits.narrow(0, first, n), *weight)).collect())
    }

    /// Of logits `[B, domains, h, w]` of each look those of the domain `y[b]` of image b.
    #[must_use]
    pub fn of_domains(self, y: &[i64]) -> Self {
        let Some((first, _)) = self.0.first() else { return self };
        let index = Tensor::from_slice(y).to_device(first.device()).view([-1, 1, 1, 1]);
        let own = |logits: &Tensor| {
            let size = logits.size();
            logits.gather(1, &index.expand([size[0], 1, size[2], size[3]], false), false)
        };
        Self(self.0.into_iter().map(|(logits, weight)| (own(&logits), weight)).collect())
    }

    /// Sum of all numbers, for measurements of speed.
    pub fn total(&self) -> Tensor {
        self.0.iter().map(|(logits, _)| logits.sum(None::<Kind>)).sum()
    }

    /// Weighted sum of what `loss` makes of each look.
    fn sum(&self, loss: impl Fn(&Tensor) -> Tensor) -> Tensor {
        let weighted = |(logits, weight): &(Tensor, f64)| match weight {
            1.0 => loss(logits),
            weight => loss(logits) * *weight,
        };
        self.0.iter().map(weighted).reduce(|a, b| a + b).expect("at least one look")
    }
}

/// A network that tells real images from generated ones.
pub trait Critic {
    /// Logits of images `[B, C, H, W]`; no layer mixes images.
    fn logits(&self, images: &Tensor) -> Logits;

    /// Whether every pass changes it, so that fake and real images must pass one after the other.
    fn changes_in_passes(&self) -> bool {
        false
    }

    /// What is to be done once before each of its steps: power iterations of spectral norm.
    fn prepare_step(&self) {}
}

impl Critic for Discriminator {
    fn logits(&self, images: &Tensor) -> Logits {
        let image = match self {
            Self::Patch(d) | Self::Both { patch: d, .. } => Some(Logits::from(d.forward(images))),
            Self::Style(d) => Some(d.forward(images).into()),
            Self::Scales(d) => Some(Logits::sum_of(d.forward(images))),
            Self::DritScales(d) => Some(Logits::sum_of(d.forward(images))),
            Self::Projected(_) => None,
        };
        let features = self.projected_logits(images).map(Logits::mean_of);
        match (image, features) {
            (Some(image), Some(features)) => image.and(features),
            (image, features) => image.or(features).expect("it looks at images or at features"),
        }
    }

    fn changes_in_passes(&self) -> bool {
        Self::changes_in_passes(self)
    }

    fn prepare_step(&self) {
        self.iterate_spectral();
    }
}

/// A domain of a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// What is translated.
    Source,
    /// What it is translated to.
    Target,
}

/// Real images that scale projected features.
const CALIBRATING_IMAGES: i64 = 16;

/// Before the first step: scales the projected features of discriminators, where there are any, by the first real images of
/// the domain that each judges. `batch` gives training batches, from 0 on; it is not called where there is nothing to scale.
///
/// # Errors
/// Those of `batch`.
pub fn calibrate<E>(
    critics: &[(&Discriminator, Domain)],
    mut batch: impl FnMut(u64) -> Result<Batch, E>,
) -> Result<(), E> {
    if critics.iter().all(|(discriminator, _)| discriminator.projected().is_none()) {
        return Ok(());
    }
    let (mut images, mut batches) = (0, vec![]);
    while images < CALIBRATING_IMAGES {
        batches.push(batch(batches.len() as u64)?);
        images += batches.last().map_or(CALIBRATING_IMAGES, |batch| batch.b.size()[0]);
    }
    // Where pictures come as they are, batches differ in size: those like the first do.
    let sizes = |batch: &Batch| [&batch.a, &batch.b].map(|images| images.size()[1..].to_vec());
    let first = batches.first().map(sizes);
    batches.retain(|batch| Some(sizes(batch)) == first);
    for (discriminator, domain) in critics {
        let of_domain = |batch: &Batch| match domain {
            Domain::Source => batch.a.shallow_clone(),
            Domain::Target => batch.b.shallow_clone(),
        };
        discriminator.calibrate(&Tensor::cat(&batches.iter().map(of_domain).collect::<Vec<_>>(), 0));
    }
    Ok(())
}

/// Rules of the game.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Game {
    /// Adversarial objective.
    pub gan: GanMode,
    /// Weight of the generator's term.
    pub lambda_gan: f64,
    /// Weight of R1.
    pub lambda_r1: f64,
    /// Seed of the buffer's choices.
    pub seed: u64,
}

/// A discriminator with its optimiser and the buffer of outputs it is shown.
#[derive(Debug)]
pub struct Adversary<D> {
    /// D.
    pub discriminator: Trained<D>,
    /// Outputs of earlier steps.
    pub pool: ImagePool,
    game: Game,
    /// Weight of its own loss.
    weight: f64,
    /// Names of its terms: fake, real, R1, total.
    names: [String; 4],
}

/// Losses of D on a pair of images, with graph.
pub struct DiscriminatorLosses {
    /// On the generated image.
    pub fake: Tensor,
    /// On the real image.
    pub real: Tensor,
    /// R1, with its weight, if it is part of the game.
    pub r1: Option<Tensor>,
    /// `½ (fake + real) + R1`, or with another weight than ½.
    pub total: Tensor,
}

impl DiscriminatorLosses {
    /// The sum of these and others, each term with its counterpart.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let r1 = match (self.r1, other.r1) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        Self { fake: self.fake + other.fake, real: self.real + other.real, r1, total: self.total + other.total }
    }
}

impl<D: Critic> Adversary<D> {
    /// The game of `discriminator` called `name` (`D`, `D_A`, …), which is shown earlier outputs from a buffer of `pool_size`.
    pub fn new(name: &str, discriminator: Trained<D>, pool_size: usize, game: Game) -> Self {
        let names = ["_fake", "_real", "_R1", ""].map(|term| format!("{name}{term}"));
        Self { discriminator, pool: ImagePool::new(pool_size), game, weight: 0.5, names }
    }

    /// The same with this weight of the discriminator's own loss, fake and real, in place of ½.
    #[must_use]
    pub fn with_weight(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    /// Whether R1 is part of the game: then real images need a gradient.
    pub fn penalises(&self) -> bool {
        self.game.lambda_r1 > 0.0
    }

    /// Updates D with `½ (L(D(fake), fake) + L(D(real), real)) + λ_R1 · R1(real)`; the fake is constant, and in half of the
    /// cases an earlier one, if there is an image buffer. `step` decides which.
    pub fn train(&mut self, fake: &Tensor, real: &Tensor, step: u64, losses: &mut Losses) {
        let fake = self.earlier(fake, step);
        self.train_on(&fake, real, losses);
    }

    /// The fake as it is, or, with an image buffer, in half of the cases an earlier one; constant. `step` decides which.
    pub fn earlier(&mut self, fake: &Tensor, step: u64) -> Tensor {
        self.pool.query(fake, &mut stream(self.game.seed, &format!("pool {}", self.names[3]), step))
    }

    /// [`Adversary::train`] with this fake, which is constant.
    pub fn train_on(&mut self, fake: &Tensor, real: &Tensor, losses: &mut Losses) {
        self.discriminator.prepare_step();
        let loss = self.discriminator_loss(fake, real);
        self.discriminator.backward_step(&loss.total);
        self.log(&loss, losses);
    }

    /// The losses of [`Adversary::train`]. Both images pass D as one batch, as no layer of it mixes images, unless passes change it.
    pub fn discriminator_loss(&self, fake: &Tensor, real: &Tensor) -> DiscriminatorLosses {
        let real = real.detach().set_requires_grad(self.penalises());
        if self.discriminator.changes_in_passes() {
            let of_fake = self.discriminator.logits(fake);
            return self.discriminator_loss_of(&of_fake, &self.discriminator.logits(&real), &real);
        }
        let logits = self.discriminator.logits(&Tensor::cat(&[fake, &real], 0));
        let n = fake.size()[0];
        self.discriminator_loss_of(&logits.narrow(0, n), &logits.narrow(n, real.size()[0]), &real)
    }

    /// The losses from D's logits.
    pub fn discriminator_loss_of(
        &self,
        fake_logits: &Logits,
        real_logits: &Logits,
        real: &Tensor,
    ) -> DiscriminatorLosses {
        let loss = |logits: &Logits, target| {
            logits.sum(|look| self.game.gan.discriminator(look, target).expect("logits of images").mean(None::<Kind>))
        };
        let (fake, loss_real) = (loss(fake_logits, Target::Fake), loss(real_logits, Target::Real));
        let mut total = (&fake + &loss_real) * self.weight;
        let penalty = || {
            let of_look = |look: &Tensor| r1_penalty(look, real).expect("logits with a graph to the images");
            real_logits.sum(of_look) * self.game.lambda_r1
        };
        let r1 = (self.game.lambda_r1 > 0.0).then(penalty);
        if let Some(r1) = &r1 {
            total += r1;
        }
        DiscriminatorLosses { fake, real: loss_real, r1, total }
    }

    /// Adds the parts of the discriminator's `loss` to the `losses` of the step.
    pub fn log(&self, loss: &DiscriminatorLosses, losses: &mut Losses) {
        let [fake, real, r1, total] = &self.names;
        losses.push(fake, &loss.fake);
        losses.push(real, &loss.real);
        if let Some(penalty) = &loss.r1 {
            losses.push(r1, penalty);
        }
        losses.push(total, &loss.total);
    }

    /// `λ_GAN · L(D(fake), real)`, for the generator. D's weights get no gradient.
    pub fn generator_loss(&self, fake: &Tensor) -> Tensor {
        self.generator_loss_of(&self.discriminator.logits(fake))
    }

    /// [`Adversary::generator_loss`] from D's logits.
    pub fn generator_loss_of(&self, fake_logits: &Logits) -> Tensor {
        let loss = |look: &Tensor| self.game.gan.generator(look).expect("logits of images").mean(None::<Kind>);
        fake_logits.sum(loss) * self.game.lambda_gan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_nn::{AdamConfig, Net};
    use tch::{Device, nn};

    /// `w · mean(x)` of each image.
    #[derive(Debug)]
    struct Scale(Tensor);

    impl Critic for Scale {
        fn logits(&self, images: &Tensor) -> Logits {
            (images.mean_dim([1i64, 2, 3].as_slice(), true, Kind::Float) * &self.0).into()
        }
    }

    #[test]
    fn several_looks_are_averaged_and_games_added() {
        let look = |value: f64| Tensor::full([2, 1, 2, 2], value, (Kind::Float, Device::Cpu));
        let logits = Logits::mean_of(vec![look(1.0), look(3.0)]).and(look(5.0).into());
        let d = adversary(Game { gan: GanMode::Wgangp, lambda_gan: 2.0, lambda_r1: 0.0, seed: 1 });
        assert_eq!(d.generator_loss_of(&logits).double_value(&[]), -2.0 * (2.0 + 5.0));
        let loss = d.discriminator_loss_of(&logits.narrow(0, 1), &logits.narrow(1, 1), &look(0.0));
        assert_eq!((loss.fake.double_value(&[]), loss.real.double_value(&[])), (7.0, -7.0));
    }

    #[test]
    fn each_image_is_judged_by_its_own_domain() {
        let two = Tensor::arange(12, (Kind::Float, Device::Cpu)).view([2, 3, 1, 2]);
        let one = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0, 5.0, 6.0]).view([2, 3, 1, 1]);
        let logits = Logits::mean_of(vec![two, one]).of_domains(&[2, 0]);
        let looks: Vec<Vec<f32>> = logits.0.iter().map(|(t, _)| Vec::try_from(t.view([-1])).unwrap()).collect();
        assert_eq!(looks, [vec![4.0, 5.0, 6.0, 7.0], vec![3.0, 4.0]]);
    }

    fn adversary(game: Game) -> Adversary<Scale> {
        let config = AdamConfig { lr: 0.1, beta1: 0.5, beta2: 0.9, eps: 1e-8, weight_decay: 0.0 };
        let net = Net::new(Device::Cpu, |p: &nn::Path| Scale(p.ones("w", &[1])));
        Adversary::new("D_A", Trained::new(net, config), 0, game)
    }

    #[test]
    fn its_loss_is_half_of_both_sides_and_the_generators_is_weighted() {
        let game = Game { gan: GanMode::Hinge, lambda_gan: 3.0, lambda_r1: 0.0, seed: 1 };
        let mut d = adversary(game);
        let images = |value: f64| Tensor::full([1, 3, 2, 2], value, (Kind::Float, Device::Cpu));
        let mut losses = Losses::new();
        let adversarial = d.generator_loss(&images(0.5)).double_value(&[]);
        d.train(&images(0.5), &images(0.25), 0, &mut losses);
        let term = |name: &str| losses.get(name).unwrap().double_value(&[]);
        assert_eq!((term("D_A_fake"), term("D_A_real"), term("D_A")), (1.5, 0.75, 1.125));
        assert_eq!(adversarial, -1.5);
        // The weight goes down: it makes the fake look realer than the real.
        assert!((d.discriminator.flat().double_value(&[0]) - 0.9).abs() < 1e-6);
        let punished = adversary(Game { lambda_r1: 2.0, ..game }).discriminator_loss(&images(0.5), &images(0.25));
        // ½ Σ (w/12)² over 12 numbers.
        assert!((punished.r1.unwrap().double_value(&[]) - 1.0 / 12.0).abs() < 1e-6);
    }
}
