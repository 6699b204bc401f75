use super::*;
use crate::export::array;
use crate::onnx::OnnxGenerator;
use ndarray::Array3;
use prost::Message;
use semrel_nn::channels::Channels;
use semrel_nn::layers::NormType;
use semrel_nn::mobile_resnet::{SubMobileResnet, Variant};
use semrel_nn::resnet::{ResnetConfig, ResnetGenerator};
use semrel_nn::{Doubling, InitType, Net, Output, TappedGenerator};
use std::path::Path;
use tch::{Device, Kind, Tensor, no_grad};

fn sub_net(channels: &str) -> Net<SubMobileResnet> {
    let channels: Channels = channels.parse().unwrap();
    let net = Net::new(Device::Cpu, |p| SubMobileResnet::new(p, &channels));
    tch::manual_seed(5);
    // Wider than at the start of training, so that the output is far from 0; biases too.
    InitType::Normal { gain: 0.2 }.apply(&net.state());
    no_grad(|| {
        net.state()
            .iter()
            .filter(|(k, _)| k.ends_with("bias"))
            .for_each(|(_, t)| drop(t.shallow_clone().uniform_(-0.3, 0.3)))
    });
    net
}

/// An image that leaves [−1, 1].
fn image(height: i64, width: i64) -> Tensor {
    Tensor::randn([1, 3, height, width], (Kind::Float, Device::Cpu))
}

fn largest_difference(a: &Array3<f32>, b: &Array3<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn agrees(state: &StateDict, sizes: &[(i64, i64)], forward: &dyn Fn(&Tensor) -> Tensor) {
    let bytes = model(state, &BTreeMap::new()).unwrap().encode_to_vec();
    let runtime = OnnxGenerator::of_proto(&ModelProto::decode(&*bytes).unwrap(), Path::new("memory")).unwrap();
    for &(height, width) in sizes {
        let x = image(height, width);
        let want = array(&no_grad(|| forward(&x))).unwrap();
        let got = runtime.run(array(&x).unwrap().view()).unwrap();
        let spread = want.iter().fold(0f32, |most, v| most.max(v.abs()));
        assert!(spread > 0.3, "an output of {spread} at most shows nothing");
        let difference = largest_difference(&got, &want);
        assert!(difference < 1e-4, "{height} x {width}: {difference}");
    }
}

#[test]
fn a_sub_network_computes_the_same_at_several_sizes() {
    let net = sub_net("16_16_32_16_16_64_16_24");
    agrees(&net.state(), &[(64, 64), (32, 56)], &|x| net.forward(x));
}

/// Of an image of 8 × 8 the norms see four positions; where these are nearly equal they enlarge roundings, in any runtime.
#[test]
fn the_smallest_image_agrees_as_far_as_roundings_do() {
    let net = sub_net("16_16_32_16_16_64_16_24");
    let model = model(&net.state(), &BTreeMap::new()).unwrap();
    let runtime = OnnxGenerator::of_proto(&model, Path::new("memory")).unwrap();
    let x = image(8, 8);
    let (got, single) = (runtime.run(array(&x).unwrap().view()).unwrap(), array(&no_grad(|| net.forward(&x))).unwrap());
    let net = net.into_kind(Kind::Double);
    let exact = array(&no_grad(|| net.forward(&x.to_kind(Kind::Double))).to_kind(Kind::Float)).unwrap();
    let (ours, theirs) = (largest_difference(&got, &exact), largest_difference(&single, &exact));
    println!("onnx {ours}, libtorch {theirs}");
    assert!(ours < 1e-4 + 20.0 * theirs, "{ours}, and libtorch's own roundings are {theirs}");
}

#[test]
fn the_published_size_agrees_too() {
    let net = sub_net("16_16_32_16_16_64_16_24");
    agrees(&net.state(), &[(256, 256)], &|x| net.forward(x));
}

#[test]
fn a_teacher_computes_the_same() {
    let config = ResnetConfig { width: 6, ..ResnetConfig::compression_teacher() };
    let net = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &config));
    tch::manual_seed(6);
    InitType::Normal { gain: 0.2 }.apply(&net.state());
    agrees(&net.state(), &[(32, 32), (16, 44)], &|x| net.forward(x));
}

/// A sub-network of a variant, whose ONNX file computes the same.
fn of_variant_agrees(variant: Variant, seed: i64) -> Net<SubMobileResnet> {
    let channels: Channels = "8_6_8_6_6_8_6_8".parse().unwrap();
    let net = Net::new(Device::Cpu, |p| SubMobileResnet::of_variant(p, &channels, variant));
    tch::manual_seed(seed);
    InitType::Normal { gain: 0.2 }.apply(&net.state());
    agrees(&net.state(), &[(32, 32), (16, 44)], &|x| net.forward(x));
    net
}

