//! Loading: whose weights a file holds, and what is said about wrong ones.

use super::alexnet::{AlexNet, KEYS};
use super::head_keys::HEAD_KEYS;
use super::loader::{Loader, Shapes};
use super::*;
use crate::preparation::Resampling;
use crate::weights::WeightsError;
use semrel_nn::checkpoint::{StateDict, save};
use semrel_testkit::FillRule;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tch::{Kind, Tensor};

/// A state dict by the rule of the reference vectors.
pub(super) fn filled(shapes: Shapes) -> StateDict {
    let zeros = |shape: Vec<i64>| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let state: StateDict = shapes.into_iter().map(|(key, shape)| (key, zeros(shape))).collect();
    FillRule::default().apply(&state, &[]);
    state
}

/// Zeros of these shapes.
fn dict(keys: &[(&str, &[i64])]) -> StateDict {
    keys.iter().map(|(key, size)| ((*key).to_owned(), Tensor::zeros(*size, (Kind::Float, Device::Cpu)))).collect()
}

fn saved(folder: &tempfile::TempDir, name: &str, state: &StateDict) -> PathBuf {
    let path = folder.path().join(name);
    save(&path, state, &BTreeMap::new()).unwrap();
    path
}

fn heads(keys: [&str; 2], widths: [i64; 5]) -> StateDict {
    let head = |(i, width): (usize, i64)| {
        (format!("{}{i}{}", keys[0], keys[1]), Tensor::ones([1, width, 1, 1], (Kind::Float, Device::Cpu)))
    };
    widths.into_iter().enumerate().map(head).collect()
}

fn error<T>(result: Result<T, MetricsError>) -> String {
    // With what it comes of, as the command line shows it.
    format!("{:#}", anyhow::Error::from(result.err().expect("an error")))
}

#[test]
fn files_are_recognised_by_their_keys() {
    let inception = [("Conv2d_1a_3x3.conv.weight", &[1i64][..]), ("Mixed_7c.branch_pool.conv.weight", &[1])];
    let with = |more: &[(&'static str, &'static [i64])]| Network::of(&dict(&[&inception[..], more].concat()));
    assert_eq!(with(&[("fc.weight", &[1008, 1])]), Some(Network::InceptionFid));
    assert_eq!(with(&[("fc.weight", &[1000, 1])]), Some(Network::InceptionTorchvision));
    assert_eq!(with(&[("AuxLogits.conv0.conv.weight", &[1])]), Some(Network::InceptionTorchvision));
    assert_eq!(with(&[]), None);

    let first = ("features.0.weight", &[64i64, 3, 3, 3][..]);
    assert_eq!(Network::of(&dict(&[first, ("features.28.weight", &[1])])), Some(Network::Vgg16));
    let vgg19 = Network::of(&dict(&[first, ("features.28.weight", &[1]), ("features.34.weight", &[1])])).unwrap();
    assert!(vgg19.describe().contains("VGG-19"));
    assert_eq!(Network::of(&dict(&[("module.features.0.weight", &[64, 3, 11, 11])])), Some(Network::AlexNet));
    assert_eq!(Network::of(&dict(&[("net.slice1.0.weight", &[64, 3, 11, 11])])), Some(Network::LpipsAlex));

    for keys in HEAD_KEYS {
        assert_eq!(Network::of(&heads(keys, [64, 192, 384, 256, 256])), Some(Network::LpipsAlexHeads));
        let vgg = Network::of(&heads(keys, [64, 128, 256, 512, 512])).unwrap();
        assert!(vgg.describe().contains("another network than AlexNet"));
    }

    for (arch, network) in [(drn::Arch::D22, Network::DrnD22), (drn::Arch::D105, Network::DrnD105)] {
        let tiny = |key: String| (key, Tensor::zeros([1], (Kind::Float, Device::Cpu)));
        let mut state: StateDict = Drn::shapes(arch).into_keys().map(tiny).collect();
        assert_eq!(Network::of(&state), Some(network));
        state.remove("base.5.1.conv1.weight");
        assert!(matches!(Network::of(&state), Some(Network::Foreign(_))));
    }

    for (name, arch) in vit::Arch::NAMED {
        let empty = |(key, size): (String, Vec<i64>)| {
            (key, Tensor::zeros(vec![1; size.len()], (Kind::Float, Device::Cpu)).expand(&size, false))
        };
        let mut state: StateDict = Vit::shapes(arch).into_iter().map(empty).collect();
        assert_eq!(Network::of(&state), Some(Network::Vit(arch)), "{name}");
        assert_eq!(Network::Vit(arch).file().map(|file| file.name), Some(name));
        state.insert("reg_token".into(), Tensor::zeros([1, 4, 1], (Kind::Float, Device::Cpu)));
        assert!(matches!(Network::of(&state), Some(Network::Foreign(_))));
    }

    let efficientnet = |blocks: usize, more: &[(&str, &[i64])]| {
        let keys: Vec<String> = (0..blocks).map(|i| format!("_blocks.{i}._project_conv.weight")).collect();
        let keys = keys.iter().map(|key| (key.as_str(), &[1i64][..]));
        let stem = ("_conv_stem.weight", &[1i64][..]);
        Network::of(&dict(&keys.chain([stem]).chain(more.iter().copied()).collect::<Vec<_>>()))
    };
    assert_eq!(efficientnet(16, &[]), Some(Network::EfficientNetLite0));
    assert_eq!(efficientnet(21, &[]), Some(Network::EfficientNetLite2));
    let excited = ("_blocks.0._se_reduce.weight", &[1i64][..]);
    for other in [efficientnet(20, &[]), efficientnet(16, &[excited])] {
        assert!(other.unwrap().describe().contains("another EfficientNet"));
    }
    assert_eq!(Network::of(&dict(&[("generator.from_rgb.weight", &[1])])), None);
}

