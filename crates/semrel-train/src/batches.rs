//! Training batches of two domains as tensors.

use ndarray::Array4;
use semrel_data::{DataError, Loader, LoaderError, PairBatch};
use tch::{Device, Tensor};

/// Images of one step, `[B, 3, H, W]` in [-1, 1].
#[derive(Debug)]
pub struct Batch {
    /// Of the source domain.
    pub a: Tensor,
    /// Of the target domain.
    pub b: Tensor,
}

impl Batch {
    /// Copies a batch of arrays to `device`.
    pub fn new(batch: &PairBatch, device: Device) -> Self {
        Self { a: tensor(&batch.a, device), b: tensor(&batch.b, device) }
    }
}

/// Training batches in step order.
pub struct BatchLoader(Loader<PairBatch, DataError>);

impl BatchLoader {
    /// The batches that `source` gives for each step from `first_step` on, a few of them ahead of the training step, on a
    /// thread of its own.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn spawn(
        source: impl Fn(u64) -> Result<PairBatch, DataError> + Send + Sync + 'static,
        first_step: u64,
    ) -> Result<Self, rayon::ThreadPoolBuildError> {
        Ok(Self(Loader::spawn(source, first_step, 4, 1)?))
    }

    /// The next batch, on `device`.
    ///
    /// # Errors
    /// The file that cannot be read.
    pub fn next(&mut self, device: Device) -> Result<Batch, LoaderError<DataError>> {
        let batch = self.0.next().expect("the loader has no end")?;
        Ok(Batch::new(&batch, device))
    }

    /// Seconds that training has waited for images so far.
    pub fn waited(&self) -> f64 {
        self.0.waited().as_secs_f64()
    }
}

/// Copies an image array to a tensor of the same shape.
pub fn tensor(images: &Array4<f32>, device: Device) -> Tensor {
    let shape: Vec<i64> = images.shape().iter().map(|&d| d as i64).collect();
    let data = images.as_slice().expect("batches are contiguous");
    Tensor::from_slice(data).view(shape.as_slice()).to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_become_tensors_in_step_order() {
        let source = |step: u64| {
            let a =
                Array4::from_shape_fn((1, 3, 2, 2), |(_, c, y, x)| (step * 100) as f32 + (c * 4 + y * 2 + x) as f32);
            Ok(PairBatch { b: &a + 0.5, a })
        };
        let mut loader = BatchLoader::spawn(source, 3).unwrap();
        for step in [3, 4] {
            let batch = loader.next(Device::Cpu).unwrap();
            assert_eq!(batch.a.size(), [1, 3, 2, 2]);
            assert_eq!(batch.a.double_value(&[0, 2, 1, 0]), f64::from(step) * 100.0 + 10.0);
            assert_eq!((batch.b - batch.a).mean(tch::Kind::Float).double_value(&[]), 0.5);
        }
        assert!(loader.waited() >= 0.0);
    }
}
