//! A network together with its parameters, which lie in one flat buffer.

use std::collections::BTreeMap;
use std::ops::Deref;
use tch::{Device, Kind, Tensor, nn};

/// A network and its parameters.
///
/// All trainable parameters are views of one flat tensor, ordered by state-dict key. The optimiser and the weight
/// average work on that buffer with a few large operations instead of a few small ones per parameter.
#[derive(Debug)]
pub struct Net<T> {
    net: T,
    store: nn::VarStore,
    /// (key, parameter), ordered by key.
    parameters: Vec<(String, Tensor)>,
    flat: Tensor,
}

impl<T> Net<T> {
    /// Builds a network on `device` with torch's default initialisation.
    pub fn new(device: Device, build: impl FnOnce(&nn::Path) -> T) -> Self {
        let store = nn::VarStore::new(device);
        let net = build(&store.root());
        let mut this = Self { net, store, parameters: vec![], flat: Tensor::new() };
        this.flatten(Kind::Float);
        this
    }

    /// Converts parameters and buffers to another kind, for reference computations in double precision.
    pub fn into_kind(mut self, kind: Kind) -> Self {
        self.flatten(kind);
        self
    }

    /// As [`Net::into_kind`], in place.
    pub fn convert(&mut self, kind: Kind) {
        self.flatten(kind);
    }

    fn flatten(&mut self, kind: Kind) {
        let variables = self.store.variables_.lock().expect("no thread panics while it holds the variables");
        let named: BTreeMap<String, Tensor> =
            variables.named_variables.iter().map(|(k, t)| (k.clone(), t.shallow_clone())).collect();
        drop(variables);
        self.parameters.clear();
        tch::no_grad(|| {
            let total: i64 = named.values().filter(|t| t.requires_grad()).map(|t| t.numel() as i64).sum();
            let flat = Tensor::zeros([total], (kind, self.store.device()));
            let mut offset = 0;
            for (key, mut tensor) in named {
                if !tensor.requires_grad() {
                    if tensor.is_floating_point() {
                        let converted = tensor.to_kind(kind);
                        tensor.set_data(&converted);
                    }
                    continue;
                }
                let n = tensor.numel() as i64;
                let mut view = flat.narrow(0, offset, n).view(tensor.size().as_slice());
                view.copy_(&tensor);
                tensor.set_data(&view);
                offset += n;
                self.parameters.push((key, tensor));
            }
            self.flat = flat;
        });
    }

    /// The parameters' flat buffer `[n]`; writing to it changes the network.
    pub fn flat(&self) -> &Tensor {
        &self.flat
    }

    /// Trainable parameters in the order of the flat buffer.
    pub fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.parameters.iter().map(|(_, t)| t)
    }

    /// The trainable parameters whose keys begin with `prefix`, which lie next to each other, and where in the flat buffer: first
    /// number and count.
    pub fn part(&self, prefix: &str) -> (Vec<&Tensor>, (i64, i64)) {
        let numel = |t: &Tensor| t.numel() as i64;
        let before = self.parameters.iter().take_while(|(key, _)| key.as_str() < prefix);
        let first = before.map(|(_, t)| numel(t)).sum();
        let own: Vec<&Tensor> =
            self.parameters.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, t)| t).collect();
        let count = own.iter().map(|t| numel(t)).sum();
        (own, (first, count))
    }

    /// Number of trainable numbers.
    pub fn numel(&self) -> i64 {
        self.flat.numel() as i64
    }

    /// State dict: parameters and buffers under their published keys. The tensors share storage with the network.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        self.store.variables().into_iter().collect()
    }

    /// Splits a tensor shaped like the flat buffer (gradients, Adam's moments) into (key, view) pairs.
    pub fn split<'a>(&'a self, flat: &'a Tensor) -> impl Iterator<Item = (&'a str, Tensor)> + 'a {
        let mut offset = 0;
        self.parameters.iter().map(move |(key, parameter)| {
            let n = parameter.numel() as i64;
            offset += n;
            (key.as_str(), flat.narrow(0, offset - n, n).view(parameter.size().as_slice()))
        })
    }

    /// Where the network lies.
    pub fn device(&self) -> Device {
        self.store.device()
    }
}

