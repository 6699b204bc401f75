//! Second derivatives: right where the formula is recorded, refused where the gradient is in closed form.

use semrel_loss::distillation::{DistillationConfig, distillation_terms};
use semrel_loss::hard_negative::hard_negative_weights;
use semrel_loss::hdce::decoupled_info_nce;
use semrel_loss::patch_nce::{ContrastConfig, PatchLoss, info_nce};
use semrel_loss::semantic::{PatchLossConfig, semantic_relation_losses};
use semrel_loss::similarity::{l2_normalize, similarity_matrix};
use semrel_loss::src::semantic_relation_consistency;
use semrel_loss::{Formulation, Gradient, LossError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::{Device, Kind, Tensor, no_grad};

/// The seeds of these tests are torch's, which threads share: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const GROUPS: i64 = 2;
const FORMULATIONS: [Formulation; 2] = [Formulation::Official, Formulation::Paper];

type PatchLossFn = fn(&Tensor, &Tensor, i64, Option<&Tensor>, &ContrastConfig) -> Result<PatchLoss, LossError>;
type Loss = Box<dyn Fn(&Tensor) -> Tensor>;

fn rows() -> Tensor {
    Tensor::randn([8, 3], (Kind::Double, Device::Cpu))
}

/// Every loss that has a gradient in closed form, as a function of its queries before they are normalised.
fn losses(gradient: Gradient) -> Vec<(String, Loss)> {
    let k = l2_normalize(&rows()).unwrap();
    let similarity = similarity_matrix(&k, GROUPS).unwrap();
    let mut losses: Vec<(String, Loss)> = vec![];
    let keys = k.shallow_clone();
    losses.push(("SRC".into(), Box::new(move |q| semantic_relation_consistency(q, &keys, GROUPS, gradient).unwrap())));
    for formulation in FORMULATIONS {
        let contrast = ContrastConfig::default().with_tau(0.5).with_formulation(formulation).with_gradient(gradient);
        for hard in [false, true] {
            let weights = hard.then(|| hard_negative_weights(&similarity, 0.8, formulation).unwrap());
            for (name, loss) in [("InfoNCE", info_nce as PatchLossFn), ("DCE", decoupled_info_nce)] {
                let (keys, weights) = (k.shallow_clone(), weights.as_ref().map(Tensor::shallow_clone));
                let of = move |q: &Tensor| {
                    loss(&l2_normalize(q).unwrap(), &keys, GROUPS, weights.as_ref(), &contrast).unwrap().objective
                };
                losses.push((format!("{name}, {formulation:?}, hard: {hard}"), Box::new(of)));
            }
        }
        let config = PatchLossConfig::default()
            .with_formulation(formulation)
            .with_lambda_nce(0.3)
            .with_tau(0.5)
            .with_gradient(gradient);
        let keys = k.shallow_clone();
        let of = move |q: &Tensor| {
            let (q, k) = ([l2_normalize(q).unwrap()], [keys.shallow_clone()]);
            let (z, w) = if formulation == Formulation::Official { (&q, &k) } else { (&k, &q) };
            let terms = semantic_relation_losses(z, w, GROUPS, &config, 0.8).unwrap();
            terms.src + terms.patch
        };
        losses.push((format!("all terms, {formulation:?}"), Box::new(of)));
    }
    let config = DistillationConfig::default().with_tau(0.5).with_gradient(gradient);
    let of = move |q: &Tensor| {
        let terms = distillation_terms(&[l2_normalize(q).unwrap()], &[k.shallow_clone()], &config, 0.8).unwrap();
        (terms.src + terms.dce).sum(Kind::Double)
    };
    losses.push(("distillation".into(), Box::new(of)));
    losses
}

fn gradient_of(loss: &Loss, q: &Tensor) -> Tensor {
    let q = q.detach().set_requires_grad(true);
    Tensor::run_backward(&[loss(&q)], &[&q], false, false).remove(0)
}

#[test]
fn recorded_second_derivatives_are_those_of_finite_differences() {
    let _alone = alone();
    tch::manual_seed(3);
    for (name, loss) in losses(Gradient::Recorded) {
        let (q, direction) = (rows().set_requires_grad(true), rows());
        let gradient = Tensor::run_backward(&[loss(&q)], &[&q], true, true).remove(0);
        let along = (&gradient * &direction).sum(Kind::Double);
        let got = Tensor::run_backward(&[along], &[&q], false, false).remove(0);
        let step = 1e-5;
        let at = |sign: f64| no_grad(|| q.detach() + &direction * (sign * step));
        let want = (gradient_of(&loss, &at(1.0)) - gradient_of(&loss, &at(-1.0))) / (2.0 * step);
        let difference = (&got - &want).abs().max().double_value(&[]);
        let size = want.abs().max().double_value(&[]);
        assert!(size > 1e-4, "{name}: {size}");
        assert!(difference < 1e-6 * size.max(1.0), "{name}: {difference} of {size}");
    }
}

#[test]
fn closed_forms_have_the_recorded_first_derivative() {
    let _alone = alone();
    tch::manual_seed(4);
    let recorded = losses(Gradient::Recorded);
    tch::manual_seed(4);
    let closed = losses(Gradient::ClosedForm);
    let q = rows();
    for ((name, recorded), (_, closed)) in recorded.iter().zip(&closed) {
        let difference = (gradient_of(recorded, &q) - gradient_of(closed, &q)).abs().max().double_value(&[]);
        assert!(difference < 1e-10, "{name}: {difference}");
    }
}

#[test]
fn closed_forms_refuse_second_derivatives() {
    let _alone = alone();
    tch::manual_seed(5);
    for (name, loss) in losses(Gradient::ClosedForm) {
        let q = rows().set_requires_grad(true);
        // To ask for a graph is allowed: other terms may need it.
        let gradient = Tensor::f_run_backward(&[loss(&q)], &[&q], true, true).unwrap().remove(0);
        let plain = gradient_of(&loss, &q);
        assert_eq!((&gradient - plain).abs().max().double_value(&[]), 0.0, "{name}");
        // A penalty with another term beside it, which has second derivatives, is not taken for that of the other.
        let penalty = gradient.square().sum(Kind::Double) + q.pow_tensor_scalar(3.0).sum(Kind::Double);
        let error = Tensor::f_run_backward(&[&penalty], &[&q], true, false).unwrap_err().to_string();
        assert!(error.contains("derivative for '_cdist_backward' is not implemented"), "{name}: {error}");
        let error = Tensor::f_run_backward(&[gradient.get(0).sum(Kind::Double)], &[&q], true, false).unwrap_err();
        assert!(error.to_string().contains("is not implemented"), "{name}: {error}");
    }
}

#[test]
fn the_seal_changes_no_bit() {
    let _alone = alone();
    tch::manual_seed(6);
    for kind in [Kind::Float, Kind::Double] {
        let (q, k) = (rows().to_kind(kind), l2_normalize(&rows().to_kind(kind)).unwrap());
        let q = l2_normalize(&q).unwrap().set_requires_grad(true);
        let config = ContrastConfig::default().with_gradient(Gradient::ClosedForm);
        let loss = info_nce(&q, &k, GROUPS, None, &config).unwrap();
        let without = no_grad(|| info_nce(&q, &k, GROUPS, None, &config).unwrap());
        assert_eq!(loss.objective.double_value(&[]), without.objective.double_value(&[]));
        let plain = Tensor::run_backward(&[&loss.objective], &[&q], true, false).remove(0);
        let scaled = Tensor::run_backward(&[&loss.objective * 4.0], &[&q], true, false).remove(0);
        assert_eq!(scaled, plain * 4.0);
    }
}
