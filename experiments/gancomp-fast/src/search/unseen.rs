//! A search looks at images that the super-net has not been trained on.

use crate::config::DataConfig;
use anyhow::{Result, ensure};
use serde_json::json;
use std::path::Path;

/// Refuses images that the super-net in `run_dir` may have been trained on.
///
/// # Errors
/// Names the config key that differs.
pub(super) fn check_unseen(data: &DataConfig, distilled: &DataConfig, run_dir: &Path) -> Result<()> {
    let values = |data: &DataConfig| {
        let DataConfig { layout, direction, held_back, distill_list, search_list, .. } = data;
        [
            ("layout", json!(layout)),
            ("direction", json!(direction)),
            ("held_back", json!(held_back)),
            ("distill_list", json!(distill_list)),
            ("search_list", json!(search_list)),
        ]
    };
    for ((key, now), (_, then)) in values(data).into_iter().zip(values(distilled)) {
        ensure!(
            now == then,
            "config key `data.{key}`: {now}, but the super-net in {} was distilled with {then}: a search looks at images that \
             the distillation has not seen; set it to that, or distil again",
            run_dir.display()
        );
    }
    if data.root != distilled.root {
        tracing::warn!(
            "config key `data.root`: {}, but the super-net in {} was distilled with images of {}",
            data.root.display(),
            run_dir.display(),
            distilled.root.display()
        );
    }
    Ok(())
}
