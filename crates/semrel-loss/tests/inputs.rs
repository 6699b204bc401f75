//! What public functions refuse, by its type, and what they take in any layout of memory.

use semrel_loss::distillation::distillation_terms;
use semrel_loss::hard_negative::{hard_negative_weights, single_modal_weights};
use semrel_loss::hdce::decoupled_info_nce;
use semrel_loss::lsesim::{LSeSimHeads, map_contrast, map_distance, similarity_maps, spatially_correlative};
use semrel_loss::patch_nce::{ContrastConfig, info_nce, info_nce_against};
use semrel_loss::patch_sampler::{HeadKeys, PatchSampler, pooled_rows};
use semrel_loss::semantic::{patch_losses, semantic_relation_losses};
use semrel_loss::similarity::{
    entropy, gram, l2_normalize, query_distribution, similarity_distribution, similarity_matrix,
};
use semrel_loss::src::{jensen_shannon, semantic_relation_consistency};
use semrel_loss::{Formulation, Gradient, LossError};
use tch::{Device, Kind, Tensor, nn};

const OFFICIAL: Formulation = Formulation::Official;
const GRADIENTS: [Gradient; 2] = [Gradient::Recorded, Gradient::ClosedForm];

type One = (&'static str, fn(&Tensor) -> Result<Tensor, LossError>);
type Two = (&'static str, fn(&Tensor, &Tensor) -> Result<Tensor, LossError>);

/// Functions of one matrix `[6, 4]`, whose first results are compared.
const ONE: [One; 9] = [
    ("l2_normalize", l2_normalize),
    ("gram", |x| gram(x, 2)),
    ("similarity_matrix", |x| similarity_matrix(x, 2)),
    ("similarity_distribution", similarity_distribution),
    ("query_distribution", |x| query_distribution(x, 2)),
    ("entropy", |x| entropy(&x.abs())),
    ("hard_negative_weights", |x| hard_negative_weights(&squares(x), 0.5, OFFICIAL)),
    ("single_modal_weights", |x| single_modal_weights(&squares(x), 4, 0.5)),
    ("pooled_rows", |x| Ok(pooled_rows(&[maps(x)])?.remove(0))),
];

/// Functions of two matrices `[6, 4]`.
const TWO: [Two; 11] = [
    ("jensen_shannon", |q, k| jensen_shannon(q, k)),
    ("SRC recorded", |q, k| semantic_relation_consistency(q, k, 2, GRADIENTS[0])),
    ("SRC closed", |q, k| semantic_relation_consistency(q, k, 2, GRADIENTS[1])),
    ("info_nce", |q, k| Ok(info_nce(q, k, 2, None, &contrast(0))?.objective)),
    ("info_nce closed", |q, k| Ok(info_nce(q, k, 2, None, &contrast(1))?.objective)),
    ("decoupled_info_nce", |q, k| Ok(decoupled_info_nce(q, k, 2, None, &contrast(1))?.objective)),
    ("info_nce_against", |q, k| info_nce_against(q, q, &k.unsqueeze(0), 0.5)),
    ("patch_losses", |q, k| Ok(patch_losses(&[own(q), own(q)], &[own(k), own(k)], 2, &Default::default(), 2.0)?.patch)),
    ("semantic_relation_losses", |q, k| {
        Ok(semantic_relation_losses(&[own(q)], &[own(k)], 2, &Default::default(), 2.0)?.src)
    }),
    ("distillation_terms", |q, k| Ok(distillation_terms(&[own(q)], &[own(k)], &Default::default(), 2.0)?.dce)),
    ("map_distance", |q, k| map_distance(&q.unsqueeze(0), &k.unsqueeze(0), &Default::default())),
];

fn own(x: &Tensor) -> Tensor {
    x.shallow_clone()
}

fn contrast(gradient: usize) -> ContrastConfig {
    ContrastConfig::default().with_gradient(GRADIENTS[gradient])
}

/// `[6, 4]` → `[1, 4, 4]`.
fn squares(x: &Tensor) -> Tensor {
    if x.numel() == 0 { x.view([1, 0, 0]) } else { x.narrow(0, 0, 4).unsqueeze(0) }
}

/// `[6, 4]` → `[1, 1, 6, 4]`.
fn maps(x: &Tensor) -> Tensor {
    x.unsqueeze(0).unsqueeze(0)
}

fn zeros(shape: &[i64], kind: Kind) -> Tensor {
    Tensor::zeros(shape, (kind, Device::Cpu))
}

fn random() -> Tensor {
    Tensor::randn([6, 4], (Kind::Double, Device::Cpu))
}

/// The same numbers, with a gap after each in memory.
fn scattered(x: &Tensor) -> Tensor {
    let wide = Tensor::stack(&[x, &x.zeros_like()], -1).transpose(0, 1).contiguous().transpose(0, 1).select(-1, 0);
    assert!(!wide.is_contiguous());
    wide
}

#[test]
fn integers_and_half_precision_are_refused() {
    for kind in [Kind::Half, Kind::BFloat16, Kind::Int64, Kind::Uint8] {
        let (bad, good) = (zeros(&[6, 4], kind), zeros(&[6, 4], Kind::Float));
        let refused = |name, result: Result<Tensor, LossError>| {
            assert!(matches!(result, Err(LossError::ElementType { found, .. }) if found == kind), "{name} {kind:?}");
        };
        for (name, function) in ONE {
            refused(name, function(&bad));
        }
        for (name, function) in TWO {
            refused(name, function(&bad, &bad));
            refused(name, function(&good, &bad));
        }
    }
}

#[test]
fn element_types_that_differ_are_refused() {
    let (single, double) = (zeros(&[6, 4], Kind::Float), zeros(&[6, 4], Kind::Double));
    for (name, function) in TWO {
        for (a, b) in [(&single, &double), (&double, &single)] {
            assert!(matches!(function(a, b), Err(LossError::ElementTypes { .. })), "{name}");
        }
    }
    let weights = zeros(&[2, 3, 3], Kind::Float);
    for gradient in 0..2 {
        let error = info_nce(&double, &double, 2, Some(&weights), &contrast(gradient)).unwrap_err();
        assert!(matches!(error, LossError::ElementTypes { what: "importance weights", .. }), "{error}");
    }
    let taps = [single.copy(), double.copy()];
    assert!(matches!(patch_losses(&taps, &taps, 2, &Default::default(), 1.0), Err(LossError::ElementTypes { .. })));
    let map = double.unsqueeze(0);
    let contrast = map_contrast(&map, &map, &single.unsqueeze(0), 0.1);
    assert!(matches!(contrast, Err(LossError::ElementTypes { what: "other maps", .. })));
}

/// Where there is no second device, the check itself is tested, beside its code.
#[test]
#[ignore = "needs a CUDA device"]
fn tensors_on_other_devices_are_refused() {
    let here = zeros(&[6, 4], Kind::Float);
    let there = here.to_device(Device::Cuda(0));
    for (name, function) in TWO {
        for (a, b) in [(&here, &there), (&there, &here)] {
            assert!(matches!(function(a, b), Err(LossError::Devices { .. })), "{name}");
        }
    }
}

#[test]
fn nothing_is_refused() {
    let nothing = zeros(&[6, 0], Kind::Float);
    for (name, function) in ONE {
        assert!(matches!(function(&nothing), Err(LossError::Empty { .. })), "{name}");
    }
    for (name, function) in TWO {
        assert!(matches!(function(&nothing, &nothing), Err(LossError::Empty { .. })), "{name}");
    }
}

#[test]
fn other_ranks_are_refused() {
    let scalar = zeros(&[], Kind::Float);
    for function in [l2_normalize, similarity_distribution, entropy] {
        assert!(matches!(function(&scalar), Err(LossError::Shape { .. })));
    }
    assert!(matches!(jensen_shannon(&scalar, &scalar), Err(LossError::Shape { .. })));
    let vector = zeros(&[4], Kind::Float);
    for result in [gram(&vector, 1), similarity_matrix(&vector, 1), query_distribution(&vector, 0)] {
        assert!(matches!(result, Err(LossError::NotRows { .. })));
    }
    for gradient in GRADIENTS {
        let src = semantic_relation_consistency(&vector, &vector, 1, gradient);
        assert!(matches!(src, Err(LossError::NotRows { .. })));
    }
    assert!(matches!(info_nce(&vector, &vector, 1, None, &contrast(0)), Err(LossError::NotRows { .. })));
    let flat = zeros(&[6, 4], Kind::Float);
    assert!(matches!(info_nce_against(&flat, &flat, &flat, 0.1), Err(LossError::Shape { what: "negatives", .. })));
    assert!(matches!(map_distance(&flat, &flat, &Default::default()), Err(LossError::Shape { .. })));
    assert!(matches!(map_contrast(&flat, &flat, &flat, 0.1), Err(LossError::Shape { .. })));
    assert!(matches!(jensen_shannon(&flat, &vector), Err(LossError::Shape { .. })));
}

#[test]
fn maps_and_positions_are_checked() {
    let store = nn::VarStore::new(Device::Cpu);
    let sampler = PatchSampler::new(&store.root(), &[3], 4, HeadKeys::Dotted);
    let heads = LSeSimHeads::new(&(store.root() / "lsesim"), &[3]);
    let map = |kind| zeros(&[1, 3, 4, 4], kind);
    let ids = Tensor::from_slice(&[0i64, 15]);
    let of = |map: Tensor, ids: &Tensor| {
        let sampled = sampler.project(&[map.shallow_clone()], &[ids.shallow_clone()]).map(|_| ()).unwrap_err();
        let maps = [map];
        let correlative =
            spatially_correlative(&maps, &maps, &[ids.shallow_clone()], Some(&heads), &Default::default()).unwrap_err();
        assert_eq!(std::mem::discriminant(&sampled), std::mem::discriminant(&correlative), "{sampled}, {correlative}");
        sampled
    };
    assert!(matches!(of(map(Kind::Double), &ids), LossError::ElementTypes { found: Kind::Double, .. }));
    assert!(matches!(of(map(Kind::Half), &ids), LossError::ElementType { found: Kind::Half, .. }));
    assert!(matches!(of(zeros(&[0, 3, 4, 4], Kind::Float), &ids), LossError::Empty { .. }));
    let outside = Tensor::from_slice(&[0i64, 16]);
    assert_eq!(of(map(Kind::Float), &outside), LossError::Position { position: 16, area: 16 });
    let halves = Tensor::from_slice(&[0.5f32]);
    assert_eq!(of(map(Kind::Float), &halves), LossError::Positions { found: Kind::Float });
    assert!(matches!(of(map(Kind::Float), &ids.view([1, 2])), LossError::Shape { what: "positions", .. }));
    let maps = similarity_maps(&map(Kind::Int64), &ids, &Default::default());
    assert!(matches!(maps, Err(LossError::ElementType { .. })));
}

#[test]
fn any_layout_gives_the_same() {
    let close = |name: &str, a: Tensor, b: Tensor| {
        assert_eq!(a.size(), b.size(), "{name}");
        assert!((a - b).abs().max().double_value(&[]) < 1e-12, "{name}");
    };
    for (name, function) in ONE {
        let x = random();
        close(name, function(&x).unwrap(), function(&scattered(&x)).unwrap());
    }
    for (name, function) in TWO {
        let (q, k) = (random(), random());
        let gradient = |q: &Tensor| {
            let leaf = q.detach().set_requires_grad(true);
            let loss = function(&leaf, &k).unwrap().sum(Kind::Double);
            Tensor::run_backward(&[loss], &[&leaf], false, false).remove(0)
        };
        close(name, function(&q, &k).unwrap(), function(&scattered(&q), &scattered(&k)).unwrap());
        if name != "semantic_relation_losses" {
            close(name, gradient(&q), gradient(&scattered(&q)));
        }
    }
    let map = Tensor::randn([2, 3, 4, 5], (Kind::Double, Device::Cpu));
    let turned = map.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    let ids = Tensor::from_slice(&[0i64, 7, 19]);
    let rows = |map: &Tensor| PatchSampler::without_mlp().project(&[own(map)], &[own(&ids)]).unwrap().remove(0);
    close("project", rows(&map), rows(&turned));
    let of = |map: &Tensor| similarity_maps(map, &ids, &Default::default()).unwrap();
    close("similarity_maps", of(&map), of(&turned));
}
