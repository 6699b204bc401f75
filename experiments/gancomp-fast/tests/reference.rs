//! The page that explains the configuration is that of the code.

use gancomp_fast::config::Config;
use semrel_testkit::runs::assert_reference_is_up_to_date;
use semrel_train::cli::config_schema;

#[test]
fn the_reference_is_up_to_date() {
    assert_reference_is_up_to_date("gancomp-fast", &config_schema::<Config>());
}
