//! The parts of a transformer, and how they come from a state dict.

use super::{Arch, EPS, Family, Vit};
use crate::MetricsError;
use crate::networks::loader::Loader;
use semrel_nn::checkpoint::StateDict;
use tch::{Device, Tensor};

#[derive(Debug)]
pub(super) struct Linear {
    pub weight: Tensor,
    pub bias: Tensor,
}

impl Linear {
    fn new(loader: &mut Loader, key: &str, weight: &[i64]) -> Self {
        let [weight, bias] = [("weight", weight), ("bias", &weight[..1])].map(|(name, size)| {
            let tensor = loader.tensor(&format!("{key}.{name}"), size);
            loader.finished(&tensor)
        });
        Self { weight, bias }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}

#[derive(Debug)]
pub(super) struct Norm(Linear);

impl Norm {
    fn new(loader: &mut Loader, key: &str, width: i64) -> Self {
        Self(Linear::new(loader, key, &[width]))
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.layer_norm(self.0.weight.size(), Some(&self.0.weight), Some(&self.0.bias), EPS, false)
    }
}

#[derive(Debug)]
pub(super) struct Block {
    norm1: Norm,
    qkv: Linear,
    proj: Linear,
    scale1: Option<Tensor>,
    norm2: Norm,
    fc1: Linear,
    fc2: Linear,
    scale2: Option<Tensor>,
}

impl Block {
    fn new(loader: &mut Loader, i: usize, arch: Arch) -> Self {
        let d = arch.width;
        let key = |part: &str| format!("blocks.{i}.{part}");
        let scale = |loader: &mut Loader, name: &str| {
            matches!(arch.family, Family::DinoV2 { .. }).then(|| {
                let gamma = loader.tensor(&key(&format!("{name}.gamma")), &[d]);
                loader.finished(&gamma)
            })
        };
        Self {
            norm1: Norm::new(loader, &key("norm1"), d),
            qkv: Linear::new(loader, &key("attn.qkv"), &[3 * d, d]),
            proj: Linear::new(loader, &key("attn.proj"), &[d, d]),
            scale1: scale(loader, "ls1"),
            norm2: Norm::new(loader, &key("norm2"), d),
            fc1: Linear::new(loader, &key("mlp.fc1"), &[4 * d, d]),
            fc2: Linear::new(loader, &key("mlp.fc2"), &[d, 4 * d]),
            scale2: scale(loader, "ls2"),
        }
    }

    /// Output of the block [N, T, D], and its keys [N, h, T, D/h].
    pub fn forward(&self, x: &Tensor, heads: i64) -> (Tensor, Tensor) {
        let scaled = |x: Tensor, scale: &Option<Tensor>| match scale {
            Some(scale) => x * scale,
            None => x,
        };
        let [count, tokens, width] = x.size()[..] else { unreachable!("tokens have three dimensions") };
        let qkv = self.qkv.forward(&self.norm1.forward(x)).view([count, tokens, 3, heads, width / heads]);
        let of = |part: i64| qkv.select(2, part).transpose(1, 2);
        let (queries, keys, values) = (of(0), of(1), of(2));
        let attended =
            Tensor::scaled_dot_product_attention(&queries, &keys, &values, None::<Tensor>, 0.0, false, None, false);
        let attended = attended.transpose(1, 2).reshape([count, tokens, width]);
        let x = x + scaled(self.proj.forward(&attended), &self.scale1);
        let hidden = self.fc1.forward(&self.norm2.forward(&x)).gelu("none");
        let out = &x + scaled(self.fc2.forward(&hidden), &self.scale2);
        (out, keys)
    }
}

pub(super) fn build(arch: Arch, loader: &mut Loader, device: Device) -> Vit {
    let d = arch.width;
    let token = |loader: &mut Loader, key: &str, count: i64| {
        let tensor = loader.tensor(key, &[1, count, d]);
        loader.finished(&tensor)
    };
    Vit {
        arch,
        patches: Linear::new(loader, "patch_embed.proj", &[d, 3, arch.patch, arch.patch]),
        class: token(loader, "cls_token", 1),
        position: token(loader, "pos_embed", 1 + arch.grid * arch.grid),
        registers: match arch.registers() {
            0 => None,
            count => Some(token(loader, "register_tokens", count)),
        },
        blocks: (0..arch.blocks).map(|i| Block::new(loader, i, arch)).collect(),
        norm: Norm::new(loader, "norm", d),
        device,
    }
}

pub(super) fn load(arch: Arch, state: &StateDict, device: Device) -> Result<Vit, MetricsError> {
    let Arch { patch, width, heads, blocks, grid, .. } = arch;
    if patch < 1 || width < 1 || heads < 1 || width % heads != 0 || blocks == 0 || grid < 1 || arch.registers() < 0 {
        return Err(MetricsError::Setting(format!(
            "{arch:?}; expected positive numbers, and heads that divide the width"
        )));
    }
    let _guard = tch::no_grad_guard();
    let mut loader = Loader::new(state, device);
    let network = build(arch, &mut loader, device);
    loader.finish()?;
    Ok(network)
}
