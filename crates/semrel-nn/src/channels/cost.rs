//! What a configuration costs: multiply-accumulates and parameters.
//!
//! Only convolutions count. A transposed convolution of 3 × 3 is counted with its **output** size, as the published figures are
//! made: nine products for each output, where two and a quarter are needed at stride 2, and four by a smooth one
//! ([`crate::Doubling`]).

use super::Channels;

/// Channels of the images.
const IMAGE: u128 = 3;

impl Channels {
    /// Multiply-accumulates of one image of `height` × `width`, three channels in and out.
    ///
    /// With S = height·width, w = 4·c2 and o_g = 4·c_{3+g}:
    ///
    /// ```text
    /// S·147·c0 + (S/4)·18·c0·c1 + (S/16)·72·c1·c2 + Σ_{g=0..2} 3·(S/16)·(9·w + 2·w·o_g + 9·o_g)
    ///   + (S/4)·72·c2·c6 + S·18·c6·c7 + S·147·c7
    /// ```
    ///
    /// The super-net at this configuration costs as much. Sides that are not multiples of 4 are rounded as the strided
    /// convolutions do. Exact up to `u64::MAX`, where it stays.
    pub fn macs(&self, height: i64, width: i64) -> u64 {
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.0.map(|c| c as u128);
        let (h, w) = (height.max(0) as u128, width.max(0) as u128);
        if u64::try_from(h * w).is_err() {
            return u64::MAX;
        }
        let (half_h, half_w) = (h.div_ceil(2), w.div_ceil(2));
        let (low_h, low_w) = (half_h.div_ceil(2), half_w.div_ceil(2));
        let (full, half, low) = (h * w, half_h * half_w, low_h * low_w);
        let trunk = 4 * c2;
        let block = |inner: u128| 9 * trunk + 2 * trunk * inner + 9 * inner;
        let blocks: u128 = [c3, c4, c5].iter().map(|c| 3 * block(4 * c)).sum();
        let total = full * 49 * IMAGE * c0
            + half * 9 * c0 * (2 * c1)
            + low * 9 * (2 * c1) * trunk
            + low * blocks
            + 4 * low * 9 * trunk * (2 * c6)
            + 16 * low * 9 * (2 * c6) * c7
            + 16 * low * 49 * c7 * IMAGE;
        u64::try_from(total).unwrap_or(u64::MAX)
    }

    /// Parameters of the stand-alone network, biases included. (The super-net has those of [`Channels::full`] of its width,
    /// whatever the configuration.)
    ///
    /// ```text
    /// 148·c0 + (18·c0·c1 + 2·c1) + (72·c1·c2 + 4·c2) + Σ_g 3·(11·w + 2·w·o_g + 11·o_g)
    ///   + (72·c2·c6 + 2·c6) + (18·c6·c7 + c7) + (147·c7 + 3)
    /// ```
    pub fn parameters(&self) -> u64 {
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.0.map(|c| c as u64);
        let trunk = 4 * c2;
        let block = |inner: u64| 11 * trunk + 2 * trunk * inner + 11 * inner;
        let blocks: u64 = [c3, c4, c5].iter().map(|c| 3 * block(4 * c)).sum();
        let encoder = 148 * c0 + (18 * c0 * c1 + 2 * c1) + (72 * c1 * c2 + trunk);
        let decoder = (72 * c2 * c6 + 2 * c6) + (18 * c6 * c7 + c7) + (147 * c7 + 3);
        encoder + blocks + decoder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::ChannelSet;

    fn of(text: &str) -> (u64, u64) {
        let c: Channels = text.parse().unwrap();
        (c.macs(256, 256), c.parameters())
    }

    #[test]
    fn the_published_figures_of_table_2() {
        assert_eq!(of("16_16_32_16_16_64_16_24"), (2_961_702_912, 411_619));
        assert_eq!(of("16_16_48_32_32_40_24_16"), (4_494_852_096, 666_739));
        assert_eq!(of("40_16_48_16_48_48_16_16"), (4_389_863_424, 685_155));
        // Strings of the published scripts that the table does not show.
        assert_eq!(of("16_16_32_16_32_64_16_16"), (2_942_042_112, 459_395));
        assert_eq!(of("16_48_48_24_40_48_24_24"), (5_556_928_512, 829_171));
        assert_eq!(of("16_16_24_16_32_64_16_24"), (2_618_425_344, 355_235));
        assert_eq!(of("16_16_40_40_40_64_24_16"), (4_539_678_720, 719_507));
        assert_eq!(of("16_24_48_56_40_48_24_16"), (5_418_516_480, 886_307));
        assert_eq!(of("64_64_64_64_64_64_64_64"), (18_314_428_416, 1_987_075));
    }

    #[test]
    fn the_unpublished_city_baseline_is_one_of_28() {
        let members: Vec<Channels> = ChannelSet::named("channels-64-pix2pix")
            .unwrap()
            .iter()
            .filter(|c| {
                let (macs, parameters) = (c.macs(256, 256), c.parameters());
                (5_550_500_000..5_551_500_000).contains(&macs) && (729_500..730_500).contains(&parameters)
            })
            .collect();
        assert_eq!(members.len(), 28);
        for c in members {
            let [c0, c1, c2, x, y, z, c6, c7] = c.values();
            assert_eq!(([c0, c1, c2, c6, c7], x + y + z), ([32, 32, 48, 32, 16], 96));
            assert_eq!((c.macs(256, 256), c.parameters()), (5_551_423_488, 730_307));
        }
    }

    #[test]
    fn costs_are_exact_at_any_size() {
        let c = Channels::full(Channels::MOST);
        // 2¹⁶ in every entry: the products of two widths alone pass 2³².
        let expected =
            147 * 2 * (1u128 << 16) * 16 + (1u128 << 32) * (72 + 72 + 9 * 32 + 288 + 288) + 9 * 72 * (1 << 16);
        assert_eq!(u128::from(c.macs(4, 4)), expected);
        assert_eq!(c.macs(i64::MAX, i64::MAX), u64::MAX);
        assert_eq!(c.macs(0, 256), 0);
        let small = Channels::full(1);
        // Sides that are not multiples of 4: the network's output is larger than its input.
        assert_eq!(small.macs(5, 5), 25 * 147 + 9 * 18 + 4 * (72 + 9 * (36 + 32 + 36)) + 16 * 72 + 64 * (18 + 147));
    }
}
