//! The page that explains the configuration is that of the code.

use semrel_testkit::runs::assert_reference_is_up_to_date;
use semrel_train::cli::config_schema;
use stargan2_multi::config::Config;

#[test]
fn the_reference_is_up_to_date() {
    assert_reference_is_up_to_date("stargan2-multi", &config_schema::<Config>());
}
