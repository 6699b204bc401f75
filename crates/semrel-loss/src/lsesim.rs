//! The spatially-correlative loss of F-LSeSim (fixed features) and LSeSim (learned heads), Zheng et al., CVPR 2021.
//!
//! A *similarity map* holds the similarity of one query position to the positions of a window around it. The loss asks that
//! the maps of input and output agree. It works on given feature maps (of VGG-16, in the original).

use crate::LossError;
use crate::check::{self, alike, rank, same_shape};
use crate::error::positive;
use crate::settings::setters;
use tch::nn::{self, Module};
use tch::{Kind, Reduction, Tensor};

/// How two similarity maps are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(rename_all = "lowercase"))]
pub enum MapDistance {
    /// One minus the cosine of the two maps.
    #[default]
    Cos,
    /// Difference of the maps, entry by entry.
    L1,
}

/// Settings of the loss; the defaults are the published ones.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(deny_unknown_fields, default))]
#[non_exhaustive]
pub struct LSeSimConfig {
    /// Comparison of the maps.
    pub loss_mode: MapDistance,
    /// Features L2-normalised over channels, so similarities are cosines; otherwise `tanh(f·f'/(10√C·√C))`.
    pub use_norm: bool,
    /// Side of the window of keys; a map that is not larger than it in both directions is used whole.
    pub patch_size: i64,
    /// Temperature of the contrastive loss that trains the heads.
    pub temperature: f64,
    /// Decodes a position by the map's **height**, as the published code does. The same for square maps.
    pub decode_by_height: bool,
}

impl Default for LSeSimConfig {
    fn default() -> Self {
        Self { loss_mode: MapDistance::Cos, use_norm: true, patch_size: 64, temperature: 0.07, decode_by_height: false }
    }
}

impl LSeSimConfig {
    setters! {
        with_loss_mode(loss_mode: MapDistance),
        with_use_norm(use_norm: bool),
        with_patch_size(patch_size: i64),
        with_temperature(temperature: f64),
        with_decode_by_height(decode_by_height: bool),
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`LossError::Setting`] names the setting that is out of range.
    pub fn validate(&self) -> Result<(), LossError> {
        positive("patch_size", self.patch_size as f64)?;
        positive("temperature", self.temperature)
    }
}

/// The learned heads: per layer a 1 × 1 convolution C → max(32, ⌊C/4⌋), ReLU, a 1 × 1 convolution of that width.
/// Keys `conv_{layer}.{0,2}.{weight,bias}`, `layer` the rank in the list of layers.
#[derive(Debug)]
pub struct LSeSimHeads {
    layers: Vec<(nn::Conv2D, nn::Conv2D)>,
}

impl LSeSimHeads {
    /// Heads under `path`; weights N(0, 0.02²), biases 0.
    pub fn new(path: &nn::Path, channels: &[i64]) -> Self {
        let config = nn::ConvConfig {
            ws_init: nn::Init::Randn { mean: 0.0, stdev: 0.02 },
            bs_init: nn::Init::Const(0.0),
            ..Default::default()
        };
        let head = |(layer, &c): (usize, &i64)| {
            let (path, width) = (path / format!("conv_{layer}"), (c / 4).max(32));
            (nn::conv2d(&path / "0", c, width, 1, config), nn::conv2d(&path / "2", width, width, 1, config))
        };
        Self { layers: channels.iter().enumerate().map(head).collect() }
    }

    /// Applies the heads to a list of feature maps, one per layer.
    ///
    /// # Derivatives
    /// Of every order, with respect to maps and weights.
    ///
    /// # Errors
    /// [`LossError::Taps`], [`LossError::FeatureMap`] where the maps do not fit the heads; [`LossError::ElementType`],
    /// [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`].
    pub fn forward(&self, features: &[Tensor]) -> Result<Vec<Tensor>, LossError> {
        if features.len() != self.layers.len() {
            return Err(LossError::Taps { what: "heads", found: self.layers.len(), expected: features.len() });
        }
        let apply = |(tap, (map, (first, second))): (usize, (&Tensor, &(nn::Conv2D, nn::Conv2D)))| {
            alike([("weights of the heads", &first.ws), ("feature maps", map)])?;
            let channels = first.ws.size()[1];
            match map.size()[..] {
                [_, c, _, _] if c == channels => Ok(second.forward(&first.forward(map).relu())),
                _ => Err(not_a_map(tap, map, format!("[batch, {channels}, height, width]"))),
            }
        };
        features.iter().zip(&self.layers).enumerate().map(apply).collect()
    }
}

