//! Decoded images, kept in memory as far as a budget allows.

use crate::DataError;
use crate::domains::DomainFolder;
use crate::image_io::read_rgb;
use crate::resize::{Filter, resize};
use image::RgbImage;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// What to do about an image that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCorrupt {
    /// Stop with its error.
    #[default]
    Fail,
    /// Leave it out, with a warning once; the next good image of its domain takes its place.
    Skip,
}

/// Settings of an [`ImageStore`].
#[derive(Debug, Clone, PartialEq)]
pub struct StoreOptions {
    /// Bytes of decoded images kept in memory; what does not fit is decoded each time.
    pub budget: usize,
    /// What to do about undecodable images.
    pub on_corrupt: OnCorrupt,
    /// Reduces images whose shorter side exceeds this to it when they are decoded, so that more fit into memory and
    /// augmentation is faster. `None`, the default, keeps every pixel, as the official code does. Twice the training
    /// size or more is hard to tell from `None`.
    pub working_side: Option<u32>,
}

impl Default for StoreOptions {
    /// 1 GiB, strict, full resolution.
    fn default() -> Self {
        Self { budget: 1 << 30, on_corrupt: OnCorrupt::Fail, working_side: None }
    }
}

/// Images of a split by (domain, item), decoded on demand from any thread.
///
/// What [`ImageStore::get`] returns does not depend on what is in memory.
#[derive(Debug)]
pub struct ImageStore {
    domains: Vec<StoredDomain>,
    options: StoreOptions,
    used: AtomicUsize,
    skipped: AtomicUsize,
}

#[derive(Debug)]
struct StoredDomain {
    folder: PathBuf,
    files: Vec<PathBuf>,
    slots: Vec<OnceLock<Slot>>,
}

#[derive(Debug)]
enum Slot {
    Kept(Arc<RgbImage>),
    Corrupt,
}

impl ImageStore {
    /// A store of all images of `folder`. Decodes nothing yet.
    pub fn new(folder: &DomainFolder, options: StoreOptions) -> Self {
        let domains = folder
            .domains
            .iter()
            .map(|d| StoredDomain {
                folder: folder.root.join(&d.name),
                files: d.files.clone(),
                slots: d.files.iter().map(|_| OnceLock::new()).collect(),
            })
            .collect();
        Self { domains, options, used: AtomicUsize::new(0), skipped: AtomicUsize::new(0) }
    }

    /// Number of images of each domain.
    pub fn sizes(&self) -> Vec<usize> {
        self.domains.iter().map(|d| d.files.len()).collect()
    }

    /// Undecodable images met so far (with [`OnCorrupt::Skip`]).
    pub fn skipped(&self) -> usize {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Bytes of decoded images in memory.
    pub fn bytes(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Folder of a domain.
    pub fn folder(&self, domain: usize) -> &Path {
        &self.domains[domain].folder
    }

    /// File of an image.
    pub fn file(&self, domain: usize, item: usize) -> &PathBuf {
        &self.domains[domain].files[item]
    }

    /// The image; `None` if it is corrupt and such are skipped.
    ///
    /// # Errors
    /// Those of [`read_rgb`], unless corrupt images are skipped.
    pub fn try_get(&self, domain: usize, item: usize) -> Result<Option<Arc<RgbImage>>, DataError> {
        let slot = &self.domains[domain].slots[item];
        match slot.get() {
            Some(Slot::Kept(image)) => return Ok(Some(Arc::clone(image))),
            Some(Slot::Corrupt) => return Ok(None),
            None => {}
        }
        match self.decode(domain, item) {
            Ok(image) => {
                let image = Arc::new(image);
                let bytes = image.as_raw().len();
                let fits = |used: usize| used.checked_add(bytes).filter(|&total| total <= self.options.budget);
                if self.used.try_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
                    && slot.set(Slot::Kept(Arc::clone(&image))).is_err()
                {
                    // Another thread decoded it at the same time.
                    self.used.fetch_sub(bytes, Ordering::Relaxed);
                }
                Ok(Some(image))
            }
            Err(error @ (DataError::Corrupt { .. } | DataError::Unsupported { .. }))
                if self.options.on_corrupt == OnCorrupt::Skip =>
            {
                if slot.set(Slot::Corrupt).is_ok() {
                    self.skipped.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!("skipped: {error}");
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The image, or the next good one of its domain in file order if it is corrupt and such are skipped.
    ///
    /// # Errors
    /// Those of [`read_rgb`]; [`DataError::AllCorrupt`] where no image of the domain is good.
    pub fn get(&self, domain: usize, item: usize) -> Result<Arc<RgbImage>, DataError> {
        let count = self.domains[domain].files.len();
        for step in 0..count {
            if let Some(image) = self.try_get(domain, (item + step) % count)? {
                return Ok(image);
            }
        }
        let first = match self.decode(domain, 0) {
            Err(error) => Box::new(error),
            Ok(_) => Box::new(DataError::Empty { path: self.domains[domain].folder.clone() }),
        };
        Err(DataError::AllCorrupt { path: self.domains[domain].folder.clone(), first })
    }

    fn decode(&self, domain: usize, item: usize) -> Result<RgbImage, DataError> {
        let image = read_rgb(self.file(domain, item))?;
        let (width, height) = image.dimensions();
        match self.options.working_side {
            Some(side) if width.min(height) > side => {
                let factor = f64::from(side) / f64::from(width.min(height));
                let reduced = |length: u32| (f64::from(length) * factor).round() as u32;
                Ok(resize(&image, reduced(width), reduced(height), Filter::Bilinear))
            }
            _ => Ok(image),
        }
    }
}
