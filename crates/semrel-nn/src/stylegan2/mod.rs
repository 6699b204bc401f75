//! The networks of single-image translation (SinCUT): StyleGAN2's blocks without style.
//!
//! Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020; Park et al., "Contrastive Learning
//! for Unpaired Image-to-Image Translation", ECCV 2020, section 4.5. Weights start at N(0, 1) and are scaled when they
//! are used, so [`crate::InitType`] is not for these networks.

mod discriminator;
mod generator;
mod layers;

pub use discriminator::{Discriminator, DiscriminatorConfig};
pub use generator::{Generator, GeneratorConfig};

use crate::NetworkError;

/// The resolution that sets the widths: the power of two nearest to the smaller of the sides that images are loaded and
/// cropped to.
pub fn resolution(load_size: i64, crop_size: i64) -> i64 {
    1 << (load_size.min(crop_size).max(1) as f64).log2().round() as i64
}

/// Width of the layers at `resolution`: 2¹⁴/resolution times `multiplier`, at most `cap` up to 32 × 32.
fn width_at(resolution: i64, multiplier: f64, round: fn(f64) -> f64, cap: i64) -> i64 {
    let width = round((1 << 14) as f64 / resolution as f64 * multiplier) as i64;
    if resolution <= 32 { width.min(cap) } else { width }
}

fn check_resolution(resolution: i64) -> Result<(), NetworkError> {
    let power_of_two = resolution >= 4 && resolution & (resolution - 1) == 0;
    let expected = "a power of two and at least 4";
    if power_of_two {
        Ok(())
    } else {
        Err(NetworkError::Setting { setting: "resolution", value: resolution, expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolution_is_the_nearest_power_of_two() {
        let sides = [(1024, 64), (64, 90), (91, 91), (286, 128), (0, 0)];
        assert_eq!(sides.map(|(load, crop)| resolution(load, crop)), [64, 64, 128, 128, 1]);
    }

    #[test]
    fn widths_are_as_published() {
        let of = |round, multiplier, cap| [4, 8, 16, 32, 64, 128].map(|r| width_at(r, multiplier, round, cap));
        assert_eq!(of(f64::round_ties_even, 10.0 / 32.0, 512), [512, 512, 320, 160, 80, 40]);
        assert_eq!(of(f64::trunc, 8.0 / 64.0, 384), [384, 256, 128, 64, 32, 16]);
        assert!(check_resolution(64).is_ok());
        assert!([0, 2, 48, -64].iter().all(|&r| check_resolution(r).is_err()));
    }
}
