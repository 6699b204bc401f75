//! Widths of every layer of the mobile skeleton, and the state-dict shapes that follow.

use crate::NetworkError;
use crate::channels::Channels;
use crate::checkpoint::StateDict;
use crate::doubling::SMOOTH;
use crate::layers::PIXEL_NORM;
use crate::output::RESIDUAL;
use std::collections::BTreeMap;
use tch::Tensor;

/// Buffers that tell a network's variant.
const MARKS: [&str; 3] = [RESIDUAL, SMOOTH, PIXEL_NORM];

const NETWORK: &str = "a mobile generator with instance or pixel norm";

/// Channels after each convolution, and of the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Widths {
    pub input: i64,
    /// After module 1.
    pub stem: i64,
    /// After module 4.
    pub half: i64,
    /// After module 7 and after each residual block.
    pub trunk: i64,
    /// Inside each residual block.
    pub inner: Vec<i64>,
    /// After the first doubling.
    pub half_up: i64,
    /// After the second doubling.
    pub full_up: i64,
    pub output: i64,
}

impl Widths {
    /// Widths of a configuration, for images of (input, output) channels. The blocks lie in three groups of equal length.
    pub fn of(c: &Channels, (input, output): (i64, i64), blocks: i64) -> Self {
        let c = c.values();
        let inner = (0..blocks).map(|block| 4 * c[3 + (3 * block / blocks) as usize]).collect();
        Self { input, stem: c[0], half: 2 * c[1], trunk: 4 * c[2], inner, half_up: 2 * c[6], full_up: c[7], output }
    }

    /// Output width of each convolution, in order: what [`crate::chain::Chain::sliced`] takes.
    pub fn outputs(&self) -> impl Iterator<Item = i64> {
        let blocks = self.inner.iter().flat_map(|&inner| [inner, self.trunk]);
        [self.stem, self.half, self.trunk].into_iter().chain(blocks).chain([self.half_up, self.full_up, self.output])
    }

    /// State-dict keys with their shapes. Without `bias`, convolutions before a norm have none.
    pub fn shapes(&self, bias: bool) -> BTreeMap<String, Vec<i64>> {
        let mut shapes = BTreeMap::new();
        let mut put = |layer: String, weight: [i64; 4], width: i64, bias: bool| {
            if bias {
                shapes.insert(format!("{layer}.bias"), vec![width]);
            }
            shapes.insert(format!("{layer}.weight"), weight.to_vec());
        };
        let first_up = 10 + self.inner.len();
        put("model.1".into(), [self.stem, self.input, 7, 7], self.stem, bias);
        put("model.4".into(), [self.half, self.stem, 3, 3], self.half, bias);
        put("model.7".into(), [self.trunk, self.half, 3, 3], self.trunk, bias);
        for (block, &inner) in self.inner.iter().enumerate() {
            for (place, cin, cout) in [(1, self.trunk, inner), (6, inner, self.trunk)] {
                let layer = format!("model.{}.conv_block.{place}.conv", 10 + block);
                put(format!("{layer}.0"), [cin, 1, 3, 3], cin, true);
                put(format!("{layer}.2"), [cout, cin, 1, 1], cout, true);
            }
        }
        put(format!("model.{first_up}"), [self.trunk, self.half_up, 3, 3], self.half_up, bias);
        put(format!("model.{}", first_up + 3), [self.half_up, self.full_up, 3, 3], self.full_up, bias);
        put(format!("model.{}", first_up + 7), [self.output, self.full_up, 7, 7], self.output, true);
        shapes
    }

    /// Widths of the network of 9 blocks and instance norm that a state dict belongs to.
    ///
    /// # Errors
    /// [`NetworkError::Weights`] names keys that are missing, too many, or of a shape that does not go with the others.
    pub fn of_state(state: &StateDict) -> Result<Self, NetworkError> {
        let wrong = |what: String| NetworkError::Weights { network: NETWORK, what };
        let size = |layer: &str, dim: usize| -> Result<i64, NetworkError> {
            let key = format!("{layer}.weight");
            let tensor = state.get(&key).ok_or_else(|| wrong(format!("there is no {key}")))?;
            match tensor.size()[..] {
                [a, b, _, _] => Ok([a, b][dim]),
                _ => Err(wrong(format!("{key} has shape {:?}; expected four dimensions", tensor.size()))),
            }
        };
        let inner = (10..19).map(|i| size(&format!("model.{i}.conv_block.1.conv.2"), 0)).collect::<Result<_, _>>()?;
        let widths = Self {
            input: size("model.1", 1)?,
            stem: size("model.1", 0)?,
            half: size("model.4", 0)?,
            trunk: size("model.7", 0)?,
            inner,
            half_up: size("model.19", 1)?,
            full_up: size("model.22", 1)?,
            output: size("model.26", 0)?,
        };
        let expected = widths.shapes(true);
        if let Some(key) = state.keys().find(|key| !expected.contains_key(*key) && !MARKS.contains(&key.as_str())) {
            return Err(wrong(format!("it has no {key}")));
        }
        for (key, shape) in expected {
            match state.get(&key) {
                None => return Err(wrong(format!("there is no {key}"))),
                Some(tensor) if tensor.size() != shape => {
                    return Err(wrong(format!(
                        "{key} has shape {:?}; beside the others it would be {shape:?}",
                        tensor.size()
                    )));
                }
                Some(_) => {}
            }
        }
        Ok(widths)
    }

