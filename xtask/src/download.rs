//! A file by HTTP, in as many pieces as it takes.
//!
//! What has come lies in `.<file>.part`; `.<file>.part.json` says which version of the file it is a part of. A later
//! request asks for the rest of that version (`Range` with `If-Range`); a server that has another version, or that
//! knows no ranges, sends the whole file, and the part is started over.

use anyhow::{Result, anyhow, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use ureq::http::Response;
use ureq::http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE,
};
use ureq::{Agent, Body};

/// Waiting times before an interrupted download goes on.
pub const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// Time between plain lines where stderr is not a terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// A file that somebody publishes.
#[derive(Debug, Clone, Copy)]
pub struct Remote<'a> {
    /// What it is called here.
    pub name: &'a str,
    pub url: &'a str,
    /// Name of the file.
    pub file: &'a str,
    /// Size, where it is published.
    pub bytes: Option<u64>,
    /// Whether a digest will tell a whole file from one put together of two versions.
    pub has_digest: bool,
    /// How to choose another folder.
    pub elsewhere: &'a str,
}

/// A whole file that has come and has no name of its own yet.
#[derive(Debug)]
pub struct Arrived {
    pub path: PathBuf,
    version_path: PathBuf,
}

impl Arrived {
    /// Removes the record of its version, once the file was taken or refused.
    pub fn forget(&self) {
        let _ = fs::remove_file(&self.version_path);
    }
}

/// Downloads a file to a temporary place in `folder`. After a cut connection it waits the next of `pauses` and goes on;
/// whenever something has come, the pauses start over.
pub fn download(remote: Remote, folder: &Path, pauses: &[Duration]) -> Result<Arrived> {
    let mut part = Part::open(remote, folder)?;
    let mut pauses_left = pauses.iter();
    loop {
        let before = part.length;
        match part.go_on() {
            Ok(()) => break,
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Cut(error)) => {
                if part.length > before {
                    pauses_left = pauses.iter();
                }
                let Some(pause) = pauses_left.next() else {
                    return Err(error.context(format!(
                        "stopped after {} bytes, which are kept: the same command goes on",
                        part.length
                    )));
                };
                eprintln!("{error:#}; going on in {} s", pause.as_secs());
                sleep(*pause);
            }
        }
    }
    Ok(Arrived { path: part.path, version_path: part.version_path })
}

enum Failure {
    /// Another try may bring more.
    Cut(anyhow::Error),
    /// No other try will do.
    Final(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Final(error)
    }
}

/// The version of a file that a part belongs to.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub url: String,
    /// A strong `ETag`, or else `Last-Modified`.
    pub validator: Option<String>,
}

/// What has come of a file.
struct Part<'a> {
    remote: Remote<'a>,
    agent: Agent,
    path: PathBuf,
    version_path: PathBuf,
    version: Version,
    length: u64,
    /// Whether a server has answered: before that there is no use in trying again.
    answered: bool,
}

