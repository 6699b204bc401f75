//! A picture of what networks do while they train: inputs above, below them what is made of them.

use crate::inputs::in_batches;
use crate::{EvalError, ImageSet, InputOptions};
use image::RgbImage;
use semrel_data::image_io::{Quantise, grid};
use semrel_metrics::extractor::to_images;
use tch::{Device, Tensor, no_grad};

/// The inputs of a run's previews, read once: before anything is trained, so that files which cannot be read are found then.
#[derive(Debug)]
pub struct Preview {
    /// `[n, 3, H, W]` in [−1, 1].
    batches: Vec<Tensor>,
    quantise: Quantise,
    padding: u32,
}

impl Preview {
    /// Most images that are shown side by side.
    pub const COLUMNS: usize = 8;

    /// The first images of `set`, on `device`. Pictures are truncated to 8 bits and stand 2 pixels apart.
    ///
    /// # Errors
    /// Names the first file that cannot be read.
    pub fn of_set(set: ImageSet, options: InputOptions, device: Device) -> Result<Self, EvalError> {
        let mut batches = vec![];
        in_batches(&set.first(Some(Self::COLUMNS)), options, &mut |batch| {
            batches.push(batch.to_device(device));
            Ok(())
        })?;
        Ok(Self { batches, quantise: Quantise::Truncate, padding: 2 })
    }

    /// Inputs `[n, 3, H, W]` at hand. Pictures are rounded to 8 bits and touch each other.
    pub fn of_batch(inputs: Tensor) -> Self {
        Self { batches: vec![inputs], quantise: Quantise::Round, padding: 0 }
    }

    /// The inputs, and below them a row for each list of pictures that `make` gives of a batch of them. It is called without a
    /// graph.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn grid<E: From<EvalError>>(
        &self,
        mut make: impl FnMut(&Tensor) -> Result<Vec<Vec<RgbImage>>, E>,
    ) -> Result<RgbImage, E> {
        let mut inputs = vec![];
        let mut rows: Vec<Vec<RgbImage>> = vec![];
        for batch in &self.batches {
            inputs.extend(to_images(batch, self.quantise).map_err(EvalError::from)?);
            for (row, pictures) in no_grad(|| make(batch))?.into_iter().enumerate() {
                match rows.get_mut(row) {
                    Some(row) => row.extend(pictures),
                    None => rows.push(pictures),
                }
            }
        }
        let columns = inputs.len();
        inputs.extend(rows.into_iter().flatten());
        Ok(grid(&inputs, columns, self.padding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn plain(level: f64) -> Tensor {
        Tensor::full([1, 3, 1, 1], level, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn rows_go_over_all_batches() {
        let preview = Preview { batches: vec![plain(-1.0), plain(1.0)], quantise: Quantise::Round, padding: 0 };
        let made = |x: &Tensor| to_images(x, Quantise::Round).map_err(EvalError::from);
        let grid =
            preview.grid(|batch| Ok::<_, EvalError>(vec![made(&(batch * -1.0))?, made(&(batch * 0.0))?])).unwrap();
        assert_eq!(grid.dimensions(), (2, 3));
        let levels: Vec<u8> = grid.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(levels, [0, 255, 255, 0, 128, 128]);
    }

    #[test]
    fn inputs_alone_are_a_row() {
        let preview = Preview { batches: vec![plain(1.0)], quantise: Quantise::Truncate, padding: 2 };
        assert_eq!(preview.grid(|_| Ok::<_, EvalError>(vec![])).unwrap().dimensions(), (5, 5));
    }
}