#[test]
fn pixel_norm_computes_the_same() {
    of_variant_agrees(Variant { norm: NormType::PixelPlain, output: Output::Residual, ..Variant::default() }, 8);
    let teacher = ResnetConfig { width: 6, norm: NormType::PixelPlain, ..ResnetConfig::compression_teacher() };
    let net = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &teacher));
    InitType::Normal { gain: 0.2 }.apply(&net.state());
    agrees(&net.state(), &[(32, 32)], &|x| net.forward(x));
}

#[test]
fn smooth_doublings_are_kernels_of_four() {
    let net =
        of_variant_agrees(Variant { doubling: Doubling::Smooth, output: Output::Residual, ..Variant::default() }, 7);
    let proto = model(&net.state(), &BTreeMap::new()).unwrap();
    let stored = proto.graph.as_ref().unwrap().initializer.iter().find(|t| t.name == "model.19.weight").unwrap();
    assert_eq!(stored.dims, [32, 12, 4, 4]);
}

#[test]
fn the_file_says_what_it_is() {
    let net = sub_net("4_5_3_2_3_4_5_6");
    let about = BTreeMap::from([("channels".to_owned(), "4_5_3_2_3_4_5_6".to_owned())]);
    let proto = model(&net.state(), &about).unwrap();
    assert_eq!((proto.opset_import[0].version, proto.ir_version), (17, 8));
    let graph = proto.graph.as_ref().unwrap();
    assert_eq!((graph.input[0].name.as_str(), graph.output[0].name.as_str()), ("image", "translated"));
    let text = format!("{:?}", graph.input[0]);
    assert!(["batch", "height", "width"].iter().all(|symbol| text.contains(symbol)), "{text}");
    // Every weight is there once, under its key.
    for (key, tensor) in net.state() {
        let stored: Vec<_> = graph.initializer.iter().filter(|t| t.name == key).collect();
        assert_eq!(stored.len(), 1, "{key}");
        assert_eq!(stored[0].dims, tensor.size(), "{key}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("g.onnx");
    std::fs::write(&path, model(&net.state(), &about).unwrap().encode_to_vec()).unwrap();
    assert_eq!(OnnxGenerator::load(&path).unwrap().about(), &about);
}

#[test]
fn weights_of_another_network_are_refused_by_key() {
    let mut state = sub_net("4_4_4_4_4_4_4_4").state();
    state.remove("model.12.conv_block.6.conv.2.weight");
    let text = format!("{:#}", model(&state, &BTreeMap::new()).unwrap_err());
    assert!(text.contains("model.12.conv_block.6.conv.2.weight"), "{text}");
    let mut state = sub_net("4_4_4_4_4_4_4_4").state();
    state.insert("model.2.running_mean".into(), Tensor::zeros([4], (Kind::Float, Device::Cpu)));
    let text = format!("{:#}", model(&state, &BTreeMap::new()).unwrap_err());
    assert!(text.contains("model.2.running_mean") && text.contains("instance norm"), "{text}");
}

#[test]
fn unreadable_files_are_named_and_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("g.onnx");
    let said = |path: &Path| format!("{:#}", OnnxGenerator::load(path).map(|_| ()).unwrap_err());
    assert!(said(&path).contains("g.onnx"));
    std::fs::write(&path, b"\x89PNG no model").unwrap();
    assert!(said(&path).contains("g.onnx") && said(&path).contains("not an ONNX file"), "{}", said(&path));
    std::fs::write(&path, b"").unwrap();
    assert!(said(&path).contains("without a graph"), "{}", said(&path));

    let state = sub_net("2_2_2_2_2_2_2_2").state();
    let whole = model(&state, &BTreeMap::new()).unwrap();
    let bytes = whole.encode_to_vec();
    for cut in (0..bytes.len()).step_by(bytes.len() / 40) {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        if let Ok(model) = OnnxGenerator::load(&path) {
            let _ = model.run(Array3::zeros((3, 8, 8)).view());
        }
    }
    let broken = |change: &dyn Fn(&mut GraphProto)| {
        let mut proto = whole.clone();
        change(proto.graph.as_mut().unwrap());
        let loaded = OnnxGenerator::of_proto(&proto, Path::new("g.onnx"));
        format!("{:#}", loaded.and_then(|m| m.run(Array3::zeros((3, 8, 8)).view())).map(|_| ()).unwrap_err())
    };
    assert!(broken(&|g| g.output[0].name = "nothing".into()).contains("no node makes"));
    assert!(broken(&|g| g.input.clear()).contains("a generator has one of each"));
    assert!(!broken(&|g| g.node[3].op_type = "Conjure".into()).is_empty());
    assert!(!broken(&|g| g.initializer.truncate(2)).is_empty());
    assert!(!broken(&|g| g.node.truncate(7)).is_empty());

    let good = OnnxGenerator::of_proto(&whole, Path::new("g.onnx")).unwrap();
    let text = good.run(Array3::zeros((3, 10, 8)).view()).unwrap_err().to_string();
    assert!(text.contains("g.onnx: a picture of 8 x 10") && text.contains("multiples of 4"), "{text}");
}