impl<T> Deref for Net<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.net
    }
}

/// Gradients of `loss` with respect to exactly the given parameter lists, each flattened in its network's order.
///
/// Only the part of the graph that leads to these parameters is walked: weights that the pass does not step cost
/// nothing. A parameter that the loss does not reach (the head of a domain that is not in the batch) has zero gradient.
pub fn flat_gradients(loss: &Tensor, networks: &[Vec<&Tensor>]) -> Vec<Tensor> {
    gradients(loss, networks, false)
}

/// As [`flat_gradients`], of the first of several losses of one pass: its graph is kept for the others.
pub fn flat_gradients_of_first(loss: &Tensor, networks: &[Vec<&Tensor>]) -> Vec<Tensor> {
    gradients(loss, networks, true)
}

fn gradients(loss: &Tensor, networks: &[Vec<&Tensor>], keep_graph: bool) -> Vec<Tensor> {
    let inputs: Vec<&Tensor> = networks.iter().flatten().copied().collect();
    let mut gradients = Tensor::run_backward(&[loss], &inputs, keep_graph, false).into_iter();
    networks
        .iter()
        .map(|parameters| {
            let flat: Vec<Tensor> = parameters
                .iter()
                .zip(gradients.by_ref())
                .map(|(p, g)| if g.defined() { g.reshape([-1]) } else { p.detach().zeros_like().reshape([-1]) })
                .collect();
            Tensor::cat(&flat, 0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_views_of_the_flat_buffer() {
        let net = Net::new(Device::Cpu, |p| nn::linear(p / "fc", 3, 2, Default::default()));
        assert_eq!(net.numel(), 8);
        let _ = tch::no_grad(|| net.flat().shallow_clone().fill_(2.0));
        let y = net.forward_sum();
        assert_eq!(y, 2.0 * 3.0 * 2.0 + 2.0 * 2.0);
        assert_eq!(net.parameters().map(|t| t.size()).collect::<Vec<_>>(), [vec![2], vec![2, 3]]);
        assert!(net.parameters().all(|t| t.is_leaf() && t.requires_grad()));
    }

    impl Net<nn::Linear> {
        fn forward_sum(&self) -> f64 {
            use tch::nn::Module;
            (**self).forward(&Tensor::ones([1, 3], (Kind::Float, Device::Cpu))).sum(Kind::Float).double_value(&[])
        }
    }

    #[test]
    fn two_losses_of_one_pass_have_gradients() {
        let net = Net::new(Device::Cpu, |p| p.ones("a", &[2]));
        let pass = net.square();
        let of = |t: Tensor| t.sum(Kind::Float);
        let parameters = || [net.parameters().collect()];
        let first = flat_gradients_of_first(&of(&pass * 3.0), &parameters()).remove(0);
        let second = flat_gradients(&of(&pass * 5.0), &parameters()).remove(0);
        assert_eq!((first.double_value(&[0]), second.double_value(&[1])), (6.0, 10.0));
    }

    #[test]
    fn parts_lie_next_to_each_other() {
        let net = Net::new(Device::Cpu, |p| {
            let (a, b) = (p / "a", p / "b");
            (a.ones("x", &[2]), b.ones("x", &[3]), b.ones("y", &[1]))
        });
        let (own, place) = net.part("b.");
        assert_eq!((own.len(), place), (2, (2, 4)));
        assert_eq!(net.part("a.").1, (0, 2));
    }

    #[test]
    fn unreached_parameters_have_zero_gradient() {
        let net = Net::new(Device::Cpu, |p| (p.ones("a", &[2]), p.ones("b", &[3])));
        let loss = (&net.0 * 3.0).sum(Kind::Float);
        let g = flat_gradients(&loss, &[net.parameters().collect()]);
        assert_eq!(Vec::<f32>::try_from(&g[0]).unwrap(), [3.0, 3.0, 0.0, 0.0, 0.0]);
    }
}
