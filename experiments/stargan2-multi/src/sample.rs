//! Pictures of what the networks do: grids and interpolations.

use crate::networks::Translator;
use image::RgbImage;
use semrel_data::image_io::Quantise;
use semrel_metrics::MetricsError;
use semrel_metrics::extractor::to_images;
use tch::{Kind, Tensor, no_grad};

/// [-1, 1] to [0, 1], clamped.
pub fn to_unit(x: &Tensor) -> Tensor {
    (x * 0.5 + 0.5).clamp(0.0, 1.0)
}

/// Lays `[N, 3, H, W]` out in rows of `columns` without padding: `[3, rows·H, columns·W]`. N must be rows · columns.
pub fn tile(images: &Tensor, columns: i64) -> Tensor {
    let size = images.size();
    let rows = size[0] / columns;
    images.view([rows, columns, size[1], size[2], size[3]]).permute([2, 0, 3, 1, 4]).reshape([
        size[1],
        rows * size[2],
        columns * size[3],
    ])
}

/// A grid `[3, H, W]` in [0, 1] as an 8-bit picture.
///
/// # Errors
/// None is known.
pub fn grid_image(grid: &Tensor) -> Result<RgbImage, MetricsError> {
    let images = to_images(&(grid.unsqueeze(0) * 2.0 - 1.0), Quantise::Round)?;
    Ok(images.into_iter().next().expect("one picture"))
}

/// Reference-guided grid `[3, (R+1)·H, (N+1)·W]` in [0, 1]: first row a white square and the sources, then for each
/// reference a row: the reference and every source in its style. `styles` `[R, style_dim]` are those of the references.
pub fn reference_grid(translator: &Translator, sources: &Tensor, references: &Tensor, styles: &Tensor) -> Tensor {
    no_grad(|| {
        let (n, r) = (sources.size()[0], references.size()[0]);
        let white = sources.narrow(0, 0, 1).ones_like();
        let mut cells = vec![white, sources.shallow_clone()];
        for (reference, outputs) in (0..).zip(translate_all(translator, sources, styles)) {
            cells.push(references.narrow(0, reference, 1));
            cells.push(outputs);
        }
        debug_assert_eq!(cells.len() as i64, 2 * (r + 1));
        to_unit(&tile(&Tensor::cat(&cells, 0), n + 1))
    })
}

/// Grid `[3, (R+1)·H, N·W]` in [0, 1]: the sources, then for each style of `styles` `[R, style_dim]` a row of outputs.
pub fn latent_grid(translator: &Translator, sources: &Tensor, styles: &Tensor) -> Tensor {
    no_grad(|| {
        let mut rows = vec![sources.shallow_clone()];
        rows.extend(translate_all(translator, sources, styles));
        to_unit(&tile(&Tensor::cat(&rows, 0), sources.size()[0]))
    })
}

/// All sources in each style; the sources are encoded once.
pub(crate) fn translate_all<'a>(
    translator: &'a Translator,
    sources: &Tensor,
    styles: &'a Tensor,
) -> impl Iterator<Item = Tensor> + 'a {
    let n = sources.size()[0];
    let encoded = translator.generator.encode(sources, &[]);
    (0..styles.size()[0])
        .map(move |r| translator.generator.decode(&encoded, &styles.narrow(0, r, 1).expand([n, -1], false)))
}

/// Truncation: `s̄ + ψ·(s − s̄)`.
pub fn truncate(style: &Tensor, mean: &Tensor, psi: f64) -> Tensor {
    mean + (style - mean) * psi
}

/// Coefficients of an interpolation: 0, a logistic curve over −5, −4.5, …, 4.5, and ten times 1 (31 frames).
pub fn interpolation_alphas() -> Vec<f64> {
    let logistic = (0..20).map(|i| 1.0 / (1.0 + (-(f64::from(i) * 0.5 - 5.0)).exp()));
    [0.0].into_iter().chain(logistic).chain([1.0; 10]).collect()
}

/// Frames `[31, 3, 2H, N·W]` (raw values) of all sources going from style `from` to style `to` (`[N, style_dim]` or
/// `[1, style_dim]`): sources above, outputs below.
pub fn interpolate(translator: &Translator, sources: &Tensor, from: &Tensor, to: &Tensor) -> Tensor {
    no_grad(|| {
        let n = sources.size()[0];
        let encoded = translator.generator.encode(sources, &[]);
        let frames: Vec<Tensor> = interpolation_alphas()
            .into_iter()
            .map(|alpha| {
                let style = (from + (to - from) * alpha).expand([n, -1], false);
                let outputs = translator.generator.decode(&encoded, &style);
                tile(&Tensor::cat(&[sources, &outputs], 0), n)
            })
            .collect();
        Tensor::stack(&frames, 0)
    })
}

/// Sliding canvas beside a reference interpolation, one `[3, 2S, W + margin]` a frame: the reference pair (`prev` above
/// `next`) moves up into the place; rows above it are −1, and so is the margin at the right.
pub fn sliding_references(prev: &Tensor, next: &Tensor, margin: i64) -> Tensor {
    let size = prev.size();
    let (height, width) = (size[size.len() - 2], size[size.len() - 1]);
    let pair = Tensor::cat(&[prev.view([3, height, width]), next.view([3, height, width])], 1);
    let frames: Vec<Tensor> = interpolation_alphas()
        .into_iter()
        .map(|alpha| {
            let canvas = Tensor::full([3, 2 * height, width + margin], -1.0, (prev.kind(), prev.device()));
            let top = (height as f64 * (1.0 - alpha)) as i64;
            let shown = 2 * height - top;
            canvas.narrow(1, top, shown).narrow(2, 0, width).copy_(&pair.narrow(1, 0, shown));
            canvas
        })
        .collect();
    Tensor::stack(&frames, 0)
}

/// Video pixels: `clamp(0.5x + 0.5)·255` as NHWC, before truncation to 8 bits.
pub fn to_video(x: &Tensor) -> Tensor {
    (to_unit(x) * 255.0).permute([0, 2, 3, 1])
}

/// Random styles that the mean style of a domain is taken of.
const MEAN_OF: i64 = 10_000;

/// `count` random styles of a domain, truncated by ψ, `[count, style_dim]`.
pub fn random_styles(translator: &Translator, domain: i64, latent_dim: i64, count: i64, psi: f64) -> Tensor {
    no_grad(|| {
        let z = Tensor::randn([count, latent_dim], (Kind::Float, translator.generator.device()));
        let styles = translator.mapping_network.forward(&z, &vec![domain; count as usize]);
        truncate(&styles, &mean_style(translator, domain, latent_dim, MEAN_OF), psi)
    })
}

/// Mean style of `count` random latent codes of a domain, `[1, style_dim]`.
pub fn mean_style(translator: &Translator, domain: i64, latent_dim: i64, count: i64) -> Tensor {
    no_grad(|| {
        let z = Tensor::randn([count, latent_dim], (Kind::Float, translator.generator.device()));
        let styles = translator.mapping_network.forward(&z, &vec![domain; count as usize]);
        styles.mean_dim([0i64].as_slice(), true, Kind::Float)
    })
}
