//! Tests of the spatially-correlative loss.

use super::*;
use proptest::prelude::*;
use tch::{Device, Tensor};

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

fn maps(batch: i64, side: i64) -> impl Strategy<Value = Tensor> {
    prop::collection::vec(-1.0..1.0f64, (batch * 3 * side * side) as usize)
        .prop_map(move |v| Tensor::from_slice(&v).view([batch, 3, side, side]))
}

fn value(t: &Tensor) -> f64 {
    t.double_value(&[])
}

fn indices(position: i64, height: i64, width: i64, side: i64) -> Vec<i64> {
    let config = LSeSimConfig { patch_size: side, ..Default::default() };
    Vec::try_from(window(&Tensor::from_slice(&[position]), height, width, &config).view([-1])).unwrap()
}

#[test]
fn windows_are_centred_and_stay_inside() {
    // 5 × 6 map, window of 2: rows pos−1..pos, columns pos−1..pos.
    assert_eq!(indices(2 * 6 + 3, 5, 6, 2), [8, 9, 14, 15]);
    assert_eq!(indices(0, 5, 6, 2), [0, 1, 6, 7]);
    assert_eq!(indices(29, 5, 6, 3), [15, 16, 17, 21, 22, 23, 27, 28, 29]);
}

#[test]
fn published_decoding_differs_off_the_square_only() {
    let of = |height, width, decode_by_height| {
        let config = LSeSimConfig { patch_size: 3, decode_by_height, ..Default::default() };
        let ids = Tensor::from_slice(&[2 * width + 3]);
        Vec::<i64>::try_from(window(&ids, height, width, &config).view([-1])).unwrap()
    };
    assert_eq!(of(6, 6, true), of(6, 6, false));
    // Position 13 of a 4 × 5 map is row 2, column 3; by height it reads as row 3, column 1.
    assert_eq!(of(4, 5, false), [7, 8, 9, 12, 13, 14, 17, 18, 19]);
    assert_eq!(of(4, 5, true), [5, 6, 7, 10, 11, 12, 15, 16, 17]);
}

#[test]
fn window_is_a_part_of_the_whole() {
    let x = Tensor::randn([1, 3, 6, 6], DOUBLE);
    let ids = Tensor::from_slice(&[14i64]);
    let of = |patch_size| similarity_maps(&x, &ids, &LSeSimConfig { patch_size, ..Default::default() }).unwrap();
    let (part, whole) = (of(3), of(6));
    assert_eq!((part.size(), whole.size()), (vec![1, 1, 9], vec![1, 1, 36]));
    // Position 14 is row 2, column 2; its window starts at row 1, column 1; itself is the middle entry.
    assert!((value(&part.get(0).get(0).get(4)) - 1.0).abs() < 1e-12);
    let picked = whole.view([6, 6]).narrow(0, 1, 3).narrow(1, 1, 3).reshape([-1]);
    assert!(value(&(picked - part.view([-1])).abs().max()) < 1e-12);
}

#[test]
fn only_large_targets_count() {
    // N = 8, ⌊8/4⌋ + 1 = 3 entries stay: the sources of the others do not matter.
    let target = Tensor::from_slice(&[0.9, 0.1, 0.8, 0.0, 0.7, -0.3, 0.2, 0.3f64]).view([1, 1, 8]);
    let source = Tensor::from_slice(&[0.9, 9.0, 0.8, 9.0, 0.7, 9.0, 9.0, 9.0f64]).view([1, 1, 8]);
    for loss_mode in [MapDistance::Cos, MapDistance::L1] {
        let config = LSeSimConfig { loss_mode, ..Default::default() };
        assert!(value(&map_distance(&source, &target, &config).unwrap()).abs() < 1e-12);
        assert!(value(&map_distance(&(&target * -1.0), &target, &config).unwrap()) > 0.5);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn equal_images_have_no_distance(x in maps(2, 4), l1 in any::<bool>(), use_norm in any::<bool>()) {
        let loss_mode = if l1 { MapDistance::L1 } else { MapDistance::Cos };
        let config = LSeSimConfig { loss_mode, use_norm, patch_size: 3, ..Default::default() };
        let ids = Tensor::from_slice(&[0i64, 7, 10, 15]);
        let loss = spatially_correlative(&[x.copy()], &[x], &[ids], None, &config).unwrap();
        prop_assert!(value(&loss).abs() < 1e-9);
    }

    #[test]
    fn distance_ignores_brightness_and_contrast(x in maps(1, 4)) {
        let config = LSeSimConfig::default();
        let ids = Tensor::arange(16, (Kind::Int64, Device::Cpu));
        let loss = spatially_correlative(&[x.copy()], &[x * 2.5 + 3.0], &[ids], None, &config).unwrap();
        prop_assert!(value(&loss).abs() < 1e-9);
    }

    #[test]
    fn contrast_is_cross_entropy(s in maps(2, 3), t in maps(2, 3), o in maps(2, 3)) {
        let [s, t, o] = [s, t, o].map(|m| m.flatten(2, 3));
        let logits = |b: usize| {
            let [s, t, o] = [&s, &t, &o].map(|m| unit(&m.get(b as i64), 1));
            Tensor::cat(&[s.mm(&t.tr()), s.mm(&o.tr()), t.mm(&o.tr())], 1) / 0.07
        };
        let all = Tensor::cat(&[logits(0), logits(1)], 0);
        let labels = Tensor::arange(3, (Kind::Int64, Device::Cpu)).repeat([2]).unsqueeze(1);
        let want = -all.log_softmax(-1, None).gather(1, &labels, false).mean(None::<Kind>);
        prop_assert!((value(&map_contrast(&s, &t, &o, 0.07).unwrap()) - value(&want)).abs() < 1e-9);
    }
}

#[test]
fn gradients_are_finite_on_flat_maps() {
    let x = Tensor::ones([1, 3, 4, 4], DOUBLE).set_requires_grad(true);
    let y = Tensor::randn([1, 3, 4, 4], DOUBLE);
    let ids = Tensor::arange(16, (Kind::Int64, Device::Cpu));
    spatially_correlative(&[y], &[x.shallow_clone()], &[ids], None, &LSeSimConfig::default()).unwrap().backward();
    assert!(bool::try_from(x.grad().isfinite().all()).unwrap());
}

#[test]
fn heads_have_the_published_keys_and_widths() {
    let store = nn::VarStore::new(Device::Cpu);
    LSeSimHeads::new(&store.root(), &[256, 16]);
    let variables = store.variables();
    assert_eq!(variables.len(), 8);
    assert_eq!(variables["conv_0.0.weight"].size(), [64, 256, 1, 1]);
    assert_eq!(variables["conv_1.2.weight"].size(), [32, 32, 1, 1]);
    assert_eq!(variables["conv_1.2.bias"].size(), [32]);
}

#[test]
fn bad_inputs_are_named() {
    let config = LSeSimConfig::default();
    let of = |s: &[Tensor], t: &[Tensor], ids: &[Tensor]| {
        spatially_correlative(s, t, ids, None, &config).map(|_| ()).unwrap_err()
    };
    let map = || Tensor::zeros([1, 2, 3, 3], DOUBLE);
    let ids = Tensor::from_slice(&[1i64]);
    assert_eq!(of(&[], &[], &[]), LossError::NoTaps);
    assert!(matches!(of(&[map()], &[], &[ids.copy()]), LossError::Taps { .. }));
    assert!(matches!(of(&[map()], &[map().get(0)], &[ids]), LossError::FeatureMap { .. }));
}