#[test]
fn a_file_of_another_network_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let alexnet = saved(&folder, "mine.safetensors", &filled(Loader::shapes(AlexNet::build)));
    let load: [(&str, &dyn Fn() -> String); 5] = [
        ("the FID Inception", &|| error(load_file("inception-fid", &alexnet, Device::Cpu))),
        ("VGG-16", &|| error(Vgg16::load_file(&alexnet, &[4], Device::Cpu))),
        ("DRN-D-22", &|| error(Drn::load_file(drn::Arch::D22, &alexnet, Device::Cpu))),
        ("EfficientNet-Lite0", &|| error(load_file(DEFAULT, &alexnet, Device::Cpu))),
        ("EfficientNet-Lite2", &|| error(load_file(SECOND, &alexnet, Device::Cpu))),
    ];
    for (needed, load) in load {
        let text = load();
        for words in ["mine.safetensors", "looks like the weights of torchvision's AlexNet", needed] {
            assert!(text.contains(words), "{text}");
        }
    }
    let text = error(lpips::load_files(&alexnet, &alexnet, Device::Cpu));
    assert!(text.contains("those of the linear heads of LPIPS over AlexNet are needed"), "{text}");
}

#[test]
fn a_file_of_another_network_under_the_right_name_is_named_too() {
    let folder = tempfile::tempdir().unwrap();
    let name = weights::FID_INCEPTION.file;
    saved(&folder, name, &filled(Loader::shapes(AlexNet::build)));
    let load = || Network::InceptionFid.load_in(folder.path().to_owned(), |_| Ok(()));
    let text = error(load());
    assert!(text.contains("AlexNet") && text.contains(name), "{text}");
    saved(&folder, name, &dict(&[("nobody.knows", &[1])]));
    assert!(matches!(load(), Err(MetricsError::Weights(WeightsError::Digest { .. }))));
}

