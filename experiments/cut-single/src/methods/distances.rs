//! Distances between images that a translation should keep (DistanceGAN), and their statistics over a data set.

use crate::config::{Config, Distance, Method};
use crate::data::Data;
use anyhow::{Context, Result, ensure};
use semrel_data::Side;
use semrel_train::Progress;
use semrel_train::passes::l1;
use tch::{Kind, Tensor};

/// Most batches of a folder that the statistics look at.
pub const MOST_BATCHES: usize = 900;

/// Numbers whose differences are summed at once: what stays near a processor.
const COLUMNS: i64 = 1024;

impl Distance {
    /// Distances within a batch `[B, C, H, W]`, means of absolute differences: of each pair of images, `[B(B − 1)/2]`, or one number,
    /// of the upper halves from the lower halves of all images (the middle row of an odd height is left out).
    pub fn within(self, images: &Tensor) -> Tensor {
        match self {
            Self::Pairs => {
                let n = images.size()[0];
                let (first, second): (Vec<i64>, Vec<i64>) =
                    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).unzip();
                let of =
                    |which: Vec<i64>| images.index_select(0, &Tensor::from_slice(&which).to_device(images.device()));
                (of(first) - of(second)).abs().mean_dim([1i64, 2, 3].as_slice(), false, None::<Kind>)
            }
            Self::Halves => {
                let height = images.size()[2];
                l1(&images.narrow(2, 0, height / 2), &images.narrow(2, height - height / 2, height / 2))
            }
        }
    }
}

impl Distance {
    /// Whether statistics can be had of so many full batches.
    fn check_batches(self, batches: usize) -> Result<()> {
        let least = match self {
            Self::Pairs => 3,
            Self::Halves => 2,
        };
        ensure!(
            batches >= least,
            "`loss.standardise_distances` needs at least {least} full batches of each domain, found {batches}; use a smaller \
             `train.batch_size`, more images, or `loss.standardise_distances: false`"
        );
        Ok(())
    }
}

/// Whether a run whose distances are standardised has enough images, before any is read.
///
/// # Errors
/// Names the folder, and what would do.
pub fn check_distances(config: &Config, data: &Data) -> Result<()> {
    if config.method != Method::Distancegan || !config.loss.standardise_distances {
        return Ok(());
    }
    ensure!(
        !data.is_single(),
        "config key `loss.standardise_distances`: true; a run that learns from a single picture of each domain has none to measure \
         distances between; use false"
    );
    for side in [Side::A, Side::B] {
        let batches = data.images(side) / config.train.batch_size as usize;
        config.loss.distance.check_batches(batches).with_context(|| data.train.folder(side).display().to_string())?;
    }
    Ok(())
}

/// Mean and deviation of the distances within a folder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistanceStatistics {
    /// μ.
    pub mean: f64,
    /// σ, above 0.
    pub deviation: f64,
}

impl DistanceStatistics {
    /// Over full batches `[B, C, H, W]`, as published: the items are batches, not images. For pairs the distances of every two
    /// batches, `mean |X_p − X_q|` with image i against image i, for halves those within each batch; `σ² = mean (d − μ)²`.
    ///
    /// # Errors
    /// Where there are too few batches, or distances that do not vary: then they cannot be compared.
    pub fn of(batches: &[Tensor], distance: Distance) -> Result<Self> {
        distance.check_batches(batches.len())?;
        let distances = match distance {
            Distance::Pairs => between(batches),
            Distance::Halves => {
                Tensor::stack(&batches.iter().map(|batch| distance.within(batch)).collect::<Vec<_>>(), 0)
            }
        };
        let distances = distances.to_kind(Kind::Double);
        let (mean, deviation) =
            (distances.mean(None::<Kind>).double_value(&[]), distances.std(false).double_value(&[]));
        ensure!(
            deviation.is_finite() && deviation > 1e-6,
            "all distances are the same ({mean:.4}), so that there is nothing to standardise by; use \
             `loss.standardise_distances: false`"
        );
        Ok(Self { mean, deviation })
    }

    /// `(d − μ)/σ`.
    pub fn standardise(&self, distances: &Tensor) -> Tensor {
        (distances - self.mean) / self.deviation
    }
}

/// `mean |X_p − X_q|` of every two batches.
fn between(batches: &[Tensor]) -> Tensor {
    let rows: Vec<Tensor> = batches.iter().map(|batch| batch.reshape([-1])).collect();
    let numbers = rows[0].size()[0];
    let of_columns = |first: i64| {
        let columns = COLUMNS.min(numbers - first);
        let part: Vec<Tensor> = rows.iter().map(|row| row.narrow(0, first, columns)).collect();
        Tensor::stack(&part, 0).pdist(1.0).to_kind(Kind::Double)
    };
    let sum = (0..numbers).step_by(COLUMNS as usize).map(of_columns).reduce(|a, b| a + b);
    sum.expect("images are not empty") / numbers as f64
}

