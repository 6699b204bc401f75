//! A published `nn.Sequential`: modules in a row, numbered from 0, whose parameters carry their number in the key.

mod macs;
mod slices;

use crate::doubling::Doubling;
use crate::generator::run;
use crate::layers::{Downsample, Norm, NormType, PadType, SpectralConv, Upsample, instance_norm, lrelu, winograd};
use tch::{Tensor, nn};

/// (channels, height, width) of an image or a feature map.
pub(crate) type Shape = (i64, i64, i64);

/// How a pass computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Dropout drops, batch norm uses the batch's statistics.
    pub training: bool,
    /// Every operation as published: convolutions by their definition, instance norm by its own kernel.
    pub published: bool,
    /// Instance norm as group norm, unless all is as published: the same numbers up to rounding, in a sixth of the time.
    pub group_norm: bool,
    /// Gradients of residual blocks as PyTorch's CPU build makes them, see [`misread`].
    pub misread: bool,
}

impl Default for Mode {
    /// As networks start.
    fn default() -> Self {
        Self { training: true, published: false, group_norm: false, misread: false }
    }
}

/// One module. Modules without parameters count in the numbering too.
#[derive(Debug)]
pub(crate) enum Module {
    /// Mirrored border of this many pixels.
    ReflectPad(i64),
    /// Convolution, zero padding.
    Conv { weight: Tensor, bias: Option<Tensor>, stride: i64, padding: i64 },
    /// Convolution by a weight of spectral norm 1.
    Spectral(SpectralConv),
    /// Transposed 3×3 convolution that doubles the sides.
    ConvDouble { weight: Tensor, bias: Option<Tensor>, doubling: Doubling },
    /// Separable convolution, no padding: one 3×3 kernel per channel, a norm without parameters, and a 1×1 convolution; (weight,
    /// bias) each.
    Separable { depth: (Tensor, Tensor), norm: Norm, point: (Tensor, Tensor) },
    /// Normalisation.
    Norm(Norm),
    /// Rectifier, in place: what was recorded of the module before it shows it.
    Relu,
    /// Leaky rectifier of slope 0.2.
    LeakyRelu,
    /// Half of all elements, doubled; only in training.
    Dropout,
    /// Nothing, but it has a number.
    Identity,
    /// Blur and halve.
    Down(Downsample),
    /// Double and blur.
    Up(Upsample),
    /// `x + B(x)`.
    Residual(Sequential),
    /// Hyperbolic tangent.
    Tanh,
}

impl Module {
    fn forward(&self, x: Tensor, mode: Mode) -> Tensor {
        match self {
            Self::ReflectPad(p) => x.reflection_pad2d([*p; 4]),
            Self::Conv { weight, bias, stride: 1, padding: 0 } if !mode.published && winograd::suits(&x, weight) => {
                winograd::conv3x3(&x, weight, bias.as_ref())
            }
            Self::Conv { weight, bias, stride, padding } => {
                x.conv2d(weight, bias.as_ref(), [*stride; 2], [*padding; 2], [1, 1], 1)
            }
            Self::Spectral(conv) => conv.forward(&x),
            Self::ConvDouble { weight, bias, doubling } => doubling.apply(&x, weight, bias.as_ref()),
            Self::Separable { depth, norm, point } => {
                let (weight, bias) = depth;
                let h = x.conv2d(weight, Some(bias), [1], [0], [1], weight.size()[0]);
                let (weight, bias) = point;
                normalise(norm, &h, mode).conv2d(weight, Some(bias), [1], [0], [1], 1)
            }
            Self::Norm(norm) => normalise(norm, &x, mode),
            Self::Relu => x.shallow_clone().relu_(),
            Self::LeakyRelu => lrelu(&x),
            Self::Dropout => x.dropout(0.5, mode.training),
            Self::Identity => x,
            Self::Down(down) => down.forward(&x),
            Self::Up(up) => up.forward(&x),
            Self::Residual(block) if mode.misread => misread(&block.forward(&x, mode)) + &x,
            Self::Residual(block) => block.forward(&x, mode).g_add_(&x),
            Self::Tanh => x.tanh(),
        }
    }

