//! Generators: an encoder to feature maps, a decoder that applies a style.

use super::blocks::{AdainResBlk, ConvBlk, ResBlk, Resample};
use super::default_width;
use super::light::{Halving, StyledBlock, StyledDoubling};
use crate::colours::Colours;
use crate::layers::{InstanceNorm, NormType, conv, lrelu};
use crate::light::{ResidualBlock, soften_blocks};
use crate::output::{Output, soften};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tch::{Tensor, nn};

/// Which generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorKind {
    /// The official multi-modal code's: two plain convolution blocks down and up, 4 + 4 bottleneck blocks.
    Official,
    /// Plain StarGAN v2's: residual blocks down to 16 × 16 at 256 (`log2(S) − 4` of them) and back up.
    StarganV2,
    /// For short runs: two halvings, 2 + 2 residual blocks with pixel norm, and doublings that the encoder's maps are added to,
    /// so that outlines reach the output past the blocks.
    Light,
}

/// Shape of a generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorConfig {
    /// Architecture.
    pub kind: GeneratorKind,
    /// Image side that the widths and depths are derived from; a power of two, at least 32.
    pub img_size: i64,
    /// Width after `from_rgb`; 2¹⁴/img_size as published (64 at 256).
    pub width: i64,
    /// Upper bound of the widths; 512 as published.
    pub max_width: i64,
    /// Length of a style; 64 as published.
    pub style_dim: i64,
    /// Instance norm before the last convolution, as published. It fixes the contrast of its channels over an image; narrow
    /// networks, which have no channel to spare for carrying the contrast around it, then draw droplets. The light generator
    /// never has it.
    pub output_norm: bool,
    /// How the image is made of the last convolution's output; `None` for that output itself, unbounded, as published.
    #[serde(default)]
    pub output: Option<Output>,
}

impl GeneratorConfig {
    /// The published widths for `img_size`.
    pub fn published(kind: GeneratorKind, img_size: i64, style_dim: i64) -> Self {
        Self {
            kind,
            img_size,
            width: default_width(img_size),
            max_width: 512,
            style_dim,
            output_norm: true,
            output: None,
        }
    }
}

#[derive(Debug)]
enum EncodeBlock {
    Conv(ConvBlk),
    Res(Box<ResBlk>),
    Halving(Box<Halving>),
    Plain(Box<ResidualBlock>),
}

#[derive(Debug)]
enum DecodeBlock {
    Conv(ConvBlk),
    Adain(Box<AdainResBlk>),
    Styled(Box<StyledBlock>),
    Doubling(Box<StyledDoubling>),
}

/// What the encoder made of a batch of images.
#[derive(Debug)]
pub struct Encoded {
    /// Input of the decoder, `[B, C, h, w]`.
    pub bottleneck: Tensor,
    /// Outputs of the tapped encoder blocks, in order.
    pub taps: Vec<Tensor>,
    /// The images, `[B, 3, H, W]`, which some outputs are made of.
    pub images: Tensor,
    /// Maps that the decoder's doublings take from the encoder, the smallest last; none but in the light generator.
    bridges: Vec<Tensor>,
}

impl Encoded {
    /// The same batch twice in a row, without taps.
    pub fn twice(&self) -> Self {
        let twice = |t: &Tensor| Tensor::cat(&[t, t], 0);
        Self {
            bottleneck: twice(&self.bottleneck),
            taps: vec![],
            images: twice(&self.images),
            bridges: self.bridges.iter().map(twice).collect(),
        }
    }
}

/// `G(x, s)`: the image `x` in style `s`. As published the output is unbounded (no tanh).
///
/// Keys `from_rgb.*`, `encode.{i}.*`, `decode.{i}.*`, `to_rgb.{0,2}.*`, and `colours.*` of a light generator
/// whose output changes them. Fully convolutional.
#[derive(Debug)]
pub struct Generator {
    from_rgb: nn::Conv2D,
    encode: Vec<EncodeBlock>,
    decode: Vec<DecodeBlock>,
    to_rgb_norm: Option<InstanceNorm>,
    to_rgb_conv: nn::Conv2D,
    /// Channels after each encoder block.
    widths: Vec<i64>,
    /// How much each encoder block's output is smaller than the image, as a power of two.
    shifts: Vec<u32>,
    output: Option<Output>,
    colours: Option<Colours>,
}

