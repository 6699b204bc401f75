//! A report of made-up runs: its page in a browser, and its server.
#![allow(dead_code, reason = "each test takes what it needs")]

use crate::common::xtask;
use crate::fixture::Fixture;
use semrel_browser::{Browser, Tab, browser};
use semrel_suite::Skipped;
use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Longest that a page may take for anything.
pub const SECONDS: Duration = Duration::from_secs(20);

/// What is wanted of lists of what is wrong.
pub const NOTHING: [&str; 0] = [];

/// `report` of some runs.
pub fn report(fixture: &Fixture) -> assert_cmd::Command {
    let mut command = xtask();
    command.arg("report").arg("--results").arg(fixture.path("results")).arg("--runs").arg(fixture.path("runs"));
    command
}

/// A page of a report of made-up runs.
pub struct Page {
    tab: Tab,
    _browser: Browser,
    /// The runs.
    pub fixture: Fixture,
}

impl Deref for Page {
    type Target = Tab;

    fn deref(&self) -> &Tab {
        &self.tab
    }
}

/// The page, where there is a browser.
pub fn open() -> Result<Page, Skipped> {
    open_of(Fixture::new())
}

/// The page of these runs, where there is a browser.
pub fn open_of(fixture: Fixture) -> Result<Page, Skipped> {
    let browser = browser()?;
    report(&fixture).assert().success();
    let tab = browser.open_file(fixture.path("results/report/index.html")).unwrap();
    Ok(Page { tab, _browser: browser, fixture })
}

/// `serve` of made-up runs and its page, all of it drawn, where there is a browser.
pub fn served() -> Result<(Server, Page), Skipped> {
    let browser = browser()?;
    let fixture = Fixture::new();
    let server = Server::start(&fixture);
    let tab = browser.open(&server.address).unwrap();
    show_all(&tab);
    Ok((server, Page { tab, _browser: browser, fixture }))
}

/// Scrolls through the page, so that all charts are drawn, and back.
pub fn show_all(page: &Tab) {
    page.evaluate(
        "(async () => { for (let y = 0; y < document.body.scrollHeight; y += 500) {
            scrollTo({top: y, behavior: 'instant'}); await new Promise(done => setTimeout(done, 30)); }
            scrollTo({top: 0, behavior: 'instant'}); })()",
    )
    .unwrap();
    page.wait_for("[...document.querySelectorAll('.plot')].every(box => box.querySelector('canvas'))", SECONDS)
        .unwrap();
}

/// `serve`, which ends with this.
pub struct Server {
    /// The process.
    pub child: Child,
    /// Where it answers.
    pub address: String,
}

impl Server {
    /// Starts it on a port that is free.
    pub fn start(fixture: &Fixture) -> Self {
        Self::start_on("0", fixture)
    }

    /// Starts it on this port.
    pub fn start_on(port: &str, fixture: &Fixture) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("xtask"));
        command
            .args(["serve", "--port", port, "--results"])
            .arg(fixture.path("results"))
            .arg("--runs")
            .arg(fixture.path("runs"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().to_owned() }
    }

    /// The port that it answers on.
    pub fn port(&self) -> &str {
        self.address.trim_end_matches('/').rsplit(':').next().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