/// Similarity maps of one layer: `features` `[B, C, H, W]` (after the head, if any), `positions` `[K]` (row-major) → `[B, K, N]`.
///
/// The spatial mean of each channel is subtracted first. N = patch_size² keys in row-major order: a window centred at the
/// query and shifted to stay inside the map, or all H·W positions.
///
/// # Derivatives
/// Of every order with respect to the features; at features of zeros, where the norm has a kink, the first one is finite.
///
/// # Errors
/// [`LossError::FeatureMap`] where `features` has not four dimensions, [`LossError::Setting`]; [`LossError::ElementType`],
/// [`LossError::Empty`]; [`LossError::Positions`], [`LossError::Shape`], [`LossError::Devices`] and, on the CPU,
/// [`LossError::Position`] where `positions` are not indices of the map.
pub fn similarity_maps(features: &Tensor, positions: &Tensor, config: &LSeSimConfig) -> Result<Tensor, LossError> {
    config.validate()?;
    check::floats(("feature maps", features))?;
    let (_, channels, height, width) =
        features.size4().map_err(|_| not_a_map(0, features, "[batch, channels, height, width]".to_owned()))?;
    check::positions(positions, height * width, features.device())?;
    let centred = features - features.mean_dim([2i64, 3].as_slice(), true, None::<Kind>);
    let scaled = if config.use_norm { unit(&centred, 1) } else { centred / (channels as f64).sqrt() };
    let keys = scaled.flatten(2, 3);
    let queries = keys.index_select(2, positions).transpose(1, 2);
    // All similarities of a query cost one row of a matrix product; copying a window of C channels for each would cost more.
    let all = queries.bmm(&keys);
    let similarity = if config.patch_size < height && config.patch_size < width {
        let index = window(positions, height, width, config);
        all.gather(2, &index.unsqueeze(0).expand([all.size()[0], -1, -1], false), false)
    } else {
        all
    };
    Ok(if config.use_norm { similarity } else { (similarity / 10.0).tanh() })
}

/// Row-major indices `[K, patch_size²]` of the window of each position.
fn window(positions: &Tensor, height: i64, width: i64, config: &LSeSimConfig) -> Tensor {
    let side = config.patch_size;
    let divisor = if config.decode_by_height { height } else { width };
    let start = |at: Tensor, size: i64| (at - side / 2).clamp(0, size - side).view([-1, 1, 1]);
    let row = start(positions.divide_scalar_mode(divisor, "floor"), height);
    let column = start(positions.remainder(divisor), width);
    let offsets = Tensor::arange(side, (Kind::Int64, positions.device()));
    let index = (row + offsets.view([1, -1, 1])) * width + (column + offsets.view([1, 1, -1]));
    index.flatten(1, 2)
}

/// Distance of two lists of similarity maps `[B, K, N]`, N at least 1; a scalar with gradient to both.
///
/// Entries whose **target** similarity is below the value of rank ⌊N/4⌋ (from 0, descending) of their map are set to zero
/// in both. Then, with `d` the mean absolute difference (smooth L1, β = 1, without `use_norm`): `cos` gives `d` between the
/// cosine of each pair of maps and 1; `l1` gives `d` between the maps times N/⌊N/4⌋.
///
/// # Derivatives
/// Of every order with respect to both, but at the kinks of the absolute value and at maps of zeros.
///
/// # Errors
/// [`LossError::Shape`] where they are not `[B, K, N]` or differ; [`LossError::ElementType`],
/// [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`].
pub fn map_distance(source: &Tensor, target: &Tensor, config: &LSeSimConfig) -> Result<Tensor, LossError> {
    of_maps([("source maps", source), ("target maps", target)])?;
    Ok(distance(source, target, config))
}

