//! Pictures as generators are given them in tests and in the search, ready in batches.

use crate::config::Config;
use crate::data::{Data, Pictures};
use crate::score::digest;
use anyhow::{Result, ensure};
use image::RgbImage;
use semrel_data::image_io::Quantise;
use semrel_metrics::extractor::to_images;
use std::path::{Path, PathBuf};
use tch::{Device, Tensor, no_grad};

/// 8-bit pictures, truncated as published, of a generator's output `[n, 3, H, W]`.
///
/// # Errors
/// Outputs that are no numbers, of which a picture would show nothing.
pub(crate) fn pictures(made: &Tensor) -> Result<Vec<RgbImage>> {
    ensure!(
        made.isfinite().all().int64_value(&[]) == 1,
        "the generator's output is NaN: its weights are damaged, or its training has diverged"
    );
    Ok(to_images(made, Quantise::Truncate)?)
}

/// Inputs in batches, on the CPU.
#[derive(Debug)]
pub struct Inputs {
    batches: Vec<Tensor>,
    folder: PathBuf,
    device: Device,
}

impl Inputs {
    /// The test images, `eval.max_sources` of them.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn of_tests(config: &Config, data: &Data, device: Device) -> Result<Self> {
        let limits = (config.eval.max_sources, config.eval.batch_size);
        Self::new(data.test_sources(), limits, config.test_size(), device)
    }

    /// The images that are set aside for the search, `search.max_images` of them.
    ///
    /// # Errors
    /// As [`Inputs::of_tests`]; where no image is set aside.
    pub fn of_search(config: &Config, data: &Data, device: Device) -> Result<Self> {
        let limits = (config.search.max_images, config.search.batch_size);
        Self::new(data.search_sources()?, limits, config.test_size(), device)
    }

    fn new(
        sources: Pictures<'_>,
        (most, batch): (Option<usize>, i64),
        size: (u32, u32),
        device: Device,
    ) -> Result<Self> {
        let count = sources.len().min(most.unwrap_or(usize::MAX));
        let starts = (0..count).step_by(batch as usize);
        let batches = starts.map(|start| sources.batch(start..count.min(start + batch as usize), size, Device::Cpu));
        Ok(Self { batches: batches.collect::<Result<_>>()?, folder: sources.folder().to_owned(), device })
    }

    /// Batches `[n, 3, H, W]` at hand.
    pub fn of_batches(batches: Vec<Tensor>, device: Device) -> Self {
        Self { batches, folder: PathBuf::new(), device }
    }

    /// The batches, `[n, 3, H, W]`.
    pub fn batches(&self) -> &[Tensor] {
        &self.batches
    }

    /// Where the pictures lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Number of pictures.
    pub fn count(&self) -> usize {
        self.batches.iter().map(|batch| batch.size()[0] as usize).sum()
    }

    /// Digest of the pictures and of how they lie in batches, on which roundings depend.
    pub fn digest(&self) -> String {
        let sizes: Vec<f32> = self.batches.iter().map(|batch| batch.size()[0] as f32).collect();
        digest(self.batches.iter().map(Tensor::shallow_clone).chain([Tensor::from_slice(&sizes)]))
    }

    /// What `generate` makes of them, `[n, 3, H, W]` in [−1, 1], as 8-bit pictures, truncated as published. It is called without
    /// a graph, once a batch.
    ///
    /// # Errors
    /// Outputs that are no numbers.
    pub fn outputs(&self, generate: &dyn Fn(&Tensor) -> Tensor) -> Result<Vec<RgbImage>> {
        let mut outputs = vec![];
        for batch in &self.batches {
            let made = no_grad(|| generate(&batch.to_device(self.device)));
            outputs.extend(pictures(&made)?);
        }
        Ok(outputs)
    }
}