#[test]
fn what_does_not_fit_is_listed_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = filled(Loader::shapes(AlexNet::build));
    state.remove("features.8.bias");
    state.insert("features.10.weight".into(), Tensor::zeros([256, 256, 5, 5], (Kind::Float, Device::Cpu)));
    state.insert("features.3.bias".into(), Tensor::zeros([192], (Kind::Int64, Device::Cpu)));
    let path = saved(&folder, "alexnet.safetensors", &state);
    let text = error(lpips::load_files(&path, &path, Device::Cpu));
    for words in ["alexnet.safetensors", "missing keys: features.8.bias", "[256, 256, 5, 5]", "Float and Int64"] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn truncated_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(&folder, "cut.pth", &filled(Loader::shapes(AlexNet::build)));
    let whole = std::fs::read(&path).unwrap();
    for bytes in [&whole[..whole.len() / 2], &whole[..100], b"", b"PK\x03\x04 and then the line broke"] {
        std::fs::write(&path, bytes).unwrap();
        let text = error(load_file("inception-fid", &path, Device::Cpu));
        assert!(text.contains("cut.pth"), "{text}");
    }
}

#[test]
fn every_published_packing_of_lpips_gives_the_same_distances() {
    let folder = tempfile::tempdir().unwrap();
    let trunk = filled(Loader::shapes(AlexNet::build));
    let images = |seed| crate::testing::normal(seed, &[2, 3, 64, 64]).clamp(-1.0, 1.0).to_kind(Kind::Float);
    let (x, y) = (images(1), images(2));
    let mut distances = vec![];
    for keys in KEYS {
        let rename = |(key, tensor): (&String, &Tensor)| {
            let (layer, name) = key.rsplit_once('.').unwrap();
            let i = KEYS[0].iter().position(|known| *known == layer).unwrap();
            (format!("{}.{name}", keys[i]), tensor.shallow_clone())
        };
        let renamed: StateDict = trunk.iter().map(rename).collect();
        for head in HEAD_KEYS {
            let heads = heads(head, [64, 192, 384, 256, 256]);
            // In one state dict, as the package's module has it.
            let both: StateDict = renamed.iter().chain(&heads).map(|(k, t)| (k.clone(), t.shallow_clone())).collect();
            let lpips = Lpips::from_state(&both, &both, Device::Cpu).unwrap();
            distances.push(lpips.distance(&x, &y, lpips::Range::Signed).unwrap());
            if keys != KEYS[0] {
                let path = saved(&folder, "lpips.safetensors", &both);
                let lpips = lpips::load_files(&path, &path, Device::Cpu).unwrap();
                distances.push(lpips.distance(&x, &y, lpips::Range::Signed).unwrap());
            }
        }
    }
    assert!(distances[0].min().double_value(&[]) > 0.0);
    assert!(distances.iter().all(|d| d.equal(&distances[0])));
}

#[test]
fn unknown_extractors_are_told_which_there_are() {
    let text = error(load("inception", Device::Cpu));
    assert!(NAMES.iter().all(|name| text.contains(name)), "{text}");
}

#[test]
fn a_resize_of_choice_shows_in_the_names() {
    let state = filled(Inception::shapes(Variant::Fid));
    let network =
        || -> Box<dyn Extractor> { Box::new(Inception::from_state(Variant::Fid, &state, Device::Cpu).unwrap()) };
    let own = resampled(network(), Resampling::Torch);
    assert_eq!((own.name(), own.frechet_name().as_str()), ("inception-fid", "FID"));
    let clean = resampled(network(), Resampling::Clean);
    assert_eq!((clean.name(), clean.frechet_name().as_str()), ("inception-fid, clean", "FID(clean)"));
    assert_eq!(clean.preparation(), own.preparation().with(Resampling::Clean));
    let batch = crate::testing::normal(3, &[1, 3, 80, 80]).to_kind(Kind::Float);
    assert!(clean.features(&batch).equal(&own.features(&batch)));
}