    /// Shape after the module, or `None` where the map is too small for it.
    fn shape(&self, (channels, height, width): Shape) -> Option<Shape> {
        let sides = |c, side: &dyn Fn(i64) -> Option<i64>| Some((c, side(height)?, side(width)?));
        match self {
            Self::ReflectPad(p) => sides(channels, &|n| (n > *p).then_some(n + 2 * p)),
            Self::Conv { weight, stride, padding, .. } => {
                let size = weight.size();
                sides(size[0], &|n| {
                    let room = n + 2 * padding - size[2];
                    (room >= 0).then_some(room / stride + 1)
                })
            }
            Self::Spectral(conv) => sides(conv.weight().size()[0], &|n| conv.side(n)),
            Self::ConvDouble { weight, .. } => sides(weight.size()[1], &|n| Some(2 * n)),
            // Instance norm needs more than one position.
            Self::Separable { point, .. } => {
                let (h, w) = (height - 2, width - 2);
                (h > 0 && w > 0 && h * w > 1).then_some((point.0.size()[0], h, w))
            }
            Self::Down(_) => sides(channels, &|n| (n > 1).then_some((n + 1) / 2)),
            Self::Up(_) => sides(channels, &|n| Some(2 * n)),
            Self::Residual(block) => block.shape((channels, height, width)),
            // The norm of a single position is 0 whatever the input.
            Self::Norm(Norm::Instance | Norm::InstanceAffine(_)) => {
                (height * width > 1).then_some((channels, height, width))
            }
            Self::Norm(_) | Self::Relu | Self::LeakyRelu | Self::Dropout | Self::Identity | Self::Tanh => {
                Some((channels, height, width))
            }
        }
    }

    /// Whether the output shares memory with the input, so that the input's recorded value changes.
    fn in_place(&self) -> bool {
        matches!(self, Self::Relu | Self::Identity | Self::Norm(Norm::None))
    }
}

fn normalise(norm: &Norm, x: &Tensor, mode: Mode) -> Tensor {
    match norm {
        Norm::Instance if mode.group_norm && !mode.published => instance_norm(x),
        norm => norm.forward(x, mode.training),
    }
}

/// `x`, whose gradient `[B, C, H, W]` is written with channels last and read as if they came first, image by image.
///
/// That is what happens in the published code on a CPU: patches are picked from maps with channels last, so the gradient
/// that reaches the norm at the end of a residual block lies in that order, and PyTorch's backward pass of instance norm
/// for a single image takes it for the usual one. The result is not the derivative of the loss (finite differences
/// tell), but it is in the reference numbers.
fn misread(x: &Tensor) -> Tensor {
    let size = x.size();
    let reordered = x.view([size[0], size[2], size[3], size[1]]).permute([0, 3, 1, 2]);
    x.detach() + &reordered - reordered.detach()
}

/// Modules in a row.
#[derive(Debug, Default)]
pub(crate) struct Sequential {
    modules: Vec<Module>,
}

impl Sequential {
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    pub fn push(&mut self, module: Module) {
        self.modules.push(module);
    }

    /// A convolution `{len}.weight` `[cout, cin, k, k]`, with `{len}.bias` on request.
    pub fn conv(&mut self, path: &nn::Path, (cin, cout): (i64, i64), geometry: (i64, i64, i64), bias: bool) {
        let (kernel, stride, padding) = geometry;
        let config = nn::ConvConfig { bias, ..Default::default() };
        let nn::Conv2D { ws: weight, bs: bias, .. } = nn::conv2d(path / self.len(), cin, cout, kernel, config);
        self.push(Module::Conv { weight, bias, stride, padding });
    }

    /// A convolution by a weight of spectral norm 1: `{len}.weight` `[cout, cin, k, k]`, `{len}.bias`, buffer `{len}.u`.
    pub fn spectral(&mut self, path: &nn::Path, channels: (i64, i64), geometry: (i64, i64, i64)) {
        let conv = SpectralConv::new(&(path / self.len()), channels, geometry);
        self.push(Module::Spectral(conv));
    }

