//! Several programs at a time, each a few steps long, with logs, progress and an orderly end on Ctrl-C.

use super::display::Display;
use super::error::TableError;
use semrel_run::in_a_line;
use semrel_run::log::Line;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A sequence of steps, of which each needs the one before.
pub struct Job {
    /// Name shown.
    pub name: String,
    /// File that the steps' output is appended to.
    pub log: PathBuf,
    /// What is left to do.
    pub steps: Vec<Step>,
    /// Index of the job that must be done before.
    pub after: Option<usize>,
    /// Of jobs that could start, those of the least rank do, in their order.
    pub rank: usize,
}

/// One call of a program.
pub struct Step {
    /// What it does, shown while it runs.
    pub label: &'static str,
    /// The call.
    pub command: Command,
    /// Results of earlier calls that this one outdates, removed before it.
    pub outdates: Vec<PathBuf>,
    /// A file written once it has succeeded.
    pub stamp: Option<(PathBuf, String)>,
    /// File of JSON lines that tells how far it is.
    pub metrics: Option<PathBuf>,
    /// The step that it ends at.
    pub length: Option<u64>,
    /// What is said when it starts.
    pub says: Option<String>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All steps succeeded.
    Done,
    /// A step failed; the reason is the last error of its log.
    Failed(String),
    /// Ended by the user, or not begun.
    Interrupted,
}

/// Number of interrupts asked for so far.
static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);

/// From here on Ctrl-C and termination are counted instead of ending this program.
///
/// # Errors
/// [`TableError::Signals`].
pub fn catch_interrupts() -> Result<(), TableError> {
    ctrlc::set_handler(|| {
        INTERRUPTS.fetch_add(1, Ordering::SeqCst);
    })
    .map_err(TableError::Signals)
}

struct Running {
    job: usize,
    child: Child,
    step: Step,
    /// Length of the log when the step began.
    log_start: u64,
    started: Instant,
    /// First position seen and when, for the time left.
    first: Option<(u64, Instant)>,
}

/// Runs all jobs, at most `parallel` at a time, and tells how each ended.
pub fn run(mut jobs: Vec<Job>, parallel: usize, display: &mut Display) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> =
        jobs.iter().map(|job| job.steps.is_empty().then_some(Outcome::Done)).collect();
    for (job, outcome) in outcomes.iter().enumerate() {
        display.state(job, if outcome.is_some() { "done before" } else { "waiting" });
    }
    let mut running: Vec<Running> = vec![];
    let mut forwarded = 0;
    let mut drawn = Instant::now();
    loop {
        let interrupts = INTERRUPTS.load(Ordering::SeqCst);
        if interrupts > forwarded {
            forwarded = interrupts;
            display.say("interrupted: waiting for checkpoints to be saved (Ctrl-C again to hurry)");
            running.iter().for_each(|r| interrupt(&r.child));
        }
        for j in 0..jobs.len() {
            if outcomes[j].is_none()
                && let Some(first) = jobs[j].after
                && matches!(outcomes[first], Some(Outcome::Failed(_)))
            {
                let reason = format!("{} failed", jobs[first].name);
                display.state(j, &format!("failed: {reason}"));
                outcomes[j] = Some(Outcome::Failed(reason));
            }
        }
        let ready = |j: &usize| jobs[*j].after.is_none_or(|first| outcomes[first] == Some(Outcome::Done));
        let waiting =
            (0..jobs.len()).filter(|&j| outcomes[j].is_none() && running.iter().all(|r| r.job != j)).filter(ready);
        if interrupts == 0 && running.len() < parallel {
            let mut waiting: Vec<usize> = waiting.collect();
            waiting.sort_by_key(|&j| jobs[j].rank);
            waiting.truncate(parallel - running.len());
            for j in waiting {
                start_next(&mut jobs, j, &mut running, &mut outcomes, display);
            }
        }
        if running.is_empty() {
            break;
        }
        let mut i = 0;
        while i < running.len() {
            let Some(status) = running[i].child.try_wait().transpose() else {
                i += 1;
                continue;
            };
            let ended = running.swap_remove(i);
            let j = ended.job;
            match conclude(&jobs[j], ended, status, interrupts > 0) {
                Outcome::Done if interrupts > 0 && !jobs[j].steps.is_empty() => {
                    outcomes[j] = Some(Outcome::Interrupted)
                }
                Outcome::Done => start_next(&mut jobs, j, &mut running, &mut outcomes, display),
                other => outcomes[j] = Some(other),
            }
            match &outcomes[j] {
                Some(Outcome::Failed(reason)) => display.state(j, &format!("failed: {reason}")),
                Some(Outcome::Interrupted) => display.state(j, "interrupted"),
                _ => {}
            }
        }
        if drawn.elapsed() > display.period() {
            drawn = Instant::now();
            running.iter_mut().for_each(|r| show(r, display));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    outcomes.into_iter().map(|o| o.unwrap_or(Outcome::Interrupted)).collect()
}

/// Starts the next step of a job, or notes that it is done.
fn start_next(
    jobs: &mut [Job],
    j: usize,
    running: &mut Vec<Running>,
    outcomes: &mut [Option<Outcome>],
    display: &mut Display,
) {
    if jobs[j].steps.is_empty() {
        outcomes[j] = Some(Outcome::Done);
        return display.state(j, "done");
    }
    let mut step = jobs[j].steps.remove(0);
    display.state(j, step.label);
    match spawn(&jobs[j].log, &mut step) {
        Ok((child, log_start)) => {
            step.says.iter().for_each(|text| display.say(text));
            running.push(Running { job: j, child, step, log_start, started: Instant::now(), first: None });
        }
        Err(error) => {
            let reason = in_a_line(&error);
            display.state(j, &format!("failed: {reason}"));
            outcomes[j] = Some(Outcome::Failed(reason));
        }
    }
}

fn spawn(log: &Path, step: &mut Step) -> Result<(Child, u64), TableError> {
    for file in step.outdates.iter().filter(|f| f.exists()) {
        fs::remove_file(file).map_err(TableError::io(file))?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(log).map_err(TableError::io(log))?;
    writeln!(file, "$ {:?}", step.command).map_err(TableError::io(log))?;
    let start = file.metadata().map_err(TableError::io(log))?.len();
    let child = step
        .command
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(TableError::io(log))?)
        .stderr(file)
        // Out of reach of the terminal's Ctrl-C, which this program passes on exactly once.
        .process_group(0)
        .spawn()
        .map_err(|source| TableError::Start { program: step.command.get_program().into(), source })?;
    Ok((child, start))
}

fn interrupt(child: &Child) {
    let _ = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).stderr(Stdio::null()).status();
}

