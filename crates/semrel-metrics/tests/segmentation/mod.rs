//! Labels, confusion matrices and segmentation scores.

use crate::text;
use image::{GrayImage, RgbImage};
use ndarray::Array3;
use semrel_metrics::segmentation::labels::{ids_of_colors, label_id, train_id};
use semrel_metrics::segmentation::pipeline::add_colors;
use semrel_metrics::segmentation::segmenter::{argmax, enlarge};
use semrel_metrics::segmentation::{Accuracy, AccuracyMode, ChannelOrder, Confusion, LabelImage, PhotoSettings};
use semrel_testkit::{Case, Outcome};
use tch::{Kind, Tensor};

/// The images of uint8 [..., H, W, 3].
fn colors(tensor: &Tensor) -> Vec<RgbImage> {
    let (height, width) = (tensor.size()[tensor.dim() - 3], tensor.size()[tensor.dim() - 2]);
    let bytes: Vec<u8> = Vec::try_from(tensor.reshape([-1])).expect("bytes");
    let image = |bytes: &[u8]| RgbImage::from_raw(width as u32, height as u32, bytes.to_vec()).expect("three bytes");
    bytes.chunks_exact((3 * height * width) as usize).map(image).collect()
}

/// The id maps of integers [..., H, W]; what fits no byte is 255.
fn ids(tensor: &Tensor) -> Vec<GrayImage> {
    let (height, width) = (tensor.size()[tensor.dim() - 2], tensor.size()[tensor.dim() - 1]);
    let values: Vec<i64> = Vec::try_from(tensor.to_kind(Kind::Int64).reshape([-1])).expect("integers");
    let bytes: Vec<u8> = values.into_iter().map(|v| u8::try_from(v).unwrap_or(255)).collect();
    let image = |bytes: &[u8]| GrayImage::from_raw(width as u32, height as u32, bytes.to_vec()).expect("one byte");
    bytes.chunks_exact((height * width) as usize).map(image).collect()
}

/// [N, H, W], without the first dimension for a case that has none.
fn tensor(images: &[GrayImage], like: &Tensor) -> Tensor {
    let bytes: Vec<u8> = images.iter().flat_map(|image| image.as_raw()).copied().collect();
    Tensor::from_slice(&bytes).view(like.size().as_slice())
}

fn matrix(confusion: &Confusion) -> Tensor {
    let counts: Vec<i64> = confusion.counts().iter().flatten().map(|&count| count as i64).collect();
    Tensor::from_slice(&counts).view([19, 19])
}

fn confusion_of(labels: &[GrayImage], predictions: &[GrayImage]) -> Result<Confusion, String> {
    let mut confusion = Confusion::default();
    labels.iter().zip(predictions).try_for_each(|(l, p)| confusion.add(l, p)).map_err(text)?;
    Ok(confusion)
}

/// IoU of each class times `scale`, −1 where undefined.
fn iou(confusion: &Confusion, scale: f64) -> Tensor {
    Tensor::from_slice(&confusion.iou().map(|iou| iou.map_or(-1.0, |iou| scale * iou)))
}

pub fn color_to_id(case: &Case) -> Outcome {
    let images = colors(&case.input("image"));
    for (name, order) in [("out.ids_rgb", ChannelOrder::Rgb), ("out.ids_swapped", ChannelOrder::Swapped)] {
        let got: Vec<GrayImage> = images.iter().map(|image| ids_of_colors(image, order)).collect();
        case.check(name, &tensor(&got, &case.tensor(name)))?;
    }
    Ok(())
}

pub fn id_to_train_id(case: &Case) -> Outcome {
    let map = |name: &str, of: &dyn Fn(u8) -> u8| {
        let input = case.input(name);
        let values: Vec<u8> = Vec::try_from(input.reshape([-1])).expect("bytes");
        Tensor::from_slice(&values.into_iter().map(of).collect::<Vec<_>>()).view(input.size().as_slice())
    };
    case.check("out.train_ids", &map("label_ids", &train_id))?;
    case.check("out.label_ids_back", &map("train_ids", &|id| label_id(id).unwrap_or(0)))
}

pub fn confusion(case: &Case) -> Outcome {
    let confusion = confusion_of(&ids(&case.input("label")), &ids(&case.input("pred")))?;
    case.check("out.hist", &matrix(&confusion))?;
    case.check("out.iou", &iou(&confusion, 1.0))?;
    case.check("out.iou_defined", &Tensor::from_slice(&confusion.iou().map(|iou| u8::from(iou.is_some()))))?;
    case.check_value("out.miou", confusion.mean_iou().map_err(text)?)?;
    case.check_value("out.miou_percent_rounded", confusion.mean_iou_percent().map_err(text)?)?;
    case.check_value("out.pixel_accuracy_labelled", confusion.pixel_accuracy().map_err(text)?)?;
    let accuracy = Accuracy::new(&confusion, AccuracyMode::Corrected).map_err(text)?;
    case.check_value("out.class_accuracy_over_19", accuracy.class_percent / 100.0)?;
    case.check_value("out.miou_over_19", accuracy.mean_iou)
}

