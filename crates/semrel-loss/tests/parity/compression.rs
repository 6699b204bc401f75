//! The compression experiment's losses.

use crate::{GRADIENTS, gan_mode, text};
use semrel_loss::Formulation;
use semrel_loss::curriculum::EpochCurriculum;
use semrel_loss::distillation::{DistillationConfig, distillation_terms};
use semrel_loss::gan::Target;
use semrel_loss::hard_negative::hard_negative_weights;
use semrel_loss::similarity::{l2_normalize, similarity_matrix};
use semrel_testkit::{Case, Outcome};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor, nn};

/// Value and gradient of every objective in every role.
pub fn gan_losses(case: &Case) -> Outcome {
    let prediction = case.input_with_grad("pred");
    for mode in case.config()["modes"].as_array().ok_or("no config.modes")? {
        let name = mode.as_str().ok_or("a mode that is not text")?;
        let mode = gan_mode(mode)?;
        let roles = [
            ("D_real", mode.discriminator(&prediction, Target::Real)),
            ("D_fake", mode.discriminator(&prediction, Target::Fake)),
            ("G", mode.generator(&prediction)),
        ];
        for (role, loss) in roles {
            let loss = text(loss)?;
            case.check(&format!("out.{name}.{role}"), &loss.view([1]))?;
            let gradient = Tensor::run_backward(&[&loss], &[&prediction], true, false).remove(0);
            case.check(&format!("grad.{name}.{role}.pred"), &gradient)?;
        }
    }
    Ok(())
}

/// One tap: the published head on both maps, then the terms.
pub fn semantic(case: &Case) -> Outcome {
    let (teacher, student) = (4 * case.i64("teacher_ngf"), 4 * case.i64("student_ngf"));
    let store = nn::VarStore::new(Device::Cpu);
    let linear = |index: &str, inputs| nn::linear(store.root() / "mlp" / index, inputs, teacher, Default::default());
    let (hidden, out) = (linear("0", student), linear("2", teacher));
    let state: BTreeMap<String, Tensor> = store.variables().into_iter().collect();
    case.fill(&state, "")?;
    // As the description of the cases says.
    let _ = tch::no_grad(|| state["mlp.0.bias"].shallow_clone().g_add_scalar_(0.05));

    let (map, ids) = (case.input_with_grad("S"), case.input("patch_ids"));
    let head = |map: &Tensor| {
        let rows = map.flatten(2, 3).index_select(2, &ids).transpose(1, 2).squeeze_dim(0);
        let width = rows.size()[1];
        let hidden = rows.linear(&hidden.ws.narrow(1, 0, width), hidden.bs.as_ref()).relu();
        text(l2_normalize(&hidden.linear(&out.ws, out.bs.as_ref())))
    };
    let (q, k) = (head(&map)?, head(&case.input("T"))?.detach());
    case.check("out.Sfeat", &q)?;
    case.check("out.Tfeat", &k)?;
    let epoch = EpochCurriculum::default().with_gamma(case.f64("gamma_start")).with_gamma_min(case.f64("gamma_min"));
    let gamma = epoch.gamma(case.i64("epoch") as u64, case.i64("max_epoch") as u64);
    if case.has("out.weight_rows") {
        let weights = text(hard_negative_weights(&text(similarity_matrix(&k, 1))?, gamma, Formulation::Official))?;
        let count = case.tensor("out.weight_rows").size()[0];
        case.check("out.weight_rows", &weights.squeeze_dim(0).narrow(0, 0, count))?;
    }
    let config = DistillationConfig::default()
        .with_lambda_src(case.f64("lambda_SRC"))
        .with_lambda_dce(case.f64("lambda_dce"))
        .with_hard(!case.flag("no_hard"))
        .with_tau(case.f64("nce_T"));
    let mut losses = vec![];
    for gradient in GRADIENTS {
        let (queries, keys) = ([q.shallow_clone()], [k.shallow_clone()]);
        let terms = text(distillation_terms(&queries, &keys, &config.with_gradient(gradient), gamma))?;
        losses.extend([("SRC", terms.src), ("DCE", terms.dce)]);
    }
    for (name, loss) in losses {
        if case.has(&format!("out.loss_{name}")) {
            case.check(&format!("out.loss_{name}"), &loss)?;
        }
        let prefix = format!("grad.{name}.");
        for key in case.with_prefix(&prefix).keys() {
            let of = match key.as_str() {
                "S" => &map,
                "Sfeat" => &q,
                key => state
                    .get(key.strip_prefix("F.").unwrap_or(key))
                    .ok_or_else(|| format!("nothing here is called {key}, whose gradient is stored"))?,
            };
            let gradient = Tensor::run_backward(&[loss.sum(None::<Kind>)], &[of], true, false).remove(0);
            let gradient = if gradient.defined() { gradient } else { of.zeros_like() };
            case.check(&format!("{prefix}{key}"), &gradient)?;
        }
    }
    Ok(())
}