impl<'a> Part<'a> {
    fn open(remote: Remote<'a>, folder: &Path) -> Result<Self> {
        let seconds = |n| Some(Duration::from_secs(n));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("semrel-xtask/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(seconds(30))
            .timeout_recv_response(seconds(60))
            .timeout_per_read(seconds(60));
        let path = folder.join(format!(".{}.part", remote.file));
        let version_path = path.with_extension("part.json");
        let version: Version =
            fs::read(&version_path).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        let length = fs::metadata(&path).map_or(0, |m| m.len());
        let mut part =
            Self { remote, agent: config.build().into(), path, version_path, version, length, answered: false };
        if part.version.url != remote.url || !part.can_go_on() {
            part.length = 0;
        }
        Ok(part)
    }

    /// Whether the rest of this version can be asked for. Without a validator another version might come, which only a
    /// digest would tell.
    fn can_go_on(&self) -> bool {
        self.version.validator.is_some() || self.remote.has_digest
    }

    /// One request, for the rest or for everything.
    fn go_on(&mut self) -> Result<(), Failure> {
        if !self.can_go_on() {
            self.length = 0;
        }
        let mut request = self.agent.get(self.remote.url);
        if self.length > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.length));
            if let Some(validator) = &self.version.validator {
                request = request.header(IF_RANGE, validator);
            }
        }
        let mut response = request.call().map_err(|error| match self.answered {
            true => Failure::Cut(error.into()),
            false => Failure::Final(error.into()),
        })?;
        self.answered = true;
        let total = match response.status().as_u16() {
            200 => {
                self.begin(&response)?;
                content_length(&response)
            }
            206 => self.continued(&response)?,
            // The part is the whole file already, or longer than the file is now.
            416 if self.length > 0 => {
                let whole = range(&response).is_some_and(|(_, total)| total == Some(self.length));
                return if whole { Ok(()) } else { Err(self.restart("the file there is shorter than the part here")) };
            }
            status @ (408 | 429 | 500..) => {
                return Err(Failure::Cut(anyhow!("the server answers {status}")));
            }
            404 | 410 => return Err(anyhow!("HTTP {}: no such file there", response.status().as_u16()).into()),
            _ => return Err(anyhow!("the server answers {}", response.status()).into()),
        };
        self.receive(response.body_mut(), total)
    }

    /// Makes an empty part of the version that the server sends.
    fn begin(&mut self, response: &Response<Body>) -> Result<()> {
        if let Some(kind) = header(response, CONTENT_TYPE).filter(|kind| kind.starts_with("text/html")) {
            bail!("the server answers with a web page ({kind}), not with the file: is there a log-in page in between?");
        }
        if let (Some(expected), Some(found)) = (self.remote.bytes, content_length(response)) {
            ensure!(expected == found, "the file there has {found} bytes, the published one {expected}");
        }
        File::create(&self.path).map_err(|e| self.writing(e, &self.path))?;
        self.length = 0;
        self.version = Version { url: self.remote.url.to_owned(), validator: validator(response) };
        let json = serde_json::to_vec(&self.version)?;
        fs::write(&self.version_path, json).map_err(|e| self.writing(e, &self.version_path))
    }

    /// Checks that the server sends what follows the part; returns the file's length.
    fn continued(&mut self, response: &Response<Body>) -> Result<Option<u64>, Failure> {
        // For servers that heed `Range` but not `If-Range`.
        if matches!((validator(response), &self.version.validator), (Some(now), Some(then)) if now != *then) {
            return Err(self.restart("the file there has changed"));
        }
        match range(response) {
            Some((Some(start), total)) if start == self.length => Ok(total),
            _ => Err(self.restart("the server sends another part than asked for")),
        }
    }

    fn restart(&mut self, why: &'static str) -> Failure {
        self.length = 0;
        Failure::Cut(anyhow!("{why}; starting over"))
    }

    /// Appends what comes.
    fn receive(&mut self, body: &mut Body, total: Option<u64>) -> Result<(), Failure> {
        let mut file = OpenOptions::new().append(true).open(&self.path).map_err(|e| self.writing(e, &self.path))?;
        // Bytes behind the part are left of a version that was given up.
        file.set_len(self.length).map_err(|e| self.writing(e, &self.path))?;
        let mut display = Display::new(self.remote.name, self.length, total);
        let mut reader = body.as_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) => return Err(Failure::Cut(anyhow!("the connection broke: {error}"))),
            };
            file.write_all(&buffer[..n]).map_err(|e| self.writing(e, &self.path))?;
            self.length += n as u64;
            display.show(self.length);
        }
        display.finish(self.length);
        match total {
            Some(total) if self.length < total => {
                Err(Failure::Cut(anyhow!("the connection ended after {} of {total} bytes", self.length)))
            }
            _ => Ok(()),
        }
    }

    fn writing(&self, error: io::Error, path: &Path) -> anyhow::Error {
        anyhow!("{}: cannot be written: {error} ({})", path.display(), self.remote.elsewhere)
    }
}

fn header(response: &Response<Body>, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

fn content_length(response: &Response<Body>) -> Option<u64> {
    header(response, CONTENT_LENGTH)?.parse().ok()
}

/// What tells this version of the file from others: a strong `ETag`, or else `Last-Modified`.
fn validator(response: &Response<Body>) -> Option<String> {
    let strong = header(response, ETAG).filter(|tag| !tag.starts_with("W/"));
    strong.or(header(response, LAST_MODIFIED)).map(str::to_owned)
}

/// Start of the range and length of the file out of `bytes 5-9/10`, `bytes 5-9/*` or `bytes */10`.
fn range(response: &Response<Body>) -> Option<(Option<u64>, Option<u64>)> {
    parse_range(header(response, CONTENT_RANGE)?)
}

fn parse_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-').and_then(|(start, _)| start.parse().ok());
    Some((start, total.parse().ok()))
}

/// A bar on a terminal, plain lines elsewhere.
struct Display<'a> {
    name: &'a str,
    bar: ProgressBar,
    total: Option<u64>,
    plain: bool,
    last: Instant,
}

impl<'a> Display<'a> {
    fn new(name: &'a str, start: u64, total: Option<u64>) -> Self {
        const KNOWN: &str = "{prefix} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        const UNKNOWN: &str = "{prefix} {spinner} {bytes}  {bytes_per_sec}";
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new).with_prefix(name.to_owned());
        if let Ok(style) = ProgressStyle::with_template(if total.is_some() { KNOWN } else { UNKNOWN }) {
            bar.set_style(style);
        }
        bar.set_position(start);
        bar.reset_eta();
        let display = Self { name, bar, total, plain: !io::stderr().is_terminal(), last: Instant::now() };
        if display.plain {
            display.line(if start > 0 { "goes on at" } else { "begins at" }, start);
        }
        display
    }

    fn show(&mut self, position: u64) {
        self.bar.set_position(position);
        if self.plain && self.last.elapsed() >= PLAIN_EVERY {
            self.last = Instant::now();
            self.line("has come to", position);
        }
    }

    fn finish(self, position: u64) {
        self.bar.finish_and_clear();
        if self.plain {
            self.line("ends at", position);
        }
    }

    fn line(&self, what: &str, position: u64) {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let total = self.total.map_or_else(String::new, |total| format!(" of {:.1}", mib(total)));
        eprintln!("{} {what} {:.1}{total} MiB", self.name, mib(position));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((Some(5), Some(10))));
        assert_eq!(parse_range("bytes 5-9/*"), Some((Some(5), None)));
        assert_eq!(parse_range("bytes */10"), Some((None, Some(10))));
        assert_eq!(parse_range("lines 1-2/3"), None);
    }
}
