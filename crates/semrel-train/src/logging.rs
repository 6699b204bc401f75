//! Log lines on stderr: `-v`, `-q`, `RUST_LOG`.

use crate::progress;
use std::io::{self, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging to stderr, above any progress bar.
///
/// Warnings with `quiet`; otherwise information, with `verbose` 1 debugging and with more everything. `RUST_LOG` goes
/// before both.
/// A second call changes nothing.
pub fn init(verbose: u8, quiet: bool) {
    let level = level(verbose, quiet);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AboveBars).with_target(verbose > 0);
    // Fails only where a subscriber is installed already.
    let _ = if verbose > 0 { lines.try_init() } else { lines.without_time().try_init() };
}

fn level(verbose: u8, quiet: bool) -> &'static str {
    match (quiet, verbose) {
        (true, _) => "warn",
        (false, 0) => "info",
        (false, 1) => "debug",
        (false, _) => "trace",
    }
}

struct AboveBars;

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::bars().suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_wins_and_verbosity_climbs() {
        assert_eq!(
            [level(0, false), level(1, false), level(7, false), level(3, true)],
            ["info", "debug", "trace", "warn"]
        );
    }

    #[test]
    fn starting_twice_is_harmless() {
        init(0, true);
        init(2, false);
        assert!(tracing::enabled!(tracing::Level::WARN));
    }
}
