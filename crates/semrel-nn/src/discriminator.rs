//! A discriminator of any family.

use crate::layers::SpectralConv;
use crate::patchgan::PatchDiscriminator;
use crate::projected::ProjectedDiscriminator;
use crate::{NetworkError, drit, munit, stylegan2};
use tch::Tensor;

/// Images to logits. Networks of fixed features look at the last three channels, which are the image where input and image are
/// judged together.
#[derive(Debug)]
pub enum Discriminator {
    /// One logit for each patch, or each pixel.
    Patch(PatchDiscriminator),
    /// One logit for each image.
    Style(stylegan2::Discriminator),
    /// MUNIT's logits of every scale of the image.
    Scales(munit::MultiScaleDiscriminator),
    /// DRIT's.
    DritScales(drit::ImageDiscriminator),
    /// Logits of every scale of fixed features.
    Projected(ProjectedDiscriminator),
    /// Patches of the image, and scales of fixed features.
    Both {
        /// Keys `patch.*`.
        patch: PatchDiscriminator,
        /// Keys `projected.*`.
        projected: ProjectedDiscriminator,
    },
}

impl Discriminator {
    /// The network of fixed features, if there is one.
    pub fn projected(&self) -> Option<&ProjectedDiscriminator> {
        match self {
            Self::Projected(projected) | Self::Both { projected, .. } => Some(projected),
            Self::Patch(_) | Self::Style(_) | Self::Scales(_) | Self::DritScales(_) => None,
        }
    }

    /// The patch discriminator, if there is one.
    pub fn patch(&self) -> Option<&PatchDiscriminator> {
        match self {
            Self::Patch(patch) | Self::Both { patch, .. } => Some(patch),
            Self::Projected(_) | Self::Style(_) | Self::Scales(_) | Self::DritScales(_) => None,
        }
    }

    /// Whether it takes square images of this side.
    ///
    /// # Errors
    /// What its sides must be.
    pub fn check_side(&self, side: i64) -> Result<(), NetworkError> {
        match self {
            Self::Patch(d) | Self::Both { patch: d, .. } => d.logits_size(side, side).map(drop),
            Self::Style(d) => d.check_size(side, side),
            Self::Scales(d) => at_least(d.least_side(), side),
            Self::DritScales(d) => at_least(d.least_side(), side),
            Self::Projected(_) => Ok(()),
        }
    }

    /// Whether every pass changes the network: the spectral norm of MUNIT and DRIT.
    pub fn changes_in_passes(&self) -> bool {
        match self {
            Self::Scales(d) => d.is_spectral(),
            Self::DritScales(d) => d.is_spectral(),
            _ => false,
        }
    }

    /// Scales projected features by real images, where there are any: once, before the first step.
    pub fn calibrate(&self, images: &Tensor) {
        if let Some(projected) = self.projected() {
            projected.calibrate(&last_three(images));
        }
    }

    /// Logits of the fixed features' scales.
    pub fn projected_logits(&self, images: &Tensor) -> Option<Vec<Tensor>> {
        self.projected().map(|projected| projected.forward(&last_three(images)))
    }

    /// Advances the power iterations of spectral norm, where there is any: once before each step.
    pub fn iterate_spectral(&self) {
        self.spectral_convs().for_each(SpectralConv::iterate);
    }

    /// Brings fresh weights near spectral norm 1, where it has spectral norm: once before the first step.
    pub fn settle_spectral(&self) {
        self.spectral_convs().for_each(SpectralConv::settle);
    }

    fn spectral_convs(&self) -> impl Iterator<Item = &SpectralConv> {
        let patch = self.patch().into_iter().flat_map(PatchDiscriminator::spectral_convs);
        patch.chain(self.projected().into_iter().flat_map(ProjectedDiscriminator::spectral_convs))
    }
}

/// Whether images of this side, of which a discriminator needs `least`, are large enough.
///
/// # Errors
/// [`NetworkError::Size`].
pub fn at_least(least: i64, side: i64) -> Result<(), NetworkError> {
    match side >= least {
        true => Ok(()),
        false => Err(NetworkError::Size { height: side, width: side, expected: format!("at least {least}") }),
    }
}

fn last_three(images: &Tensor) -> Tensor {
    let channels = images.size()[1];
    images.narrow(1, channels - 3, 3)
}