    /// All convolutions by weights of spectral norm 1.
    pub fn spectral_convs(&self) -> impl Iterator<Item = &SpectralConv> {
        self.modules.iter().filter_map(|module| match module {
            Module::Spectral(conv) => Some(conv),
            _ => None,
        })
    }

    /// A transposed convolution `{len}.weight` `[cin, cout, 3, 3]`, with `{len}.bias` on request.
    pub fn conv_double(&mut self, path: &nn::Path, (cin, cout): (i64, i64), bias: bool, doubling: Doubling) {
        let config = nn::ConvTransposeConfig { bias, ..Default::default() };
        let nn::ConvTranspose2D { ws: weight, bs: bias, .. } =
            nn::conv_transpose2d(path / self.len(), cin, cout, 3, config);
        self.push(Module::ConvDouble { weight, bias, doubling });
    }

    /// A separable convolution `{len}.conv.0.weight` `[cin, 1, 3, 3]` and `{len}.conv.2.weight` `[cout, cin, 1, 1]`, always with
    /// biases, in a network of this norm.
    pub fn separable(&mut self, path: &nn::Path, (cin, cout): (i64, i64), kind: NormType) {
        let path = &(path / self.len() / "conv");
        let new = |index: i64, cin, cout, kernel, groups| {
            let config = nn::ConvConfig { groups, ..Default::default() };
            let nn::Conv2D { ws, bs, .. } = nn::conv2d(path / index, cin, cout, kernel, config);
            (ws, bs.expect("convolutions have a bias by default"))
        };
        let (depth, point) = (new(0, cin, cin, 3, cin), new(2, cin, cout, 1, 1));
        self.push(Module::Separable { depth, norm: kind.inside_separable(), point });
    }

    pub fn norm(&mut self, path: &nn::Path, channels: i64, kind: NormType) {
        let norm = Norm::new(&(path / self.len()), channels, kind);
        self.push(Module::Norm(norm));
    }

    /// Blur (3 taps, mirrored border) and halve; buffer `{len}.filt`.
    pub fn down(&mut self, path: &nn::Path, channels: i64) {
        let down = Downsample::new(&(path / self.len()), channels, 3, PadType::Reflect);
        self.push(Module::Down(down));
    }

    /// Double and blur (4 taps, repeated border); buffer `{len}.filt`.
    pub fn up(&mut self, path: &nn::Path, channels: i64) {
        let up = Upsample::new(&(path / self.len()), channels, 4, PadType::Replicate);
        self.push(Module::Up(up));
    }

    pub fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        self.modules.iter().fold(x.shallow_clone(), |h, module| module.forward(h, mode))
    }

    /// The output and the recorded outputs of the modules at `taps`.
    pub fn forward_tapped(&self, x: &Tensor, taps: &[usize], mode: Mode) -> (Tensor, Vec<Tensor>) {
        run(x, self.len(), taps, |index, h| self.modules[index].forward(h, mode))
    }

    /// The recorded outputs alone. The pass ends after the last tap, but for the modules that still change it in place.
    pub fn encode(&self, x: &Tensor, taps: &[usize], mode: Mode) -> Vec<Tensor> {
        let after = taps.iter().max().map_or(0, |last| last + 1);
        let end = after + self.modules[after..].iter().take_while(|m| after > 0 && m.in_place()).count();
        run(x, end, taps, |index, h| self.modules[index].forward(h, mode)).1
    }

    /// Shape after each module, or `None` where a map on the way is too small.
    pub fn shapes(&self, image: Shape) -> Option<Vec<Shape>> {
        self.modules
            .iter()
            .scan(Some(image), |shape, module| {
                *shape = shape.and_then(|s| module.shape(s));
                Some(*shape)
            })
            .collect()
    }

    /// Shape after the last module.
    pub fn shape(&self, image: Shape) -> Option<Shape> {
        self.modules.iter().try_fold(image, |shape, module| module.shape(shape))
    }
}
