//! Scores and features against the reference vectors.

#[path = "parity/evidence.rs"]
mod evidence;
#[path = "parity/images.rs"]
mod images;
#[path = "parity/networks.rs"]
mod networks;
#[path = "parity/transformers.rs"]
mod transformers;

use semrel_metrics::frechet::MeanPrecision;
use semrel_metrics::kid::{PolynomialKernel, Subsets, kid, mmd2};
use semrel_metrics::weights::{self, WeightsError};
use semrel_metrics::{Activations, EfficientNetLite0, Extractor, MetricsError, Statistics, frechet_distance};
use semrel_testkit::{Case, Outcome};
use tch::{Device, Kind, Tensor};

mod segmentation;

fn main() {
    semrel_testkit::run(
        "semrel-metrics",
        &[
            ("metrics/efficientnet_lite0", efficientnet_lite0),
            ("metrics/fid", fid),
            ("metrics/fid_stats_npz", fid_stats_npz),
            ("metrics/dino_vit", transformers::transformer),
            ("metrics/dinov2_vit", transformers::transformer),
            ("metrics/structure_dino", transformers::structure),
            ("metrics/vit_preprocess", transformers::preprocess),
            ("metrics/drn_d_105", networks::drn),
            ("metrics/drn_d_22", networks::drn),
            ("compression/drn_d_105", networks::drn_d_105),
            ("metrics/inception_fid", networks::inception_fid),
            ("metrics/inception_torchvision", networks::inception_torchvision),
            ("metrics/kid_polynomial", kid_polynomial),
            ("metrics/lpips_alex", networks::lpips_alex),
            ("metrics/lpips_multimodal_group", networks::lpips_multimodal_group),
            ("multi-modal/eval_preprocess", networks::eval_preprocess),
            ("metrics/labels_color_to_id", segmentation::color_to_id),
            ("metrics/labels_id_to_train_id", segmentation::id_to_train_id),
            ("metrics/seg_accuracy_script", segmentation::accuracy_script),
            ("metrics/seg_compression_miou", segmentation::compression_miou),
            ("metrics/seg_confusion", segmentation::confusion),
            ("metrics/seg_map_pipeline", segmentation::map_pipeline),
            ("metrics/fd_infinity", evidence::infinity),
            ("metrics/mmd_rbf", evidence::rbf),
            ("metrics/paired_bootstrap_fid", evidence::paired_bootstrap),
            ("metrics/prdc", evidence::scores),
            ("metrics/psnr_ssim", images::psnr_ssim),
            ("metrics/ms_ssim", images::ms_ssim),
            ("metrics/self_similarity", images::self_similarity),
            ("compression/frechet", fid_compression),
            ("compression/image_quantise", networks::image_quantise),
            ("compression/miou_hist", segmentation::miou_hist),
            ("compression/miou_resize", segmentation::miou_resize),
            ("multi-modal/fid", fid_multi_modal),
            ("multi-modal/inception_features", networks::inception_multi_modal),
            ("multi-modal/lpips", networks::lpips_multi_modal),
            ("multi-modal/lpips_pairwise", networks::lpips_pairwise),
            ("multi-modal/lpips_ten_outputs", networks::lpips_ten_outputs),
        ],
    )
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn matrix(statistics: &Statistics) -> Tensor {
    let values: Vec<f64> = statistics.covariance.iter().copied().collect();
    Tensor::from_slice(&values).view([statistics.mean.len() as i64, -1])
}

fn vector(statistics: &Statistics) -> Tensor {
    Tensor::from_slice(statistics.mean.as_slice().expect("contiguous"))
}

fn check_statistics(case: &Case, names: [&str; 2], statistics: &Statistics) -> Outcome {
    for (name, got) in names.into_iter().zip([vector(statistics), matrix(statistics)]) {
        if case.has(name) {
            case.check(name, &got)?;
        }
    }
    Ok(())
}

/// The distance by both routes.
fn distances(x: &Activations, y: &Activations) -> Result<[f64; 2], String> {
    Ok([x.distance(y).map_err(text)?, frechet_distance(&x.statistics(), &y.statistics()).map_err(text)?])
}

fn fid(case: &Case) -> Outcome {
    let activations = |name: &str, precision| Activations::new(&case.input(name), precision).map_err(text);
    for (name, precision) in [("out.fid", MeanPrecision::Double), ("out.fid_multimodal", MeanPrecision::Single)] {
        let (x, y) = (activations("x", precision)?, activations("y", precision)?);
        for distance in distances(&x, &y)? {
            case.check_value(name, distance)?;
        }
        if precision == MeanPrecision::Double {
            check_statistics(case, ["out.mu_x", "out.sigma_x"], &x.statistics())?;
            check_statistics(case, ["out.mu_y", "out.sigma_y"], &y.statistics())?;
        }
    }
    Ok(())
}

fn fid_stats_npz(case: &Case) -> Outcome {
    fid(case)?;
    let x = Statistics::read_npz(case.dir.join("stats.npz")).map_err(text)?;
    let y = Statistics::read_npz(case.dir.join("stats_stored.npz")).map_err(text)?;
    check_statistics(case, ["out.mu_x", "out.sigma_x"], &x)?;
    check_statistics(case, ["out.mu_y", "out.sigma_y"], &y)?;
    case.check_value("out.fid", frechet_distance(&x, &y).map_err(text)?)
}

fn fid_multi_modal(case: &Case) -> Outcome {
    let activations = |name: &str| Activations::new(&case.input(name), MeanPrecision::Single).map_err(text);
    let (x, y) = (activations("act1")?, activations("act2")?);
    check_statistics(case, ["out.mu1", "out.cov1"], &x.statistics())?;
    check_statistics(case, ["out.mu2", "out.cov2"], &y.statistics())?;
    distances(&x, &y)?.into_iter().try_for_each(|distance| case.check_value("out.fid", distance))
}

fn fid_compression(case: &Case) -> Outcome {
    let activations = |name: &str| Activations::new(&case.input(name), MeanPrecision::Double).map_err(text);
    let (x, y) = (activations("act1")?, activations("act2")?);
    check_statistics(case, ["out.mu1", "out.sigma1"], &x.statistics())?;
    check_statistics(case, ["out.mu2", "out.sigma2"], &y.statistics())?;
    distances(&x, &y)?.into_iter().try_for_each(|distance| case.check_value("out.fid", distance))
}

fn kid_polynomial(case: &Case) -> Outcome {
    let kernel =
        PolynomialKernel { degree: case.f64("degree"), gamma: Some(case.f64("gamma")), coef0: case.f64("coef0") };
    let (x, y) = (case.input("x"), case.input("y"));
    let (rows_x, rows_y) = (case.input("idx_x"), case.input("idx_y"));
    let subsets = kid(&x, &y, &Subsets::Given(&rows_x, &rows_y), kernel).map_err(text)?;
    case.check("out.kid_subset_values", &Tensor::from_slice(&subsets.values))?;
    case.check_value("out.kid_subsets_mean", subsets.mean)?;
    case.check_value("out.kid_subsets_std", subsets.std)?;
    case.check_value("out.mmd2_unequal", mmd2(&x, &y, kernel).map_err(text)?)?;
    let all = Tensor::arange(x.size()[0].min(y.size()[0]), (Kind::Int64, Device::Cpu)).unsqueeze(0);
    case.check_value("out.kid_all", kid(&x, &y, &Subsets::Given(&all, &all), kernel).map_err(text)?.mean)
}

fn efficientnet_lite0(case: &Case) -> Outcome {
    let digest = case.config()["weights_sha256"].as_str();
    if digest.is_some() && digest != weights::EFFICIENTNET_LITE0.sha256 {
        return Err(format!("the case was made with other weights: {digest:?}"));
    }
    let network = match EfficientNetLite0::load(Device::Cpu) {
        Err(MetricsError::Weights(missing @ WeightsError::Missing { .. })) => {
            case.skip(missing);
            return Ok(());
        }
        other => other.map_err(text)?,
    };
    let x = case.input("x");
    case.check("out.pooled", &network.features(&x))?;
    let mean = |t: &Tensor| t.mean_dim([2i64, 3].as_slice(), false, Kind::Float);
    for (block, tap) in [0, 2, 4, 10, 15].into_iter().zip(network.taps(&x)) {
        case.check(&format!("out.block{block}.mean"), &mean(&tap))?;
        case.check(&format!("out.block{block}.abs_mean"), &mean(&tap.abs()))?;
    }
    Ok(())
}
