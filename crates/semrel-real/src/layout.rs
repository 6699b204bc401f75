//! Where pictures lie in a data set.

use crate::RealError;
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::image_io::write_image;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What was written: pictures by folder, and what was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// How many pictures each folder has.
    pub folders: BTreeMap<String, usize>,
    /// What was left out, and how much of it.
    pub left_out: Vec<(String, usize)>,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let counts: Vec<String> = self.folders.iter().map(|(folder, count)| format!("{folder} {count}")).collect();
        write!(f, "{}", counts.join(", "))?;
        for (what, count) in &self.left_out {
            write!(f, "; without {count} {what}")?;
        }
        Ok(())
    }
}

/// Writes pictures: each job names a folder, a file in it and what is drawn.
///
/// # Errors
/// The first that cannot be drawn or written.
pub fn write<J: Sync>(
    dir: &Path,
    jobs: &[(String, String, J)],
    draw: impl Fn(&J) -> Result<RgbImage, RealError> + Sync,
    left_out: Vec<(String, usize)>,
) -> Result<Written, RealError> {
    let one = |(folder, file, job): &(String, String, J)| -> Result<(), RealError> {
        let place: PathBuf = dir.join(folder).join(file);
        Ok(write_image(&place, &draw(job)?)?)
    };
    jobs.par_iter().map(one).find_map_first(Result::err).map_or(Ok(()), Err)?;
    let mut folders = BTreeMap::new();
    for (folder, ..) in jobs {
        *folders.entry(folder.clone()).or_default() += 1;
    }
    Ok(Written { folders, left_out })
}

/// Jobs of two domains in CycleGAN's layout. Of subjects whose A trains, whose B trains, which are translated and which are compared
/// with: `trainA` (with `pairsB`, what these should become), `trainB` (`pairsA`), `testA` (`truthB`) and `testB` (`truthA`).
pub fn two_domains<T: Clone>(parts: [&[T]; 4], file: impl Fn(&T) -> String) -> Vec<(String, String, (T, usize))> {
    let places = [
        [("trainA", 0), ("pairsB", 1)],
        [("trainB", 1), ("pairsA", 0)],
        [("testA", 0), ("truthB", 1)],
        [("testB", 1), ("truthA", 0)],
    ];
    let mut jobs = vec![];
    for (part, places) in parts.into_iter().zip(places) {
        for subject in part {
            let job = |(folder, side): (&str, usize)| (folder.to_owned(), file(subject), (subject.clone(), side));
            jobs.extend(places.map(job));
        }
    }
    jobs
}
