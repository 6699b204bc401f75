//! A network together with its optimiser.

use crate::checkpoint::StateDict;
use crate::{Adam, AdamConfig, Net, flat_gradients};
use std::fmt;
use std::ops::Deref;
use tch::{Kind, Tensor};

/// Sees the flat gradient before a step.
pub type GradientProbe = Box<dyn FnMut(&Tensor)>;

/// A network and the Adam that trains it.
pub struct Trained<T> {
    /// The network.
    pub net: Net<T>,
    /// Its optimiser.
    pub adam: Adam,
    /// Sees each gradient, where set.
    pub probe: Option<GradientProbe>,
}

impl<T> Trained<T> {
    /// A network with a fresh optimiser.
    pub fn new(net: Net<T>, config: AdamConfig) -> Self {
        let adam = Adam::new(config, &net);
        Self { net, adam, probe: None }
    }

    /// Converts the network to another kind and resets its optimiser, for reference computations in double precision.
    pub fn convert(&mut self, kind: Kind) {
        self.net.convert(kind);
        self.adam = Adam::new(self.adam.config, &self.net);
    }

    /// The parameters, in the order of the flat gradient.
    pub fn parameters(&self) -> Vec<&Tensor> {
        self.net.parameters().collect()
    }

    /// One step with a flat gradient.
    pub fn step(&mut self, gradient: Tensor) {
        if let Some(probe) = &mut self.probe {
            probe(&gradient);
        }
        self.adam.step(&self.net, gradient);
    }

    /// One step down `loss`.
    pub fn backward_step(&mut self, loss: &Tensor) {
        let gradient = flat_gradients(loss, &[self.parameters()]).remove(0);
        self.step(gradient);
    }
}

impl<T> Deref for Trained<T> {
    type Target = Net<T>;
    fn deref(&self) -> &Net<T> {
        &self.net
    }
}

impl<T> fmt::Debug for Trained<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trained({} numbers, {} steps)", self.net.numel(), self.adam.steps())
    }
}

/// An optimiser of a part of a network: of the parameters under a prefix.
///
/// It is to be used with that network alone; [`TrainedPart::reset`] belongs after the network was converted to another kind.
pub struct TrainedPart {
    prefix: String,
    place: (i64, i64),
    /// The optimiser.
    pub adam: Adam,
    /// Sees each gradient, where set.
    pub probe: Option<GradientProbe>,
}

impl TrainedPart {
    /// A fresh optimiser of the parameters of `net` whose keys begin with `prefix`.
    pub fn new<T>(net: &Net<T>, prefix: &str, config: AdamConfig) -> Self {
        let place = net.part(prefix).1;
        let adam = Adam::over(config, &net.flat().narrow(0, place.0, place.1));
        Self { prefix: prefix.to_owned(), place, adam, probe: None }
    }

    /// Starts over, for a network that was converted to another kind.
    pub fn reset<T>(&mut self, net: &Net<T>) {
        *self = Self { probe: self.probe.take(), ..Self::new(net, &self.prefix, self.adam.config) };
    }

    /// Its parameters, in the order of its flat gradient.
    pub fn parameters<'a, T>(&self, net: &'a Net<T>) -> Vec<&'a Tensor> {
        net.part(&self.prefix).0
    }

    /// Number of its parameters' numbers.
    pub fn numel(&self) -> i64 {
        self.place.1
    }

    /// The state dict of its part, under keys without the prefix.
    pub fn state<T>(&self, net: &Net<T>) -> StateDict {
        let own = |(key, tensor): (String, Tensor)| Some((key.strip_prefix(&self.prefix)?.to_owned(), tensor));
        net.state().into_iter().filter_map(own).collect()
    }

    /// One step with a flat gradient.
    pub fn step<T>(&mut self, net: &Net<T>, gradient: Tensor) {
        if let Some(probe) = &mut self.probe {
            probe(&gradient);
        }
        self.adam.step_flat(&net.flat().narrow(0, self.place.0, self.place.1), gradient);
    }
}

impl fmt::Debug for TrainedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrainedPart({}, {} numbers, {} steps)", self.prefix, self.numel(), self.adam.steps())
    }
}

/// One step of two networks down the same `loss`, whose graph is walked once.
pub fn backward_step_both<A, B>(loss: &Tensor, first: &mut Trained<A>, second: &mut Trained<B>) {
    let mut gradients = flat_gradients(loss, &[first.parameters(), second.parameters()]);
    second.step(gradients.remove(1));
    first.step(gradients.remove(0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn both_go_down_the_common_loss() {
        let config = AdamConfig { lr: 0.1, beta1: 0.5, beta2: 0.9, eps: 1e-8, weight_decay: 0.0 };
        let one = || Trained::new(Net::new(Device::Cpu, |p| p.ones("w", &[2])), config);
        let (mut a, mut b) = (one(), one());
        backward_step_both(&(&**a * 2.0 - &**b).sum(Kind::Float), &mut a, &mut b);
        assert!((a.flat() - 0.9).abs().max().double_value(&[]) < 1e-6);
        assert!((b.flat() - 1.1).abs().max().double_value(&[]) < 1e-6);
        a.backward_step(&(&**a * -1.0).sum(Kind::Float));
        assert_eq!((a.adam.steps(), b.adam.steps()), (2, 1));
    }
}
