//! Archives: statistics of features, and pictures.

use super::{FOLDER, Verdict, as_file};
use semrel_metrics::source::{Images, Listing};
use semrel_metrics::{MetricsError, Statistics};

/// Means and covariances for a Fréchet distance.
pub fn npz(bytes: &[u8]) -> Verdict {
    as_file::<MetricsError>(bytes, |path| {
        let statistics = Statistics::read_npz(path)?;
        if statistics.mean.len() <= 64 {
            let again = FOLDER.with(|folder| folder.path().join("again.npz"));
            statistics.write_npz(&again)?;
            assert_eq!(Statistics::read_npz(&again)?, statistics);
        }
        Ok(())
    })
}

/// A zip of pictures, or a list of picture files. The first few are decoded, and one that cannot be is a refusal.
pub fn pictures(bytes: &[u8]) -> Verdict {
    as_file::<MetricsError>(bytes, |path| {
        let images = Images::open(path, Listing::Recursive)?;
        for number in 0..images.len().min(4) {
            images.read(number)?;
        }
        Ok(())
    })
}
