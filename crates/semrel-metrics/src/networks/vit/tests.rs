use super::*;
use crate::networks::tests::filled;
use crate::testing::normal;
use tch::Kind;

const TINY: Arch = Arch { family: Family::DinoV2 { registers: 4 }, patch: 4, width: 12, heads: 3, blocks: 2, grid: 3 };

fn tiny(family: Family) -> Vit {
    let arch = Arch { family, ..TINY };
    Vit::from_state(arch, &filled(Vit::shapes(arch)), Device::Cpu).unwrap()
}

fn image(height: i64, width: i64) -> Tensor {
    normal(1, &[1, 3, height, width]).to_kind(Kind::Float)
}

#[test]
fn published_networks_have_the_published_numbers_of_weights() {
    let numbers = |arch: Arch| -> i64 {
        // The token of masked patches is in DINOv2's files alone.
        let mask = if arch.family == Family::Dino { 0 } else { arch.width };
        Vit::shapes(arch).values().map(|shape| shape.iter().product::<i64>()).sum::<i64>() + mask
    };
    assert_eq!(numbers(Arch::dino_small(8)), 21_670_272);
    assert_eq!(numbers(Arch::dino_small(16)), 21_665_664);
    assert_eq!(numbers(Arch::dino_base(8)), 85_807_872);
    assert_eq!(numbers(Arch::dino_base(16)), 85_798_656);
    assert_eq!(numbers(Arch::dinov2_small(0)), 22_056_576);
    assert_eq!(numbers(Arch::dinov2_small(4)), 22_058_112);
    assert_eq!(numbers(Arch::dinov2_base(0)), 86_580_480);
    assert_eq!(numbers(Arch::dinov2_base(4)), 86_583_552);
}

#[test]
fn tokens_are_the_class_registers_and_patches() {
    let tokens = tiny(TINY.family).tokens(&image(12, 16)).unwrap();
    assert_eq!(tokens.all.size(), [1, 1 + 4 + 12, 12]);
    assert_eq!(tokens.keys.size(), [1, 3, 17, 4]);
    assert_eq!(tokens.keys_side_by_side().size(), [1, 17, 12]);
    assert_eq!(tokens.class().size(), [1, 12]);
    // The first head's key of the third token.
    assert!(tokens.keys_side_by_side().get(0).get(2).narrow(0, 0, 4).equal(&tokens.keys.get(0).get(0).get(2)));
}

#[test]
fn sizes_that_fill_no_patches_are_refused_or_dropped() {
    let text = tiny(TINY.family).tokens(&image(12, 14)).unwrap_err().to_string();
    assert!(text.contains("multiples of the patch"), "{text}");
    let dino = tiny(Family::Dino);
    let of = |height, width| dino.tokens(&image(height, width));
    assert_eq!(of(12, 14).unwrap().all.size()[1], 1 + 9);
    assert!(of(12, 3).is_err());
    assert!(dino.tokens(&image(12, 12).narrow(1, 0, 2)).is_err());
}

#[test]
fn the_stored_positions_serve_square_images_of_the_stored_count_alone() {
    let dino = tiny(Family::Dino);
    let of = |height, width| dino.position(&image(height, width)).unwrap();
    assert!(of(12, 12).equal(&dino.position));
    // The grid is the stored one, and yet it is sampled at 3/3.1.
    assert!(!of(12, 14).equal(&dino.position));
    assert!(of(12, 14).get(0).get(0).equal(&dino.position.get(0).get(0)));
}

#[test]
fn what_is_no_such_network_is_refused() {
    let arch = Arch { heads: 5, ..TINY };
    assert!(matches!(Vit::from_state(arch, &StateDict::new(), Device::Cpu), Err(MetricsError::Setting(_))));
    let mut state = filled(Vit::shapes(TINY));
    state.remove("blocks.1.ls2.gamma");
    let text = Vit::from_state(TINY, &state, Device::Cpu).unwrap_err().to_string();
    assert!(text.contains("missing keys: blocks.1.ls2.gamma"), "{text}");
}
