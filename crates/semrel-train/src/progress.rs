//! Progress of anything that takes longer than a few seconds.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Time between plain lines if stderr is not a terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// All bars: whoever writes to stderr does so within their `suspend`.
pub(crate) fn bars() -> &'static MultiProgress {
    &BARS
}

/// A line on stderr, above any bar.
pub fn print_line(line: &str) {
    // A closed stderr is no reason to stop.
    bars().suspend(|| {
        let _ = writeln!(std::io::stderr(), "{line}");
    });
}

/// Counts to a total on stderr: a bar with rate and time left on a terminal, a plain line every half minute (and at the
/// end) elsewhere, nothing when quiet.
#[derive(Debug)]
pub struct Progress {
    label: String,
    total: u64,
    start: u64,
    position: u64,
    message: String,
    began: Instant,
    display: Display,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Plain { last: Instant },
    Quiet,
}

impl Progress {
    /// Progress from `start` (0 but for resumed work, which does not count for the rate) to `total`.
    pub fn new(label: impl Into<String>, start: u64, total: u64, quiet: bool) -> Self {
        let (label, began) = (label.into(), Instant::now());
        let display = if quiet {
            Display::Quiet
        } else if std::io::stderr().is_terminal() {
            Display::Bar(bar(&label, start, total))
        } else {
            Display::Plain { last: began }
        };
        Self { label, total, start, position: start, message: String::new(), began, display }
    }

    /// Advances by `n`.
    pub fn inc(&mut self, n: u64) {
        self.set(self.position + n);
    }

    /// Moves to `position`.
    pub fn set(&mut self, position: u64) {
        self.position = position;
        if let Display::Bar(bar) = &self.display {
            bar.set_position(position);
        }
        if let Display::Plain { last } = &mut self.display
            && last.elapsed() >= PLAIN_EVERY
        {
            *last = Instant::now();
            print_line(&self.line());
        }
    }

    /// Shows `message` behind the numbers: the current losses.
    pub fn message(&mut self, message: impl Into<String>) {
        self.message = message.into();
        if let Display::Bar(bar) = &self.display {
            bar.set_message(self.message.clone());
        }
    }

    /// Where it stands.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Ends the display, whether the total is reached or not.
    pub fn finish(self) {
        match &self.display {
            Display::Bar(bar) => bar.abandon(),
            Display::Plain { .. } => print_line(&self.line()),
            Display::Quiet => {}
        }
    }

    fn line(&self) -> String {
        let done = self.position - self.start.min(self.position);
        describe(&self.label, self.position, self.total, done, self.began.elapsed(), &self.message)
    }
}

fn bar(label: &str, start: u64, total: u64) -> ProgressBar {
    const TEMPLATE: &str = "{prefix} {wide_bar} {pos}/{len}  {per_sec}  {eta} left  {msg}";
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()).with_position(start);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar.set_prefix(label.to_owned());
    bar.reset_eta();
    bars().add(bar)
}

/// `train 120/1000 (12%), 3.4/s, 4m19s left, g 0.61`; `done` units took `elapsed`.
fn describe(label: &str, position: u64, total: u64, done: u64, elapsed: Duration, message: &str) -> String {
    let mut line = format!("{label} {position}/{total}");
    if total > 0 {
        let _ = write!(line, " ({}%)", (u128::from(position) * 100 / u128::from(total)).min(100));
    }
    let rate = done as f64 / elapsed.as_secs_f64();
    if done > 0 && rate.is_finite() {
        let _ = write!(line, ", {}/s", if rate < 1.0 { format!("{rate:.3}") } else { format!("{rate:.1}") });
        let left = total.saturating_sub(position);
        if left > 0 {
            let _ = write!(line, ", {} left", duration(left as f64 / rate));
        }
    }
    if !message.is_empty() {
        let _ = write!(line, ", {message}");
    }
    line
}

fn duration(seconds: f64) -> String {
    let s = seconds.round() as u64;
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rate_time_left_and_message() {
        let line = describe("train", 120, 1000, 20, Duration::from_secs(10), "g 0.61");
        assert_eq!(line, "train 120/1000 (12%), 2.0/s, 7m20s left, g 0.61");
        let line = describe("train", 101, 200, 1, Duration::from_secs(80), "");
        assert_eq!(line, "train 101/200 (50%), 0.013/s, 2h12m left");
    }

    #[test]
    fn nothing_done_and_everything_done() {
        assert_eq!(describe("eval", 0, 10, 0, Duration::ZERO, ""), "eval 0/10 (0%)");
        assert_eq!(describe("eval", 10, 10, 10, Duration::from_secs(1), ""), "eval 10/10 (100%), 10.0/s");
        assert_eq!(describe("eval", 0, 0, 0, Duration::from_secs(1), ""), "eval 0/0");
    }

    #[test]
    fn the_bar_template_is_valid_and_starts_where_told() {
        let bar = bar("train", 40, 100);
        assert_eq!((bar.position(), bar.length()), (40, Some(100)));
    }

    #[test]
    fn positions_add_up_in_every_mode() {
        for quiet in [true, false] {
            let mut progress = Progress::new("test", 5, 20, quiet);
            progress.inc(3);
            progress.message("loss 1");
            progress.set(12);
            progress.inc(1);
            assert_eq!(progress.position(), 13);
            assert!(progress.line().starts_with("test 13/20 (65%)"));
            progress.finish();
        }
    }
}
