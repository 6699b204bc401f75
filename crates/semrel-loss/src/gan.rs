//! Adversarial objectives, the R1 penalty, and the style and cycle terms of StarGAN v2.

use crate::LossError;
use crate::check::{Named, alike, floats, same_shape};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(rename_all = "lowercase"))]
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
    /// [`GanMode::Nonsaturating`], whose prediction has the images as its first dimension). The usual total is half the sum
    /// of the real and the fake loss.
    ///
    /// # Derivatives
    /// Of every order; `hinge` has a kink.
    ///
    /// # Errors
    /// [`LossError::ElementType`], [`LossError::Empty`]; [`LossError::Shape`] for a scalar in
    /// [`GanMode::Nonsaturating`].
    pub fn discriminator(self, prediction: &Tensor, target: Target) -> Result<Tensor, LossError> {
        floats(("predictions", prediction))?;
        if self == Self::Nonsaturating && prediction.dim() == 0 {
            let expected = "[batch, …]".to_owned();
            return Err(LossError::Shape { what: "predictions", found: vec![], expected });
        }
        Ok(self.loss(prediction, target))
    }

    fn loss(self, prediction: &Tensor, target: Target) -> Tensor {
        // Towards −∞ is right, whatever the target is.
        let signed = match target {
            Target::Real => prediction.neg(),
            Target::Fake => prediction.shallow_clone(),
        };
        match self {
            Self::Lsgan => (prediction - f64::from(u8::from(target == Target::Real))).square().mean(None::<Kind>),
            Self::Vanilla => signed.softplus().mean(None::<Kind>),
            Self::Wgangp => signed.mean(None::<Kind>),
            Self::Nonsaturating => rows(&signed.softplus()).mean_dim([1i64].as_slice(), false, None::<Kind>),
            Self::Hinge => (signed + 1.0).relu().mean(None::<Kind>),
        }
    }

    /// Loss of the generator from the discriminator's output for its image: that its image counts as real.
    ///
    /// # Derivatives
    /// Of every order.
    ///
    /// # Errors
    /// As [`GanMode::discriminator`].
    pub fn generator(self, prediction: &Tensor) -> Result<Tensor, LossError> {
        match self {
            Self::Hinge => Self::Wgangp.discriminator(prediction, Target::Real),
            other => other.discriminator(prediction, Target::Real),
        }
    }
}

/// `[B, …]` as `[B, N]`.
fn rows(of_images: &Tensor) -> Tensor {
    if of_images.dim() == 1 { of_images.unsqueeze(1) } else { of_images.flatten(1, -1) }
}

/// StarGAN v2's `adv(l, t)`: binary cross-entropy of logits against a constant target, `mean softplus(−l)` for real,
/// `mean softplus(l)` for fake; for discriminator and generator alike.
///
/// # Derivatives
/// Of every order.
///
/// # Errors
/// [`LossError::ElementType`], [`LossError::Empty`].
pub fn adversarial(logits: &Tensor, target: Target) -> Result<Tensor, LossError> {
    GanMode::Vanilla.discriminator(logits, target)
}

/// R1 penalty `½ mean_b Σ_{c,h,w} (∂ Σ_b D(x)_b / ∂x)²`; multiply with λ_reg.
///
/// `logits` must come from `images`, which must require gradients. The graph is kept, so that the penalty can be
/// differentiated with respect to the discriminator's weights.
///
/// # Derivatives
/// Of every order that `logits` have, less one.
///
/// # Errors
/// [`LossError::ElementType`], [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`];
/// [`LossError::Shape`] where `images` are a scalar; [`LossError::NoGradient`] where `logits` do not come from `images`
/// by a graph.
pub fn r1_penalty(logits: &Tensor, images: &Tensor) -> Result<Tensor, LossError> {
    alike([("logits", logits), ("images", images)])?;
    let Some(batch) = images.size().first().copied() else {
        return Err(LossError::Shape { what: "images", found: vec![], expected: "[batch, …]".to_owned() });
    };
    let none = |reason: &str| LossError::NoGradient {
        of: "the logits",
        with_respect_to: "the images",
        reason: reason.to_owned(),
    };
    if !images.requires_grad() {
        return Err(none("the images do not require one, see `Tensor::set_requires_grad`"));
    }
    if !logits.requires_grad() {
        return Err(none("the logits have no graph; they must be computed from the images outside of `no_grad`"));
    }
    let gradient = Tensor::f_run_backward(&[logits.sum(None::<Kind>)], &[images], true, true)
        .map_err(|error| none(&error.to_string()))?
        .remove(0);
    if !gradient.defined() {
        return Err(none("the logits do not come from these images"));
    }
    Ok(gradient.square().sum(None::<Kind>) * (0.5 / batch as f64))
}

