//! Starts the browser.

use crate::find::{chromium, file_address};
use crate::tab::{Tab, protocol};
use crate::{BrowserError, axe};
use headless_chrome::LaunchOptions;
use semrel_suite::Skipped;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

/// What keeps the browser from asking for anything by itself.
const ARGUMENTS: [&str; 9] = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
];

/// A headless Chromium with a profile of its own, which ends with this.
pub struct Browser {
    browser: headless_chrome::Browser,
    // Removed after the browser has ended: fields are dropped in their order.
    _profile: tempfile::TempDir,
}

/// A browser for a test, which is skipped where there is none, or no axe-core.
///
/// # Errors
/// Why there is none.
///
/// # Panics
/// Where there is none and `SEMREL_REQUIRE_BROWSER` is 1.
pub fn browser() -> Result<Browser, Skipped> {
    axe::script().and_then(|_| Browser::start()).map_err(|error| {
        let required = std::env::var_os("SEMREL_REQUIRE_BROWSER").is_some_and(|v| v == "1");
        assert!(!required, "{error} (SEMREL_REQUIRE_BROWSER is 1)");
        Skipped::because(error)
    })
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    /// Where there is none, or it does not start.
    pub fn start() -> Result<Self, BrowserError> {
        let path = chromium()?;
        let failed = |source| BrowserError::File { path: std::env::temp_dir(), source };
        let profile = tempfile::Builder::new().prefix("semrel-browser-").tempdir().map_err(failed)?;
        let options = LaunchOptions {
            path: Some(path),
            // Chromium's sandbox does not work for root, nor in most containers; the pages are the tests' own.
            sandbox: false,
            window_size: Some((1280, 900)),
            user_data_dir: Some(profile.path().to_owned()),
            args: ARGUMENTS.iter().map(OsStr::new).collect(),
            // On a busy machine a test may compute for a while between two calls.
            idle_browser_timeout: Duration::from_secs(600),
            ..LaunchOptions::default()
        };
        let browser = headless_chrome::Browser::new(options).map_err(protocol)?;
        Ok(Self { browser, _profile: profile })
    }

    /// Opens an address and waits until it has loaded.
    ///
    /// # Errors
    /// Where it does not load.
    pub fn open(&self, address: &str) -> Result<Tab, BrowserError> {
        let tab = Tab::new(self.browser.new_tab().map_err(protocol)?, address)?;
        tab.load(address)?;
        Ok(tab)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// Where there is none, or it does not load.
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<Tab, BrowserError> {
        self.open(&file_address(path.as_ref())?)
    }
}
