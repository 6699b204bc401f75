//! The page that explains the configuration is that of the code.

use gancomp_fast::config::Config;
use semrel_train::cli::config_schema;
use std::fs;
use std::path::Path;

#[test]
fn the_reference_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/gancomp-fast.md");
    let page = fs::read_to_string(&file).unwrap_or_default();
    let stale = page != semrel_help::reference("gancomp-fast", &config_schema::<Config>());
    assert!(!stale, "docs/reference/gancomp-fast.md is stale; `cargo xtask docs --reference` renews it");
}
