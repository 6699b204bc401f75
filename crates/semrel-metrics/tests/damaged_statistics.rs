//! A damaged archive of statistics is read or refused: no panic, whatever is wrong with it.

use semrel_metrics::Statistics;
use semrel_testkit::{core_dir, mutations};
use std::fs;

#[test]
fn stored_and_deflated_archives() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("candidate.npz");
    for name in ["stats.npz", "stats_stored.npz"] {
        let valid = fs::read(core_dir().join("metrics/fid_stats_npz").join(name)).unwrap();
        for bytes in mutations(&valid, 3000) {
            fs::write(&file, bytes).unwrap();
            if let Err(error) = Statistics::read_npz(&file) {
                assert!(error.to_string().contains("candidate.npz"), "the file is not named: {error}");
            }
        }
        for length in (0..valid.len()).step_by(valid.len().div_ceil(300)) {
            fs::write(&file, &valid[..length]).unwrap();
            assert!(Statistics::read_npz(&file).is_err(), "{name} cut to {length} bytes");
        }
    }
}