/// Style reconstruction `mean |E(x_fake, y_trg) − s|`; gradient through both.
///
/// # Derivatives
/// Of every order with respect to both; those beyond the first are 0, but at the kink.
///
/// # Errors
/// [`LossError::ElementType`], [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`];
/// [`LossError::Shape`] where shapes differ.
pub fn style_reconstruction(recovered: &Tensor, style: &Tensor) -> Result<Tensor, LossError> {
    mean_distance(("recovered styles", recovered), ("styles", style))
}

/// Style diversification `mean |x_fake − sg(x_fake2)|`, which the generator's total **subtracts**, times λ_ds.
///
/// # Derivatives
/// As [`style_reconstruction`], with respect to `fake` only.
///
/// # Errors
/// As [`style_reconstruction`].
pub fn style_diversification(fake: &Tensor, other_fake: &Tensor) -> Result<Tensor, LossError> {
    mean_distance(("fakes", fake), ("other fakes", &other_fake.detach()))
}

/// Cycle consistency `mean |x_rec − x_real|`.
///
/// # Derivatives
/// As [`style_reconstruction`].
///
/// # Errors
/// As [`style_reconstruction`].
pub fn cycle(reconstructed: &Tensor, real: &Tensor) -> Result<Tensor, LossError> {
    mean_distance(("reconstructions", reconstructed), ("real images", real))
}