pub fn map_pipeline(case: &Case) -> Outcome {
    let settings =
        PhotoSettings { width: case.i64("w") as u32, height: case.i64("h") as u32, ..PhotoSettings::default() };
    let labels = colors(&case.input("label")).into_iter().map(LabelImage::Color);
    let labels: Vec<GrayImage> = labels.map(|label| settings.label(&label)).collect();
    case.check("out.label_ids", &tensor(&labels, &case.tensor("out.label_ids")))?;
    let photos: Vec<RgbImage> = colors(&case.input("fake")).iter().map(|photo| settings.photo(photo)).collect();
    case.check("out.net_input", &drn_input(&photos)?)?;
    let confusion = confusion_of(&labels, &ids(&case.input("pred")))?;
    case.check("out.hist", &matrix(&confusion))?;
    case.check_value("out.map_percent", confusion.mean_iou_percent().map_err(text)?)
}

/// The normalisation of the DRN networks.
fn drn_input(photos: &[RgbImage]) -> Result<Tensor, String> {
    let channels = |values: [f64; 3]| Tensor::from_slice(&values).to_kind(Kind::Float).view([1, 3, 1, 1]);
    let mean = channels([0.29010095242892997, 0.32808144844279574, 0.28696394422942517]);
    let std = channels([0.1829540508368939, 0.18656561047509476, 0.18447508988480435]);
    let images = semrel_metrics::extractor::stack(photos, tch::Device::Cpu).map_err(text)?;
    Ok((images / 255.0 - mean) / std)
}

pub fn accuracy_script(case: &Case) -> Outcome {
    let (labels, predictions) = (colors(&case.input("gt")), colors(&case.input("pred")));
    let summed = |mode| -> Result<Confusion, String> {
        let mut confusion = Confusion::default();
        predictions.iter().zip(&labels).try_for_each(|(p, l)| add_colors(&mut confusion, p, l, mode)).map_err(text)?;
        Ok(confusion)
    };
    let scores =
        |accuracy: Accuracy| Tensor::from_slice(&[accuracy.pixel_percent, accuracy.class_percent, accuracy.mean_iou]);
    let (compatible, corrected) = (summed(AccuracyMode::Compatible)?, summed(AccuracyMode::Corrected)?);
    case.check("out.confusion_script", &matrix(&compatible))?;
    case.check("out.confusion_rgb", &matrix(&corrected))?;
    case.check("out.script", &scores(Accuracy::new(&compatible, AccuracyMode::Compatible).map_err(text)?))?;
    case.check("out.corrected", &scores(Accuracy::new(&corrected, AccuracyMode::Corrected).map_err(text)?))?;
    let true_total = Accuracy::new(&compatible, AccuracyMode::Corrected).map_err(text)?;
    case.check_value("out.script_pix_acc_true_total", true_total.pixel_percent)
}

/// One array [C, h, w] an image of [N, C, h, w].
fn planes(scores: &Tensor) -> Vec<Array3<f32>> {
    let shape: Vec<usize> = scores.size()[1..].iter().map(|&n| n as usize).collect();
    let values: Vec<f32> = Vec::try_from(scores.reshape([-1])).expect("floats");
    let images = values.chunks_exact(shape.iter().product());
    images
        .map(|image| Array3::from_shape_vec((shape[0], shape[1], shape[2]), image.to_vec()).expect("planes"))
        .collect()
}

pub fn compression_miou(case: &Case) -> Outcome {
    let labels = ids(&case.input("label"));
    let predictions: Vec<GrayImage> = planes(&case.input("log_softmax"))
        .iter()
        .zip(&labels)
        .map(|(p, l)| argmax(enlarge(p.view(), l.height() as usize, l.width() as usize).view()))
        .collect();
    case.check("out.pred", &tensor(&predictions, &case.tensor("out.pred")))?;
    let confusion = confusion_of(&labels, &predictions)?;
    case.check("out.hist", &matrix(&confusion))?;
    case.check_value("out.miou_percent", confusion.mean_iou_percent().map_err(text)?)
}

pub fn miou_hist(case: &Case) -> Outcome {
    let mut all = Confusion::default();
    for i in (0..).take_while(|i| case.has_input(&format!("{i}.label"))) {
        let of = |name: &str| ids(&case.input(&format!("{i}.{name}")));
        let one = confusion_of(&of("label"), &of("pred"))?;
        case.check(&format!("out.{i}.hist"), &matrix(&one))?;
        all += &one;
    }
    case.check("out.hist", &matrix(&all))?;
    case.check("out.iou_percent_nan_as_minus1", &iou(&all, 100.0))?;
    case.check_value("out.mIoU_unrounded", 100.0 * all.mean_iou().map_err(text)?)?;
    let (got, want) = (all.mean_iou_percent().map_err(text)?, case.f64("mIoU_rounded_2_decimals"));
    let undefined: Vec<usize> = (0..19).filter(|&c| all.iou()[c].is_none()).collect();
    if got != want || serde_json::json!(undefined) != case.config()["nan_classes"] {
        return Err(format!("mIoU {got}, expected {want}; undefined classes {undefined:?}"));
    }
    Ok(())
}

pub fn miou_resize(case: &Case) -> Outcome {
    let (height, width) = (case.i64("height") as usize, case.i64("width") as usize);
    let resized: Vec<Array3<f32>> =
        planes(&case.input("logits")).iter().map(|p| enlarge(p.view(), height, width)).collect();
    let want = case.tensor("out.resized");
    let values: Vec<f32> = resized.iter().flatten().copied().collect();
    case.check("out.resized", &Tensor::from_slice(&values).view(want.size().as_slice()))?;
    let predictions: Vec<GrayImage> = resized.iter().map(|p| argmax(p.view())).collect();
    case.check("out.argmax", &tensor(&predictions, &case.tensor("out.argmax")))
}