/// Fails unless all are lists of similarity maps of the same shape.
fn of_maps<const COUNT: usize>(maps: [check::Named<'_>; COUNT]) -> Result<(), LossError> {
    alike(maps)?;
    rank(maps[0], 3, "[batch, queries, keys]")?;
    maps.iter().try_for_each(|map| same_shape(*map, maps[0]))
}

fn distance(source: &Tensor, target: &Tensor, config: &LSeSimConfig) -> Tensor {
    let keys = target.size()[2];
    let kept = keys / 4;
    let (threshold, _) = target.detach().kthvalue(keys - kept, -1, true);
    let mask = target.detach().ge_tensor(&threshold).to_kind(target.kind());
    let (source, target) = (source * &mask, target * &mask);
    let criterion = |a: &Tensor, b: &Tensor| match config.use_norm {
        true => a.l1_loss(b, Reduction::Mean),
        false => a.smooth_l1_loss(b, Reduction::Mean, 1.0),
    };
    match config.loss_mode {
        MapDistance::Cos => {
            let cosine = Tensor::cosine_similarity(&source, &target, -1, 1e-8);
            criterion(&cosine, &cosine.ones_like())
        }
        MapDistance::L1 => {
            let scale = keys as f64 / kept.max(1) as f64;
            criterion(&(source * scale), &(target * scale))
        }
    }
}

/// Contrastive loss of similarity maps `[B, K, N]`, which trains the heads.
///
/// Rows are L2-normalised. Logits of a query: `[source·targetᵀ, source·otherᵀ, target·otherᵀ]/temperature`, 3K of them; the
/// positive is its own place in the first block. Cross-entropy averaged over images and queries.
///
/// # Derivatives
/// Of every order with respect to all; at maps of zeros, where the norm has a kink, the first one is finite.
///
/// # Errors
/// As [`map_distance`]; [`LossError::Setting`] where the temperature is not positive.
pub fn map_contrast(source: &Tensor, target: &Tensor, other: &Tensor, temperature: f64) -> Result<Tensor, LossError> {
    positive("temperature", temperature)?;
    of_maps([("source maps", source), ("target maps", target), ("other maps", other)])?;
    Ok(contrast(source, target, other, temperature))
}

fn contrast(source: &Tensor, target: &Tensor, other: &Tensor, temperature: f64) -> Tensor {
    let [source, target, other] = [source, target, other].map(|map| unit(map, -1));
    let to_source = source.bmm(&Tensor::cat(&[&target, &other], 1).transpose(1, 2));
    let to_target = target.bmm(&other.transpose(1, 2));
    let logits = Tensor::cat(&[to_source, to_target], 2) / temperature;
    (logits.logsumexp([-1], false) - logits.diagonal(0, 1, 2)).mean(None::<Kind>)
}

/// Mean over layers of [`map_distance`] between `source` and `target`, one feature map and one vector of positions per layer.
/// The published weight of this loss is 10. `heads` makes it the learned variant.
///
/// # Derivatives
/// Of every order, as [`similarity_maps`] and [`map_distance`] have them.
///
/// # Errors
/// [`LossError::NoTaps`], [`LossError::Taps`], and those of [`similarity_maps`], [`map_distance`] and
/// [`LSeSimHeads::forward`].
pub fn spatially_correlative(
    source: &[Tensor],
    target: &[Tensor],
    positions: &[Tensor],
    heads: Option<&LSeSimHeads>,
    config: &LSeSimConfig,
) -> Result<Tensor, LossError> {
    let [source, target] = layers_of([source, target], positions, heads, config)?;
    layer_mean(source.iter().zip(&target).map(|(s, t)| map_distance(s, t, config)).collect::<Result<Vec<_>, _>>()?)
}

/// Mean over layers of [`map_contrast`]; `other` are the features of another image, at the same queries and windows.
///
/// # Derivatives
/// Of every order, as [`similarity_maps`] and [`map_contrast`] have them.
///
/// # Errors
/// As [`spatially_correlative`].
pub fn spatially_correlative_contrast(
    source: &[Tensor],
    target: &[Tensor],
    other: &[Tensor],
    positions: &[Tensor],
    heads: Option<&LSeSimHeads>,
    config: &LSeSimConfig,
) -> Result<Tensor, LossError> {
    let [source, target, other] = layers_of([source, target, other], positions, heads, config)?;
    let layers = source.iter().zip(&target).zip(&other);
    layer_mean(layers.map(|((s, t), o)| map_contrast(s, t, o, config.temperature)).collect::<Result<Vec<_>, _>>()?)
}

/// Similarity maps of each image's layers. The images' feature maps must agree in shape.
fn layers_of<const IMAGES: usize>(
    images: [&[Tensor]; IMAGES],
    positions: &[Tensor],
    heads: Option<&LSeSimHeads>,
    config: &LSeSimConfig,
) -> Result<[Vec<Tensor>; IMAGES], LossError> {
    if let Some(short) = images.iter().find(|features| features.len() != positions.len()) {
        return Err(LossError::Taps { what: "feature maps", found: short.len(), expected: positions.len() });
    }
    let mut maps = std::array::from_fn(|_| Vec::with_capacity(positions.len()));
    for (features, maps) in images.into_iter().zip(&mut maps) {
        for (tap, (map, first)) in features.iter().zip(images[0]).enumerate() {
            if map.dim() != 4 || map.size() != first.size() {
                return Err(not_a_map(tap, map, format!("the source's, {:?}", first.size())));
            }
        }
        let embedded = heads.map(|h| h.forward(features)).transpose()?;
        for (map, ids) in embedded.as_deref().unwrap_or(features).iter().zip(positions) {
            maps.push(similarity_maps(map, ids, config)?);
        }
    }
    Ok(maps)
}

fn layer_mean(losses: Vec<Tensor>) -> Result<Tensor, LossError> {
    let layers = losses.len() as f64;
    losses.into_iter().reduce(|a, b| a + b).map(|sum| sum / layers).ok_or(LossError::NoTaps)
}

/// `v / max(‖v‖₂, 1e-12)` along `dim`.
fn unit(vectors: &Tensor, dim: i64) -> Tensor {
    vectors / vectors.norm_scalaropt_dim(2, [dim], true).clamp_min(1e-12)
}

fn not_a_map(tap: usize, map: &Tensor, expected: String) -> LossError {
    LossError::FeatureMap { tap, found: map.size(), expected }
}

#[cfg(test)]
#[path = "lsesim_tests.rs"]
mod tests;
