//! Adversarial objectives, the R1 penalty, and the style and cycle terms of StarGAN v2.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

/// What a discriminator is told its input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An image of the data set.
    Real,
    /// A generated image.
    Fake,
}

/// The adversarial objective, by its name in the published options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GanMode {
    /// Least squares: `mean (x − t)²`, t = 1 for real, 0 for fake.
    #[default]
    Lsgan,
    /// Binary cross-entropy of logits: `mean softplus(∓x)`.
    Vanilla,
    /// Wasserstein: `∓mean x`.
    Wgangp,
    /// As `vanilla`, averaged within each image: `[B]`, of which callers take the mean.
    Nonsaturating,
    /// `mean max(0, 1 ∓ x)` for the discriminator, `−mean x` for the generator.
    Hinge,
}

impl GanMode {
    /// Loss of a discriminator whose output for a `target` image is `prediction`, of any shape; a scalar (`[B]` for
    /// [`GanMode::Nonsaturating`]). The usual total is half the sum of the real and the fake loss.
    pub fn discriminator(self, prediction: &Tensor, target: Target) -> Tensor {
        // Towards −∞ is right, whatever the target is.
        let signed = match target {
            Target::Real => prediction.neg(),
            Target::Fake => prediction.shallow_clone(),
        };
        match self {
            Self::Lsgan => (prediction - f64::from(u8::from(target == Target::Real))).square().mean(None::<Kind>),
            Self::Vanilla => signed.softplus().mean(None::<Kind>),
            Self::Wgangp => signed.mean(None::<Kind>),
            Self::Nonsaturating => signed.softplus().flatten(1, -1).mean_dim([1i64].as_slice(), false, None::<Kind>),
            Self::Hinge => (signed + 1.0).relu().mean(None::<Kind>),
        }
    }

    /// Loss of the generator from the discriminator's output for its image: that its image counts as real.
    pub fn generator(self, prediction: &Tensor) -> Tensor {
        match self {
            Self::Hinge => prediction.neg().mean(None::<Kind>),
            other => other.discriminator(prediction, Target::Real),
        }
    }
}

/// StarGAN v2's `adv(l, t)`: binary cross-entropy of logits against a constant target, `mean softplus(−l)` for real,
/// `mean softplus(l)` for fake; for discriminator and generator alike.
pub fn adversarial(logits: &Tensor, target: Target) -> Tensor {
    GanMode::Vanilla.discriminator(logits, target)
}

/// R1 penalty `½ mean_b Σ_{c,h,w} (∂ Σ_b D(x)_b / ∂x)²`; multiply with λ_reg.
///
/// `logits` must come from `images`, which must require gradients. The graph is kept, so that the penalty can be
/// differentiated with respect to the discriminator's weights.
pub fn r1_penalty(logits: &Tensor, images: &Tensor) -> Tensor {
    let gradient = Tensor::run_backward(&[logits.sum(None::<Kind>)], &[images], true, true).remove(0);
    gradient.square().sum(None::<Kind>) * (0.5 / images.size()[0] as f64)
}

/// Style reconstruction `mean |E(x_fake, y_trg) − s|`; gradient through both.
pub fn style_reconstruction(recovered: &Tensor, style: &Tensor) -> Tensor {
    recovered.l1_loss(style, Reduction::Mean)
}

/// Style diversification `mean |x_fake − sg(x_fake2)|`, which the generator's total **subtracts**, times λ_ds.
pub fn style_diversification(fake: &Tensor, other_fake: &Tensor) -> Tensor {
    fake.l1_loss(&other_fake.detach(), Reduction::Mean)
}