fn conclude(job: &Job, ended: Running, status: std::io::Result<ExitStatus>, interrupted: bool) -> Outcome {
    let status = match status {
        Ok(status) => status,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    if status.success() {
        return match &ended.step.stamp {
            Some((path, text)) => fs::write(path, text)
                .map_or_else(|e| Outcome::Failed(format!("{}: {e}", path.display())), |()| Outcome::Done),
            None => Outcome::Done,
        };
    }
    if status.code() == Some(130) || interrupted {
        return Outcome::Interrupted;
    }
    let said = log_since(&job.log, ended.log_start).ok().and_then(|log| last_error(&log));
    let reason = said.unwrap_or_else(|| match status.signal() {
        Some(9) => "killed (signal 9; out of memory?)".into(),
        Some(signal) => format!("ended by signal {signal}"),
        None => format!("exit status {}", status.code().unwrap_or(-1)),
    });
    Outcome::Failed(format!("{} ({})", reason, ended.step.label))
}

fn log_since(path: &Path, start: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = vec![];
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last line that tells of an error, or else the last line.
pub fn last_error(log: &str) -> Option<String> {
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let error = |line: &&str| {
        let lower = line.to_lowercase();
        lower.starts_with("error") || lower.contains("panicked at") || lower.contains("error:")
    };
    let at = lines.iter().rposition(error);
    let line = match at {
        // The message of a panic stands on the next line.
        Some(i) if lines[i].contains("panicked at") => lines.get(i + 1).unwrap_or(&lines[i]),
        Some(i) => &lines[i],
        None => lines.last()?,
    };
    let text = line.strip_prefix("error: ").or_else(|| line.strip_prefix("Error: ")).unwrap_or(line);
    Some(text.to_owned())
}

fn show(running: &mut Running, display: &mut Display) {
    let (Some(metrics), Some(last)) = (&running.step.metrics, running.step.length) else { return };
    let Some(step) = position(metrics) else { return };
    // A resumed run shows its old position until it logs again.
    let &mut (first, since) = running.first.get_or_insert((step, Instant::now()));
    let left =
        (step > first).then(|| since.elapsed().mul_f64(last.saturating_sub(step) as f64 / (step - first) as f64));
    display.progress(running.job, running.step.label, step, last, running.started.elapsed(), left);
}

/// `step` of the last whole line of a file of JSON lines.
fn position(file: &Path) -> Option<u64> {
    let length = fs::metadata(file).ok()?.len();
    let tail = log_since(file, length.saturating_sub(8192)).ok()?;
    let (whole, _) = tail.rsplit_once('\n')?;
    Some(Line::parse(whole.lines().last()?.as_bytes()).ok()?.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Step {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Step { label: "running", command, outdates: vec![], stamp: None, metrics: None, length: None, says: None }
    }

    #[test]
    fn the_reason_of_a_failure_is_its_last_error() {
        let reason = |log: &str| last_error(log);
        assert_eq!(reason("step 1\nError: no such file\n\n").unwrap(), "no such file");
        assert_eq!(reason("error: first\nerror: config key `x`: bad\nnote").unwrap(), "config key `x`: bad");
        assert_eq!(
            reason("thread 'main' panicked at a.rs:1:2:\nindex out of bounds\nnote: run").unwrap(),
            "index out of bounds"
        );
        assert_eq!(reason("just this").unwrap(), "just this");
        assert_eq!(reason("\n"), None);
    }

    #[test]
    fn a_job_waits_for_the_one_it_needs() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("made");
        let job = |name: &str, script: String, after| Job {
            name: name.into(),
            log: dir.path().join(name),
            steps: vec![sh(&script)],
            after,
            rank: 0,
        };
        let made = file.display();
        let jobs = vec![
            job("user", format!("test -e {made}"), Some(1)),
            job("maker", format!("sleep 0.3; touch {made}"), None),
            job("broken", "exit 1".into(), None),
            job("left out", "true".into(), Some(2)),
            job("left out, too", "true".into(), Some(3)),
        ];
        let mut display = Display::lines(vec!["x".into(); 5]);
        let outcomes = run(jobs, 3, &mut display);
        assert_eq!(outcomes[..2], [Outcome::Done, Outcome::Done]);
        assert_eq!(outcomes[3], Outcome::Failed("broken failed".into()));
        assert_eq!(outcomes[4], Outcome::Failed("left out failed".into()));
    }

    #[test]
    fn jobs_of_lower_rank_start_first() {
        let dir = tempfile::tempdir().unwrap();
        let order = dir.path().join("order");
        let job = |name: &str, rank, after| Job {
            name: name.into(),
            log: dir.path().join(name),
            steps: vec![sh(&format!("echo {name} >> {}", order.display()))],
            after,
            rank,
        };
        let jobs =
            vec![job("a", 2, None), job("b", 0, Some(3)), job("c", 1, None), job("d", 0, None), job("e", 1, None)];
        assert_eq!(run(jobs, 1, &mut Display::lines(vec!["x".into(); 5])), vec![Outcome::Done; 5]);
        assert_eq!(fs::read_to_string(order).unwrap(), "d\nb\nc\ne\na\n");
    }

    #[test]
    fn position_is_that_of_the_last_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("metrics.jsonl");
        assert_eq!(position(&file), None);
        fs::write(&file, "{\"step\":10,\"d\":1}\n{\"step\":20,\"d\":NaN}\n{\"step\":30").unwrap();
        assert_eq!(position(&file), None);
        fs::write(&file, "{\"step\":10}\n{\"step\":20}\n{\"step\":30").unwrap();
        assert_eq!(position(&file), Some(20));
    }

    #[test]
    fn jobs_run_side_by_side_and_fail_alone() {
        let dir = tempfile::tempdir().unwrap();
        let job =
            |name: &str, steps| Job { name: name.into(), log: dir.path().join(name), steps, after: None, rank: 0 };
        let mut stamped = sh("echo fine");
        stamped.stamp = Some((dir.path().join("stamp"), "ok".into()));
        let jobs = vec![
            job("a", vec![sh("echo 'error: broken'; exit 2"), sh("touch never")]),
            job("b", vec![stamped, sh("echo two")]),
            job("c", vec![]),
            job("d", vec![sh("exit 130")]),
            job("e", vec![sh("kill -9 $$")]),
        ];
        let mut display = Display::lines(vec!["x".into(); 5]);
        let outcomes = run(jobs, 2, &mut display);
        assert_eq!(outcomes[0], Outcome::Failed("broken (running)".into()));
        assert_eq!(outcomes[1], Outcome::Done);
        assert_eq!(outcomes[2], Outcome::Done);
        assert_eq!(outcomes[3], Outcome::Interrupted);
        assert_eq!(outcomes[4], Outcome::Failed("killed (signal 9; out of memory?) (running)".into()));
        assert_eq!(fs::read_to_string(dir.path().join("stamp")).unwrap(), "ok");
        let log = fs::read_to_string(dir.path().join("b")).unwrap();
        assert!(log.contains("fine\n") && log.contains("two\n"), "{log}");
    }
}
