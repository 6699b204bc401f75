//! What others know of the configuration is that of the code: the page that explains it, and the keys that reports read.

use semrel_run::Checked;
use semrel_run::config::to_yaml;
use semrel_testkit::runs::{assert_reference_is_up_to_date, assert_reports_find_their_keys};
use semrel_train::cli::config_schema;
use stargan2_multi::config::Config;
use std::path::Path;

#[test]
fn the_reference_is_up_to_date() {
    assert_reference_is_up_to_date("stargan2-multi", &config_schema::<Config>());
}

/// What reports read of a stored configuration is what the program has stored.
#[test]
fn reports_find_their_keys_in_a_stored_configuration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/stargan2-multi/sample");
    let config = Checked::<Config>::load(&[folder.join("seasons-ours.yaml")], &[]).unwrap().into_inner();
    let images = (config.data.root.as_path(), u32::try_from(config.data.image_size).unwrap());
    assert_reports_find_their_keys(&to_yaml(&config).unwrap(), config.seed, images, &config.eval.extractor);
}
