//! Tables in text.

use super::{Verdict, as_file};
use semrel_metrics::MetricsError;
use semrel_metrics::segmentation::LabelTable;
use std::path::Path;

/// Which label image belongs to which photograph.
pub fn label_table(bytes: &[u8]) -> Verdict {
    as_file::<MetricsError>(bytes, |path| {
        let table = LabelTable::read(path, Path::new("root"))?;
        // Whether the table has it or not.
        let _ = table.label_of(Path::new("photo/1.png"));
        Ok(())
    })
}