    /// The configuration that has these widths, if one has.
    pub fn channels(&self) -> Option<Channels> {
        let quotient = |width: i64, by: i64| (width % by == 0).then_some(width / by);
        let [a, b, c] = [0, 3, 6].map(|first| self.inner.get(first..first + 3));
        let group = |blocks: Option<&[i64]>| {
            let blocks = blocks?;
            if blocks.iter().all(|inner| *inner == blocks[0]) { quotient(blocks[0], 4) } else { None }
        };
        let values = [
            self.stem,
            quotient(self.half, 2)?,
            quotient(self.trunk, 4)?,
            group(a)?,
            group(b)?,
            group(c)?,
            quotient(self.half_up, 2)?,
            self.full_up,
        ];
        Channels::new(values).ok()
    }

    /// The leading block of every tensor of `state` that a network of these widths, no larger, would have.
    pub fn leading(&self, state: &StateDict) -> StateDict {
        let block = |(key, shape): (String, Vec<i64>)| {
            let narrow = |x, (dim, n): (usize, &i64)| Tensor::narrow(&x, dim as i64, 0, *n);
            let leading = shape.iter().enumerate().fold(state[&key].detach(), narrow);
            (key, leading.copy())
        };
        self.shapes(true).into_iter().map(block).chain(marks(state)).collect()
    }
}

/// The buffers of a state dict that tell its network's variant.
pub(super) fn marks(state: &StateDict) -> impl Iterator<Item = (String, Tensor)> {
    MARKS.into_iter().filter_map(|key| state.get(key).map(|mark| (key.to_owned(), mark.copy())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tch::{Device, Kind};

    fn zeros(shapes: BTreeMap<String, Vec<i64>>) -> StateDict {
        shapes.into_iter().map(|(key, shape)| (key, Tensor::zeros(shape, (Kind::Float, Device::Cpu)))).collect()
    }

    #[test]
    fn other_state_dicts_are_named() {
        let widths = Widths::of(&Channels::full(4), (3, 3), 9);
        let with = |change: &dyn Fn(&mut StateDict)| {
            let mut state = zeros(widths.shapes(true));
            change(&mut state);
            Widths::of_state(&state).unwrap_err().to_string()
        };
        let of = |size: &[i64]| Tensor::zeros(size, (Kind::Float, Device::Cpu));
        let missing = with(&|state| drop(state.remove("model.12.conv_block.6.conv.0.bias")));
        assert!(missing.contains("there is no model.12.conv_block.6.conv.0.bias"), "{missing}");
        let extra = with(&|state| drop(state.insert("model.2.running_mean".into(), of(&[4]))));
        assert!(extra.contains("has no model.2.running_mean"), "{extra}");
        let shape = with(&|state| drop(state.insert("model.4.weight".into(), of(&[8, 5, 3, 3]))));
        assert!(
            shape.contains("model.4.weight has shape [8, 5, 3, 3]; beside the others it would be [8, 4, 3, 3]"),
            "{shape}"
        );
        let flat = with(&|state| drop(state.insert("model.1.weight".into(), of(&[8]))));
        assert!(flat.contains("expected four dimensions"), "{flat}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn configurations_and_costs_are_read_from_shapes(values in prop::array::uniform8(1i64..12), quarter in 2i64..9) {
            let c = Channels::new(values).unwrap();
            let state = zeros(Widths::of(&c, (3, 3), 9).shapes(true));
            let widths = Widths::of_state(&state).unwrap();
            prop_assert_eq!(widths.channels(), Some(c));
            prop_assert_eq!(state.values().map(|t| t.numel() as u64).sum::<u64>(), c.parameters());
            // Every weight is used once at each position of its output.
            let (height, width) = (4 * quarter, 8);
            let area = |key: &str| match key.split('.').nth(1).and_then(|index| index.parse::<i64>().ok()) {
                Some(1 | 22 | 26) => height * width,
                Some(4 | 19) => height * width / 4,
                _ => height * width / 16,
            };
            let weights = state.iter().filter(|(key, _)| key.ends_with("weight"));
            let macs: i64 = weights.map(|(key, t)| area(key) * t.numel() as i64).sum();
            prop_assert_eq!(macs as u64, c.macs(height, width));
        }
    }
}