/// Which batches of the folders A and B, of so many images, one pass looks at, as the published program reads them: batch t of A with
/// batch t of B; partial batches are left out, and where that of A is partial also its companion of B. A folder that has ended waits
/// for the other. `most` turns at most.
pub fn batches_of_pass(images: [usize; 2], batch: usize, most: usize) -> [Vec<u64>; 2] {
    let [a, b] = images.map(|images| (images.div_ceil(batch), images / batch));
    let mut looked_at = [vec![], vec![]];
    for turn in 0..a.0.max(b.0).min(most) {
        if turn < a.0 {
            if turn >= a.1 {
                continue;
            }
            looked_at[0].push(turn as u64);
        }
        if turn < b.1 {
            looked_at[1].push(turn as u64);
        }
    }
    looked_at
}

/// Statistics of the folders A and B of a run, from one pass over its training images; progress on stderr unless `quiet`.
///
/// # Errors
/// Those of [`check_distances`]; files that cannot be read, and those of [`DistanceStatistics::of`].
pub fn measure(config: &Config, data: &Data, quiet: bool) -> Result<[DistanceStatistics; 2]> {
    check_distances(config, data)?;
    let batch = config.train.batch_size as usize;
    let [a, b] = batches_of_pass([Side::A, Side::B].map(|side| data.images(side)), batch, MOST_BATCHES);
    let mut progress = Progress::new("measuring distances between images", 0, (a.len() + b.len()) as u64, quiet);
    let mut of = |side, turns: Vec<u64>| {
        let mut batches = vec![];
        for turn in turns {
            batches.push(data.of_folder(side, turn)?);
            progress.inc(1);
        }
        DistanceStatistics::of(&batches, config.loss.distance)
            .with_context(|| format!("distances between images of {}", data.train.folder(side).display()))
    };
    let measured = [of(Side::A, a)?, of(Side::B, b)?];
    progress.finish();
    Ok(measured)
}

/// Statistics as random images have them, for measurements of speed.
pub(crate) fn measure_random() -> Result<[DistanceStatistics; 2]> {
    Ok([DistanceStatistics { mean: 0.5, deviation: 0.1 }; 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    const CPU: (Kind, Device) = (Kind::Double, Device::Cpu);

    #[test]
    fn distances_by_hand() {
        let of = |values: &[f64]| Tensor::from_slice(values).view([-1, 1, 2, 1]);
        let x = of(&[0.0, 1.0, 3.0, 1.0, 2.0, 6.0]);
        let pairs: Vec<f64> = Vec::try_from(Distance::Pairs.within(&x)).unwrap();
        // (|0−3| + |1−1|)/2, (|0−2| + |1−6|)/2, (|3−2| + |1−6|)/2.
        assert_eq!(pairs, [1.5, 3.5, 3.0]);
        assert_eq!(Distance::Halves.within(&x).double_value(&[]), (1.0 + 2.0 + 4.0) / 3.0);
        let odd = Tensor::from_slice(&[1.0, 9.0, 4.0]).view([1, 1, 3, 1]);
        assert_eq!(Distance::Halves.within(&odd).double_value(&[]), 3.0);
    }

    #[test]
    fn statistics_are_of_batches() {
        let batches: Vec<Tensor> = (0..4).map(|_| Tensor::randn([2, 3, 24, 20], CPU)).collect();
        let mut distances = vec![];
        for p in 0..4 {
            for q in p + 1..4 {
                distances.push(l1(&batches[p], &batches[q]).double_value(&[]));
            }
        }
        let mean = distances.iter().sum::<f64>() / 6.0;
        let variance = distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 6.0;
        let got = DistanceStatistics::of(&batches, Distance::Pairs).unwrap();
        assert!((got.mean - mean).abs() < 1e-12 && (got.deviation - variance.sqrt()).abs() < 1e-12);
        let alike: Vec<Tensor> = (0..3).map(|_| Tensor::zeros([1, 1, 2, 2], CPU)).collect();
        let error = DistanceStatistics::of(&alike, Distance::Halves).unwrap_err().to_string();
        assert!(error.contains("all distances are the same"), "{error}");
        let error = DistanceStatistics::of(&batches[..2], Distance::Pairs).unwrap_err().to_string();
        assert!(error.contains("found 2"), "{error}");
    }

    #[test]
    fn a_partial_batch_takes_its_companion_along() {
        // Three full batches and a partial one of A; five full ones of B.
        assert_eq!(batches_of_pass([7, 10], 2, 900), [vec![0, 1, 2], vec![0, 1, 2, 4]]);
        assert_eq!(batches_of_pass([8, 10], 2, 900), [vec![0, 1, 2, 3], vec![0, 1, 2, 3, 4]]);
        assert_eq!(batches_of_pass([10, 7], 2, 900), [vec![0, 1, 2, 3, 4], vec![0, 1, 2]]);
        assert_eq!(batches_of_pass([10, 10], 2, 3), [vec![0, 1, 2], vec![0, 1, 2]]);
    }
}
