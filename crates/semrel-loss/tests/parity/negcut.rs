//! What NEGCUT adds to CUT.

use semrel_loss::negatives::{NegativeGenerator, negative_diversity};
use semrel_loss::patch_nce::{info_nce_against, info_nce_against_each};
use semrel_loss::patch_sampler::{HeadKeys, PatchSampler};
use semrel_testkit::{Case, Outcome};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor, nn};

/// Inputs `<prefix>.0`, `<prefix>.1`, … with gradient.
fn listed(case: &Case, prefix: &str) -> Vec<Tensor> {
    (0..)
        .map_while(|i| {
            let name = format!("{prefix}.{i}");
            case.has_input(&name).then(|| case.input_with_grad(&name))
        })
        .collect()
}

/// A network's variables, filled by the case's rule.
fn filled<T>(case: &Case, build: impl Fn(&nn::Path) -> T) -> Result<(T, BTreeMap<String, Tensor>), String> {
    let store = nn::VarStore::new(Device::Cpu);
    let net = build(&store.root());
    let state: BTreeMap<String, Tensor> = store.variables().into_iter().collect();
    case.fill(&state, "")?;
    Ok((net, state))
}

fn of<'a>(
    state: &'a BTreeMap<String, Tensor>,
    lists: &'a [(&'a str, &'a [Tensor])],
) -> impl Fn(&str) -> Option<Tensor> + 'a {
    move |name| {
        if let Some(key) = name.strip_prefix("w.") {
            return state.get(key).map(Tensor::shallow_clone);
        }
        let (list, index) = name.strip_prefix("in.")?.rsplit_once('.')?;
        let tensors = lists.iter().find(|(own, _)| *own == list)?.1;
        tensors.get(index.parse::<usize>().ok()?).map(Tensor::shallow_clone)
    }
}

/// −1 to 1.
fn ramp(n: i64) -> Tensor {
    Tensor::linspace(-1, 1, n, (Kind::Float, Device::Cpu))
}

pub fn negative_generator(case: &Case) -> Outcome {
    let (maps, noise) = (listed(case, "feat"), listed(case, "noise"));
    let nc = case.i64("netF_nc");
    let (net, state) = filled(case, |p| NegativeGenerator::new(p, maps.len(), nc))?;
    let mut loss = Tensor::zeros([0i64; 0], (Kind::Float, Device::Cpu));
    for (j, (map, noise)) in maps.iter().zip(&noise).enumerate() {
        let mean = map.mean_dim([2i64, 3].as_slice(), false, Kind::Float);
        let rows = net.forward(j, &mean, noise).map_err(|e| e.to_string())?.flatten(0, 1);
        case.check(&format!("out.neg.{j}"), &rows)?;
        loss += (&rows * ramp(nc) * (ramp(rows.size()[0]).unsqueeze(1) + 1.0)).sum(Kind::Float);
    }
    case.check_grads(&loss, &of(&state, &[("feat", &maps)]))
}

pub fn momentum_features(case: &Case) -> Outcome {
    let maps = listed(case, "feat");
    let nc = case.i64("netF_nc");
    let channels: Vec<i64> = maps.iter().map(|map| map.size()[1]).collect();
    let (net, state) = filled(case, |p| PatchSampler::new(p, &channels, nc, HeadKeys::Underscored))?;
    let means = net.mean_embeddings(&maps).map_err(|e| e.to_string())?;
    let mut loss = Tensor::zeros([0i64; 0], (Kind::Float, Device::Cpu));
    for (j, (map, mean)) in maps.iter().zip(&means).enumerate() {
        case.check(&format!("out.mean.{j}"), mean)?;
        // The map is what all positions are projected to.
        let size = map.size();
        let all = Tensor::arange(size[2] * size[3], (Kind::Int64, Device::Cpu));
        let rows = net.project(&maps, &positions(&maps, j, &all)).map_err(|e| e.to_string())?.swap_remove(j);
        let embedded = rows.view([size[0], size[2] * size[3], nc]).transpose(1, 2);
        case.check(&format!("out.map.{j}"), &embedded.reshape([size[0], nc, size[2], size[3]]))?;
        loss += (mean * ramp(nc)).sum(Kind::Float);
    }
    case.check_grads(&loss, &of(&state, &[("feat", &maps)]))
}

/// All positions for map `j`, the first for the others.
fn positions(maps: &[Tensor], j: usize, all: &Tensor) -> Vec<Tensor> {
    let first = || Tensor::zeros([1], (Kind::Int64, Device::Cpu));
    (0..maps.len()).map(|i| if i == j { all.shallow_clone() } else { first() }).collect()
}

pub fn nce(case: &Case) -> Outcome {
    let inputs = ["q", "k", "neg"].map(|name| (name, case.input_with_grad(name)));
    let [(_, q), (_, k), (_, negatives)] = &inputs;
    let groups = if case.flag("nce_includes_all_negatives_from_minibatch") { 1 } else { case.i64("batch_size") };
    let negatives = negatives.view([groups, -1, negatives.size()[1]]);
    let tau = case.f64("nce_T");
    let each = info_nce_against_each(q, k, &negatives, tau).map_err(|e| e.to_string())?;
    case.check("out.loss_vec", &each)?;
    let loss = info_nce_against(q, k, &negatives, tau).map_err(|e| e.to_string())?;
    case.check("out.loss", &loss)?;
    case.check_grads(&loss, &|name| {
        let name = name.strip_prefix("in.").unwrap_or(name);
        inputs.iter().find(|(own, _)| *own == name).map(|(_, t)| t.shallow_clone())
    })
}

pub fn diversity(case: &Case) -> Outcome {
    let negatives = listed(case, "neg");
    let batch = case.i64("batch_size");
    let layers: Vec<Tensor> = negatives.iter().map(|rows| rows.view([batch, -1, rows.size()[1]])).collect();
    let loss = negative_diversity(&layers).map_err(|e| e.to_string())? * -case.f64("lambda_MS_neg");
    case.check("out.loss", &loss)?;
    case.check_grads(&loss, &of(&BTreeMap::new(), &[("neg", &negatives)]))
}
