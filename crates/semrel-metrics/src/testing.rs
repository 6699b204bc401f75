//! Random features that do not depend on which tests run at the same time.

use rand::RngExt;
use tch::Tensor;

/// About standard normal values (sums of twelve uniform ones) in double precision.
pub(crate) fn normal(seed: i64, size: &[i64]) -> Tensor {
    let mut rng = semrel_data::rng::stream(seed as u64, "test", 0);
    let count = size.iter().product::<i64>();
    let values: Vec<f64> = (0..count).map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0).collect();
    Tensor::from_slice(&values).view(size)
}
