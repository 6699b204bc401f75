//! What the user sees while jobs run: a bar per job on a terminal, lines elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Progress of all jobs, on stderr.
pub struct Display {
    names: Vec<String>,
    states: Vec<String>,
    bars: Option<(MultiProgress, Vec<ProgressBar>)>,
}

impl Display {
    /// Bars where stderr is a terminal, otherwise lines.
    pub fn new(names: Vec<String>) -> Self {
        let mut display = Self::lines(names);
        if std::io::stderr().is_terminal() {
            display.bars = Some(display.make_bars());
        }
        display
    }

    /// Lines.
    pub fn lines(names: Vec<String>) -> Self {
        Self { states: vec![String::new(); names.len()], names, bars: None }
    }

    fn make_bars(&self) -> (MultiProgress, Vec<ProgressBar>) {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(4));
        let style = ProgressStyle::with_template("{prefix:24!} [{bar:24}] {wide_msg}").expect("a valid template");
        let bars = self.names.iter().map(|name| {
            let bar = all.add(ProgressBar::new(1).with_style(style.clone().progress_chars("=> ")));
            bar.set_prefix(name.clone());
            bar
        });
        let bars = bars.collect();
        (all, bars)
    }

    /// Time between reports of progress.
    pub fn period(&self) -> Duration {
        Duration::from_secs(if self.bars.is_some() { 1 } else { 30 })
    }

    /// A job is in another state.
    pub fn state(&mut self, job: usize, state: &str) {
        if self.states[job] == state {
            return;
        }
        self.states[job] = state.to_owned();
        match &self.bars {
            Some((_, bars)) => {
                if state.starts_with("done") {
                    bars[job].set_length(1);
                    bars[job].set_position(1);
                }
                bars[job].set_message(state.to_owned());
            }
            None => eprintln!("{:<24} {state}", self.names[job]),
        }
    }

    /// A job has come to `step` of `last`.
    pub fn progress(&mut self, job: usize, label: &str, step: u64, last: u64, spent: Duration, left: Option<Duration>) {
        let left = left.map(|t| format!(", {} left", minutes(t))).unwrap_or_default();
        let text = format!("{label}: {step} / {last}, {}{left}", minutes(spent));
        match &self.bars {
            Some((_, bars)) => {
                bars[job].set_length(last.max(1));
                bars[job].set_position(step.min(last));
                bars[job].set_message(text);
            }
            None => eprintln!("{:<24} {text}", self.names[job]),
        }
    }

    /// A message to the user.
    pub fn say(&self, text: &str) {
        match &self.bars {
            Some((all, _)) => drop(all.println(text)),
            None => eprintln!("{text}"),
        }
    }

    /// Leaves the last state of each job on the screen.
    pub fn finish(self) {
        if let Some((_, bars)) = self.bars {
            bars.iter().for_each(ProgressBar::abandon);
        }
    }
}

/// A duration as minutes and seconds.
fn minutes(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}