impl Generator {
    /// Builds the network's parameters under `path`.
    pub fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        let c0 = config.width;
        let wider = |c: i64| (2 * c).min(config.max_width);
        let (encode_path, decode_path) = (path / "encode", path / "decode");
        let (mut encode, mut decode, mut widths, mut shifts) = (vec![], vec![], vec![], vec![]);
        let style = config.style_dim;
        match config.kind {
            GeneratorKind::Official => {
                let (c1, c2) = (wider(c0), wider(wider(c0)));
                for (i, (cin, cout)) in [(c0, c1), (c1, c2)].into_iter().enumerate() {
                    let block = ConvBlk::new(&encode_path / i, cin, cout, true, Resample::Down);
                    encode.push(EncodeBlock::Conv(block));
                    widths.push(cout);
                    shifts.push(i as u32 + 1);
                }
                for i in 0..4 {
                    let block = ResBlk::new(&encode_path / (i + 2), c2, c2, true, false);
                    encode.push(EncodeBlock::Res(Box::new(block)));
                    widths.push(c2);
                    shifts.push(2);
                    let block = AdainResBlk::new(&decode_path / i, c2, c2, style, false);
                    decode.push(DecodeBlock::Adain(Box::new(block)));
                }
                for (i, (cin, cout)) in [(c2, c1), (c1, c0)].into_iter().enumerate() {
                    let block = ConvBlk::new(&decode_path / (i + 4), cin, cout, true, Resample::Up);
                    decode.push(DecodeBlock::Conv(block));
                }
            }
            GeneratorKind::StarganV2 => {
                let depth = config.img_size.ilog2() - 4;
                let mut channels = vec![c0];
                for i in 0..depth as usize {
                    let (cin, cout) = (channels[i], wider(channels[i]));
                    encode.push(EncodeBlock::Res(Box::new(ResBlk::new(&encode_path / i, cin, cout, true, true))));
                    channels.push(cout);
                    widths.push(cout);
                    shifts.push(i as u32 + 1);
                }
                let last = channels[depth as usize];
                for i in 0..2 {
                    let at = depth as usize + i;
                    let block = ResBlk::new(&encode_path / at, last, last, true, false);
                    encode.push(EncodeBlock::Res(Box::new(block)));
                    widths.push(last);
                    shifts.push(depth);
                    let block = AdainResBlk::new(&decode_path / i, last, last, style, false);
                    decode.push(DecodeBlock::Adain(Box::new(block)));
                }
                for i in 0..depth as usize {
                    let (cin, cout) = (channels[depth as usize - i], channels[depth as usize - i - 1]);
                    let block = AdainResBlk::new(&decode_path / (i + 2), cin, cout, style, true);
                    decode.push(DecodeBlock::Adain(Box::new(block)));
                }
            }
            GeneratorKind::Light => {
                let (c1, c2) = (wider(c0), wider(wider(c0)));
                for (i, (cin, cout)) in [(c0, c1), (c1, c2)].into_iter().enumerate() {
                    encode.push(EncodeBlock::Halving(Box::new(Halving::new(&(&encode_path / i), cin, cout))));
                    widths.push(cout);
                    shifts.push(i as u32 + 1);
                }
                for i in 0..2 {
                    encode.push(EncodeBlock::Plain(Box::new(ResidualBlock::new(
                        &(&encode_path / (i + 2)),
                        c2,
                        NormType::Pixel,
                    ))));
                    widths.push(c2);
                    shifts.push(2);
                    decode.push(DecodeBlock::Styled(Box::new(StyledBlock::new(&(&decode_path / i), c2, style))));
                }
                for (i, (cin, cout)) in [(c2, c1), (c1, c0)].into_iter().enumerate() {
                    let block = StyledDoubling::new(&(&decode_path / (i + 2)), cin, cout, style);
                    decode.push(DecodeBlock::Doubling(Box::new(block)));
                }
            }
        }
        let to_rgb = path / "to_rgb";
        Self {
            from_rgb: conv(path / "from_rgb", 3, c0, 3, 1, 1),
            encode,
            decode,
            to_rgb_norm: (config.output_norm && config.kind != GeneratorKind::Light)
                .then(|| InstanceNorm::new(&to_rgb / 0, c0)),
            to_rgb_conv: conv(&to_rgb / 2, c0, config.output.map_or(3, |output| output.channels(3)), 1, 1, 0),
            output: config.output,
            colours: config.output.and_then(|output| output.colours(path, *widths.last().expect("blocks"), 3)),
            widths,
            shifts,
        }
    }

    /// Makes fresh weights of a light generator's state dict start mildly: as [`LightGenerator::soften`](crate::light::LightGenerator::soften).
    pub fn soften(state: &BTreeMap<String, Tensor>) {
        soften_blocks(state);
        soften(state, "to_rgb.2");
    }

    /// Channels after each encoder block.
    pub fn encoder_widths(&self) -> &[i64] {
        &self.widths
    }

    /// Encoder blocks whose output is `1/factor` of the image's side. The official code taps those with factor 4
    /// (written there as "height is exactly 64", at 256 × 256): `encode.1` to `encode.5`.
    pub fn blocks_at(&self, factor: i64) -> Vec<usize> {
        (0..self.shifts.len()).filter(|&i| 1 << self.shifts[i] == factor).collect()
    }

    /// Encodes images `[B, 3, H, W]` and keeps the outputs of the blocks in `taps` (ascending).
    pub fn encode(&self, x: &Tensor, taps: &[usize]) -> Encoded {
        let mut h = x.apply(&self.from_rgb);
        let mut kept = Vec::with_capacity(taps.len());
        let mut bridges = vec![];
        for (i, block) in self.encode.iter().enumerate() {
            h = match block {
                EncodeBlock::Halving(b) => {
                    let halved = b.forward(&h);
                    bridges.push(h);
                    halved
                }
                EncodeBlock::Plain(b) => b.forward(&h, true),
                EncodeBlock::Conv(b) => b.forward(&h),
                EncodeBlock::Res(b) => b.forward(&h),
            };
            if taps.contains(&i) {
                kept.push(h.shallow_clone());
            }
        }
        Encoded { bottleneck: h, taps: kept, images: x.shallow_clone(), bridges }
    }

    /// Decodes what [`Generator::encode`] gave in styles `[B, style_dim]` to images `[B, 3, H, W]`.
    pub fn decode(&self, encoded: &Encoded, style: &Tensor) -> Tensor {
        let mut h = encoded.bottleneck.shallow_clone();
        let mut bridges = encoded.bridges.iter().rev();
        let mut recoloured = None;
        for block in &self.decode {
            // In the light generator, those at a quarter of the side come before the doublings.
            if let (DecodeBlock::Doubling(_), Some(colours), None) = (block, &self.colours, &recoloured) {
                recoloured = Some(colours.recolour(&lrelu(&h), &encoded.images));
            }
            h = match block {
                DecodeBlock::Styled(b) => b.forward(&h, style),
                DecodeBlock::Doubling(b) => b.forward(&h, bridges.next().expect("a bridge for each doubling"), style),
                DecodeBlock::Conv(b) => b.forward(&h),
                DecodeBlock::Adain(b) => b.forward(&h, style),
            };
        }
        if let Some(norm) = &self.to_rgb_norm {
            h = norm.forward(&h);
        }
        let o = lrelu(&h).apply(&self.to_rgb_conv);
        match self.output {
            Some(output) => output.apply(&o, recoloured.as_ref().unwrap_or(&encoded.images)),
            None => o,
        }
    }

    /// `G(x, s)`.
    pub fn forward(&self, x: &Tensor, style: &Tensor) -> Tensor {
        self.decode(&self.encode(x, &[]), style)
    }
}
