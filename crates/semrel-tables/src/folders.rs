//! Folders of images that tables may train on.

use super::error::TableError;
use semrel_data::{PairFolder, Splits};
use std::path::Path;

/// Share of images held out for validation where a folder has no `val` or `test`; that of the experiments.
pub const HOLDOUT: f64 = 0.1;

/// Opens images by domain; the error says which layout is right.
///
/// # Errors
/// [`TableError::Layout`], [`TableError::TooFewDomains`].
pub fn open_domains(dir: &Path) -> Result<Splits, TableError> {
    let splits = Splits::open(dir, HOLDOUT).map_err(|error| {
        let layout = "must hold train/<domain>/ and val/<domain>/, or <domain>/, with images";
        TableError::Layout(format!("{} {layout}", dir.display()), error)
    })?;
    match splits.train.len() {
        domains @ 0..2 => Err(TableError::TooFewDomains { path: dir.to_owned(), domains }),
        _ => Ok(splits),
    }
}

/// Checks that a folder holds training and test images of two domains.
///
/// # Errors
/// [`TableError::Layout`].
pub fn check_pair(dir: &Path) -> Result<(), TableError> {
    for phase in ["train", "test"] {
        PairFolder::open(dir, phase).map_err(|error| {
            let layout = "must hold trainA, trainB, testA and testB, or train and test with A|B pictures";
            TableError::Layout(format!("{} {layout}", dir.display()), error)
        })?;
    }
    Ok(())
}