fn mean_distance(one: Named<'_>, other: Named<'_>) -> Result<Tensor, LossError> {
    alike([other, one])?;
    same_shape(one, other)?;
    Ok(one.1.l1_loss(other.1, Reduction::Mean))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tch::Device;

    const MODES: [GanMode; 5] =
        [GanMode::Lsgan, GanMode::Vanilla, GanMode::Wgangp, GanMode::Nonsaturating, GanMode::Hinge];

    fn loss(mode: GanMode, x: f64, target: Target) -> f64 {
        mode.discriminator(&Tensor::from_slice(&[x]).view([1, 1]), target).unwrap().mean(Kind::Double).double_value(&[])
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
        assert_eq!(GanMode::Hinge.generator(&x).unwrap().double_value(&[]), -3.0);
        assert_eq!(GanMode::Hinge.discriminator(&x, Target::Real).unwrap().double_value(&[]), 0.0);
    }

    #[test]
    fn nonsaturating_gives_one_value_an_image() {
        let x = Tensor::randn([3, 1, 4, 5], (Kind::Double, Device::Cpu));
        let per_image = GanMode::Nonsaturating.generator(&x).unwrap();
        assert_eq!(per_image.size(), [3]);
        let mean = per_image.mean(Kind::Double) - GanMode::Vanilla.generator(&x).unwrap();
        assert!(mean.double_value(&[]).abs() < 1e-12);
    }

    #[test]
    fn extreme_logits_stay_finite() {
        let x = Tensor::from_slice(&[-1e4f32, 1e4]);
        assert_eq!(adversarial(&x, Target::Real).unwrap().double_value(&[]), 5e3);
    }

    #[test]
    fn r1_of_a_quadratic_and_its_second_derivative() {
        // D(x)_b = a Σ x²: gradient 2ax, R1 = ½·4a²Σx²/B, ∂R1/∂a = 4aΣx²/B.
        let x = Tensor::from_slice(&[1.0, 2.0, -1.0, 0.5f64]).view([2, 2]).set_requires_grad(true);
        let a = Tensor::from_slice(&[0.7f64]).set_requires_grad(true);
        let logits = x.square().sum_dim_intlist([1].as_slice(), false, None::<Kind>) * &a;
        let penalty = r1_penalty(&logits, &x).unwrap();
        let squares = 6.25;
        assert!((penalty.double_value(&[]) - 2.0 * 0.49 * squares / 2.0).abs() < 1e-12);
        penalty.backward();
        assert!((a.grad().double_value(&[0]) - 4.0 * 0.7 * squares / 2.0).abs() < 1e-12);
    }

    #[test]
    fn gradients_of_the_l1_terms() {
        let a = Tensor::from_slice(&[1.0, -2.0f64]).set_requires_grad(true);
        let b = Tensor::from_slice(&[0.0, 0.0f64]).set_requires_grad(true);
        style_diversification(&a, &b).unwrap().backward();
        assert!(!b.grad().defined());
        style_reconstruction(&a, &b).unwrap().backward();
        assert_eq!(Vec::<f64>::try_from(b.grad()).unwrap(), [-0.5, 0.5]);
        assert_eq!(cycle(&a, &b).unwrap().double_value(&[]), 1.5);
    }

    #[test]
    fn r1_without_a_graph_to_the_images_is_an_error() {
        let x = Tensor::ones([2, 2], (Kind::Double, Device::Cpu));
        let leaf = || x.copy().set_requires_grad(true);
        for (logits, images) in [(&x * 2.0, x.copy()), (&x * 2.0, leaf()), (leaf() * 2.0, leaf())] {
            let error = r1_penalty(&logits, &images).unwrap_err();
            assert!(matches!(error, LossError::NoGradient { .. }), "{error}");
        }
        let logits = leaf().to_kind(Kind::Float);
        assert!(matches!(r1_penalty(&logits, &leaf()), Err(LossError::ElementTypes { what: "images", .. })));
    }

    #[test]
    fn predictions_of_any_rank_and_layout() {
        let x = Tensor::randn([4, 6], (Kind::Double, Device::Cpu));
        for mode in MODES {
            let of = |x: &Tensor| mode.generator(x).unwrap().mean(Kind::Double).double_value(&[]);
            assert!((of(&x) - of(&x.tr())).abs() < 1e-12, "{mode:?}");
            assert!((of(&x) - of(&x.view([24]))).abs() < 1e-12, "{mode:?}");
            let scalar = mode.discriminator(&x.sum(Kind::Double), Target::Fake);
            assert_eq!(scalar.is_err(), mode == GanMode::Nonsaturating);
        }
    }

    #[test]
    fn bad_inputs_are_named() {
        let of = |shape: &[i64], kind| Tensor::zeros(shape, (kind, Device::Cpu));
        let x = of(&[2, 3], Kind::Float);
        for kind in [Kind::Half, Kind::Int64] {
            let found = of(&[2, 3], kind);
            let expected = LossError::ElementType { what: "predictions", found: kind };
            for mode in MODES {
                assert_eq!(mode.discriminator(&found, Target::Real).unwrap_err(), expected);
                assert_eq!(mode.generator(&found).unwrap_err(), expected);
            }
            assert_eq!(adversarial(&found, Target::Fake).unwrap_err(), expected);
        }
        for loss in [style_reconstruction, style_diversification, cycle] {
            assert!(matches!(loss(&x, &of(&[2, 3], Kind::Double)), Err(LossError::ElementTypes { .. })));
            assert!(matches!(loss(&x, &of(&[3], Kind::Float)), Err(LossError::Shape { .. })));
            assert!(matches!(loss(&of(&[0], Kind::Float), &of(&[0], Kind::Float)), Err(LossError::Empty { .. })));
        }
    }

    #[cfg(feature = "serde")]
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
