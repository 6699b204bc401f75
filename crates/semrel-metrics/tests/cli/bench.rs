//! Measurements of speed.

use crate::common::metrics;
use serde_json::Value;

#[test]
fn bench_prints_one_object() {
    let output =
        metrics(&["bench", "--pictures", "32", "--dimensions", "64"]).assert().success().get_output().stdout.clone();
    let report: Value = serde_json::from_slice(&output).unwrap();
    for key in ["decoded_per_second", "network_per_second", "files_per_second", "peak_memory_mib"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{report}");
    }
    assert_eq!(report["distances"][0]["pictures"], 500);
}
