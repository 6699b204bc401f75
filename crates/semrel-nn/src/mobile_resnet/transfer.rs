//! Starting a narrow generator from the most important channels of a wide one.
//!
//! A step of the original (not the fast) GAN Compression, between distilling a mobile student and training the super-net.

use super::Widths;
use super::widths::marks;
use crate::NetworkError;
use crate::channels::Channels;
use crate::checkpoint::StateDict;
use tch::{Kind, Tensor};

/// What [`transfer_by_importance`] gives.
#[derive(Debug)]
pub struct Transfer {
    /// State dict of the narrow network, a mobile or super one.
    pub state: StateDict,
    /// Channels of the wide network that were kept, most important first: after modules 1, 4 and 7, inside each of the nine
    /// blocks, after modules 19 and 22.
    pub orders: Vec<Vec<i64>>,
}

/// Weights of a mobile generator of base width `width` from those of one that is at least as wide.
///
/// The importance of an output channel is Σ|weight| over the kept input channels and the kernel; bias does not count. Each
/// layer's outputs are ranked by it, most important first (the lower number first among equals), and the first that fit are
/// kept, so channels are **re-ordered** even where none is lost. In a residual block the width inside is ranked; the outputs
/// keep the trunk's order, which the sum needs.
///
/// # Errors
/// [`NetworkError::Weights`] where `source` is not a mobile generator with 9 blocks and instance norm;
/// [`NetworkError::Setting`] where `width` is not 1 to that of `source`.
pub fn transfer_by_importance(source: &StateDict, width: i64) -> Result<Transfer, NetworkError> {
    let have = Widths::of_state(source)?;
    if width < 1 || width > have.stem {
        let expected = "1 to the width of the weights";
        return Err(NetworkError::Setting { setting: "width", value: width, expected });
    }
    let want = Widths::of(&Channels::full(width), (have.input, have.output), 9);
    let mut walk = Walk { source, state: StateDict::new(), orders: vec![] };
    let all = |n: i64| Tensor::arange(n, (Kind::Int64, source["model.1.weight"].device()));

    let mut kept = all(have.input);
    for (layer, width) in [("model.1", want.stem), ("model.4", want.half), ("model.7", want.trunk)] {
        kept = walk.convolution(layer, &kept, Layout::Plain, width);
    }
    for (block, &inner) in want.inner.iter().enumerate() {
        let layer = |place: i64, part: i64| format!("model.{}.conv_block.{place}.conv.{part}", 10 + block);
        walk.depth_wise(&layer(1, 0), &kept);
        let inside = walk.convolution(&layer(1, 2), &kept, Layout::Plain, inner);
        walk.depth_wise(&layer(6, 0), &inside);
        walk.copy(&layer(6, 2), &inside, Layout::Plain, &kept);
    }
    for (layer, width) in [("model.19", want.half_up), ("model.22", want.full_up)] {
        kept = walk.convolution(layer, &kept, Layout::Transposed, width);
    }
    walk.copy("model.26", &kept, Layout::Plain, &all(have.output));
    walk.state.extend(marks(source));
    Ok(Transfer { state: walk.state, orders: walk.orders })
}

/// How a convolution stores its weights.
#[derive(Clone, Copy)]
enum Layout {
    /// `[out, in, k, k]`.
    Plain,
    /// `[in, out, k, k]`.
    Transposed,
}

struct Walk<'a> {
    source: &'a StateDict,
    state: StateDict,
    orders: Vec<Vec<i64>>,
}

impl Walk<'_> {
    fn of(&self, layer: &str, part: &str) -> Tensor {
        self.source[&format!("{layer}.{part}")].detach()
    }

    /// Ranks the outputs of a layer whose inputs are `inputs`, keeps the first `width`, copies, and returns them.
    fn convolution(&mut self, layer: &str, inputs: &Tensor, layout: Layout, width: i64) -> Tensor {
        let (in_dim, others) = match layout {
            Layout::Plain => (1, [1i64, 2, 3]),
            Layout::Transposed => (0, [0, 2, 3]),
        };
        let kept_inputs = self.of(layer, "weight").index_select(in_dim, inputs);
        let importance = kept_inputs.abs().sum_dim_intlist(others.as_slice(), false, kept_inputs.kind());
        let outputs = importance.argsort_stable(true, 0, true).narrow(0, 0, width);
        self.orders.push(Vec::try_from(&outputs).expect("a list of numbers"));
        self.copy(layer, inputs, layout, &outputs);
        outputs
    }

    /// The weights between `inputs` and `outputs`, and the biases of `outputs`, in these orders.
    fn copy(&mut self, layer: &str, inputs: &Tensor, layout: Layout, outputs: &Tensor) {
        let (in_dim, out_dim) = match layout {
            Layout::Plain => (1, 0),
            Layout::Transposed => (0, 1),
        };
        let weight = self.of(layer, "weight").index_select(in_dim, inputs).index_select(out_dim, outputs);
        self.state.insert(format!("{layer}.weight"), weight);
        self.state.insert(format!("{layer}.bias"), self.of(layer, "bias").index_select(0, outputs));
    }

    /// Filters of one channel each.
    fn depth_wise(&mut self, layer: &str, channels: &Tensor) {
        for part in ["weight", "bias"] {
            self.state.insert(format!("{layer}.{part}"), self.of(layer, part).index_select(0, channels));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mobile_resnet::{MobileConfig, MobileResnetGenerator};
    use crate::{Net, TappedGenerator, checkpoint};
    use tch::Device;

    fn net(width: i64) -> Net<MobileResnetGenerator> {
        Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &MobileConfig::published(width)))
    }

    #[test]
    fn at_equal_width_only_the_order_changes() {
        let (wide, copy) = (net(4), net(4));
        let transfer = transfer_by_importance(&wide.state(), 4).unwrap();
        checkpoint::copy_into(&copy.state(), &transfer.state, checkpoint::Extras::Refuse).unwrap();
        let x = Tensor::rand([1, 3, 16, 16], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
        assert!(wide.forward(&x).allclose(&copy.forward(&x), 1e-4, 1e-4, false));
        assert!(wide.state()["model.4.weight"] != copy.state()["model.4.weight"]);
        let lengths: Vec<usize> = transfer.orders.iter().map(Vec::len).collect();
        assert_eq!(lengths, [[4, 8].as_slice(), &[16; 10], &[8, 4]].concat());
        for mut order in transfer.orders {
            order.sort_unstable();
            assert!(order.iter().enumerate().all(|(i, channel)| i as i64 == *channel));
        }
    }

    #[test]
    fn unimportant_channels_are_left_out() {
        let wide = net(4);
        let mut weight = wide.state().remove("model.1.weight").unwrap();
        tch::no_grad(|| {
            let _ = weight.fill_(1.0);
            let _ = weight.get(1).zero_();
        });
        let transfer = transfer_by_importance(&wide.state(), 3).unwrap();
        // Equals keep their order.
        assert_eq!(transfer.orders[0], [0, 2, 3]);
        checkpoint::copy_into(&net(3).state(), &transfer.state, checkpoint::Extras::Refuse).unwrap();
        for width in [0, 5] {
            let error = transfer_by_importance(&wide.state(), width).unwrap_err();
            assert!(matches!(error, NetworkError::Setting { setting: "width", value, .. } if value == width));
        }
        assert!(matches!(transfer_by_importance(&StateDict::new(), 1), Err(NetworkError::Weights { .. })));
    }
}
