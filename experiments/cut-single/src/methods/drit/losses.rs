//! DRIT's terms.

use semrel_nn::drit::Attribute;
use semrel_train::passes::l1;
use tch::{Kind, Tensor};

/// `BCE(D(c_b), 1) + BCE(D(c_a), 0)` of logits, means over their numbers: what the discriminator of contents descends.
pub fn content_discriminator(of_a: &Tensor, of_b: &Tensor) -> Tensor {
    of_a.softplus().mean(None::<Kind>) + (-of_b).softplus().mean(None::<Kind>)
}

/// `BCE(D(c), ½)` of logits: what the encoders descend.
pub fn undecided(logits: &Tensor) -> Tensor {
    (logits.softplus() + (-logits).softplus()).mean(None::<Kind>) * 0.5
}

/// How far attributes are from standard normal ones, as published: `−½ Σ (1 + ln σ² − μ² − σ²)`, a sum over images and numbers, or
/// `mean z²` where attributes have no variance.
pub fn attribute_prior(attribute: &Attribute) -> Tensor {
    let mean = &attribute.mean;
    match &attribute.log_variance {
        Some(log_variance) => (mean.square() + log_variance.exp() - log_variance - 1.0).sum(None::<Kind>) * 0.5,
        None => mean.square().mean(None::<Kind>),
    }
}

/// `1 / (mean |y₂ − y₁| / mean |z₂ − z₁| + 1e-5)` of two translations of an image with attributes z₁ and z₂.
pub fn mode_seeking(fakes: &[Tensor], one: &Tensor, other: &Tensor) -> Tensor {
    (l1(&fakes[1], &fakes[0]) / l1(other, one) + 1e-5).reciprocal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priors_are_least_for_standard_normal_attributes() {
        let of = |mean: f64, variance: Option<f64>| {
            let full = |value: f64| Tensor::full([2, 3], value, (Kind::Double, tch::Device::Cpu));
            let attribute = Attribute { mean: full(mean), log_variance: variance.map(|v| full(v.ln())) };
            attribute_prior(&attribute).double_value(&[])
        };
        assert_eq!(of(0.0, Some(1.0)), 0.0);
        assert!((of(1.0, Some(1.0)) - 3.0).abs() < 1e-12);
        assert!(of(0.0, Some(0.5)) > 0.1);
        assert_eq!(of(2.0, None), 4.0);
    }

    #[test]
    fn an_undecided_discriminator_gives_ln_2() {
        let logits = Tensor::zeros([4], (Kind::Double, tch::Device::Cpu));
        assert!((undecided(&logits).double_value(&[]) - std::f64::consts::LN_2).abs() < 1e-12);
        assert!(
            (content_discriminator(&logits, &logits).double_value(&[]) - 2.0 * std::f64::consts::LN_2).abs() < 1e-12
        );
    }
}