/// Cycle consistency `mean |x_rec − x_real|`.
pub fn cycle(reconstructed: &Tensor, real: &Tensor) -> Tensor {
    reconstructed.l1_loss(real, Reduction::Mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tch::Device;

    const MODES: [GanMode; 5] =
        [GanMode::Lsgan, GanMode::Vanilla, GanMode::Wgangp, GanMode::Nonsaturating, GanMode::Hinge];

    fn loss(mode: GanMode, x: f64, target: Target) -> f64 {
        mode.discriminator(&Tensor::from_slice(&[x]).view([1, 1]), target).mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn known_values() {
        let softplus = |x: f64| x.exp().ln_1p();
        let want = [
            (GanMode::Lsgan, 0.49, 0.09),
            (GanMode::Vanilla, softplus(-0.3), softplus(0.3)),
            (GanMode::Wgangp, -0.3, 0.3),
            (GanMode::Nonsaturating, softplus(-0.3), softplus(0.3)),
            (GanMode::Hinge, 0.7, 1.3),
        ];
        for (mode, real, fake) in want {
            assert!((loss(mode, 0.3, Target::Real) - real).abs() < 1e-12, "{mode:?}");
            assert!((loss(mode, 0.3, Target::Fake) - fake).abs() < 1e-12, "{mode:?}");
        }
    }

    #[test]
    fn hinge_generator_has_no_margin() {
        let x = Tensor::from_slice(&[3.0f64]);
        assert_eq!(GanMode::Hinge.generator(&x).double_value(&[]), -3.0);
        assert_eq!(GanMode::Hinge.discriminator(&x, Target::Real).double_value(&[]), 0.0);
    }

    #[test]
    fn nonsaturating_gives_one_value_an_image() {
        let x = Tensor::randn([3, 1, 4, 5], (Kind::Double, Device::Cpu));
        let per_image = GanMode::Nonsaturating.generator(&x);
        assert_eq!(per_image.size(), [3]);
        let mean = per_image.mean(Kind::Double) - GanMode::Vanilla.generator(&x);
        assert!(mean.double_value(&[]).abs() < 1e-12);
    }

    #[test]
    fn extreme_logits_stay_finite() {
        let x = Tensor::from_slice(&[-1e4f32, 1e4]);
        assert_eq!(adversarial(&x, Target::Real).double_value(&[]), 5e3);
    }

    #[test]
    fn r1_of_a_quadratic_and_its_second_derivative() {
        // D(x)_b = a Σ x²: gradient 2ax, R1 = ½·4a²Σx²/B, ∂R1/∂a = 4aΣx²/B.
        let x = Tensor::from_slice(&[1.0, 2.0, -1.0, 0.5f64]).view([2, 2]).set_requires_grad(true);
        let a = Tensor::from_slice(&[0.7f64]).set_requires_grad(true);
        let logits = x.square().sum_dim_intlist([1].as_slice(), false, None::<Kind>) * &a;
        let penalty = r1_penalty(&logits, &x);
        let squares = 6.25;
        assert!((penalty.double_value(&[]) - 2.0 * 0.49 * squares / 2.0).abs() < 1e-12);
        penalty.backward();
        assert!((a.grad().double_value(&[0]) - 4.0 * 0.7 * squares / 2.0).abs() < 1e-12);
    }

    #[test]
    fn gradients_of_the_l1_terms() {
        let a = Tensor::from_slice(&[1.0, -2.0f64]).set_requires_grad(true);
        let b = Tensor::from_slice(&[0.0, 0.0f64]).set_requires_grad(true);
        style_diversification(&a, &b).backward();
        assert!(!b.grad().defined());
        style_reconstruction(&a, &b).backward();
        assert_eq!(Vec::<f64>::try_from(b.grad()).unwrap(), [-0.5, 0.5]);
        assert_eq!(cycle(&a, &b).double_value(&[]), 1.5);
    }

    #[test]
    fn configuration_names() {
        let names = MODES.map(|m| serde_json::to_string(&m).unwrap());
        assert_eq!(names, ["lsgan", "vanilla", "wgangp", "nonsaturating", "hinge"].map(|n| format!("{n:?}")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn real_and_fake_mirror_each_other(x in -30.0..30.0f64) {
            for mode in MODES {
                // Least squares mirrors about ½, the others about 0.
                let mirrored = if mode == GanMode::Lsgan { 1.0 - x } else { -x };
                let (real, fake) = (loss(mode, x, Target::Real), loss(mode, mirrored, Target::Fake));
                prop_assert!((real - fake).abs() <= 1e-9 * real.abs().max(1.0), "{mode:?}");
            }
        }
    }
}
