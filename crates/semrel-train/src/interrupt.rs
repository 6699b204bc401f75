//! Ctrl-C and SIGTERM as a flag, so that a run ends with a checkpoint.

use crate::progress;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The signal handler could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("cannot install the handler for Ctrl-C and SIGTERM: {0}")]
pub struct InterruptError(String);

static REQUESTED: AtomicBool = AtomicBool::new(false);
/// Number of readers of the flag. Without any, a signal ends the process as if it were not handled.
static READERS: AtomicUsize = AtomicUsize::new(0);
static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();

/// Proof that the signals are handled.
///
/// The first Ctrl-C (or SIGTERM, SIGHUP) sets the flag that [`Interrupt::requested`] reads; the second ends the process
/// at once with code 130.
#[derive(Debug, Clone, Copy)]
pub struct Interrupt(());

impl Interrupt {
    /// Installs the handler for the rest of the process; later calls give the same flag.
    ///
    /// # Errors
    /// Where the system refuses, or another library has installed a handler of its own.
    pub fn install() -> Result<Self, InterruptError> {
        let installed = INSTALLED.get_or_init(|| ctrlc::set_handler(handle).map_err(|e| e.to_string()));
        installed.clone().map_err(InterruptError)?;
        READERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self(()))
    }

    /// As [`Interrupt::install`], but the flag has no reader yet: until [`Interrupt::watching`] a signal ends the process at once,
    /// as is right while work is only prepared.
    ///
    /// # Errors
    /// As [`Interrupt::install`].
    pub fn prepare() -> Result<Self, InterruptError> {
        let interrupt = Self::install()?;
        READERS.fetch_sub(1, Ordering::Relaxed);
        Ok(interrupt)
    }

    /// Reads the flag until the watch is dropped.
    pub fn watching(&self) -> Watch {
        READERS.fetch_add(1, Ordering::Relaxed);
        Watch(*self)
    }

    /// As [`Interrupt::install`], for a piece of work: until the watch is dropped.
    ///
    /// # Errors
    /// As [`Interrupt::install`].
    pub fn watch() -> Result<Watch, InterruptError> {
        Self::install().map(Watch)
    }

    /// Whether to stop after the present step.
    pub fn requested(&self) -> bool {
        interrupted()
    }
}

/// Whether a signal has asked for an end while the flag had a reader.
pub fn interrupted() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// An [`Interrupt`] that is read until this is dropped.
#[derive(Debug)]
pub struct Watch(Interrupt);

impl std::ops::Deref for Watch {
    type Target = Interrupt;

    fn deref(&self) -> &Interrupt {
        &self.0
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        READERS.fetch_sub(1, Ordering::Relaxed);
    }
}

fn handle() {
    if READERS.load(Ordering::Relaxed) == 0 {
        exit_at_once(130);
    }
    if REQUESTED.swap(true, Ordering::Relaxed) {
        exit_at_once(130);
    }
    progress::print_line("stopping after this step; Ctrl-C again stops at once, without saving");
}

/// Without destructors: those of libtorch would pull the ground from under a computation.
fn exit_at_once(code: i32) -> ! {
    #[cfg(unix)]
    // SAFETY: `_exit` takes an integer and does not return; nothing is left for memory safety to depend on.
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Lines};
    use std::process::{Child, ChildStdout, Command, Stdio};
    use std::time::Duration;

    const CHILD: &str = "SEMREL_TEST_INTERRUPT";

    /// Waits for the flag, then for what comes.
    #[test]
    fn child_process() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        drop(Interrupt::watch().unwrap());
        drop(Interrupt::prepare().unwrap().watching());
        let _prepared = Interrupt::prepare().unwrap();
        println!("\nunwatched");
        if std::env::var(CHILD).is_ok_and(|which| which == "unwatched") {
            std::thread::sleep(Duration::from_secs(60));
        }
        let interrupt = Interrupt::install().unwrap();
        assert!(!interrupt.requested());
        println!("\nready");
        while !interrupt.requested() {
            std::thread::sleep(Duration::from_millis(5));
        }
        // The same flag again, not a second handler.
        assert!(Interrupt::install().unwrap().requested());
        println!("\nrequested");
        std::thread::sleep(Duration::from_secs(60));
    }

    fn start(which: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "interrupt::tests::child_process"])
            .env(CHILD, which)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    }

    #[test]
    fn a_signal_that_nobody_watches_for_ends_the_process() {
        let (mut child, mut lines) = start("unwatched");
        assert!(lines.by_ref().map_while(Result::ok).any(|line| line == "unwatched"));
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(!lines.map_while(Result::ok).any(|line| line == "ready"));
    }

    #[test]
    fn the_first_signal_sets_the_flag_and_the_second_exits_with_130() {
        for signal in ["-INT", "-TERM"] {
            let (mut child, mut lines) = start("watched");
            let mut wait_for = |word: &str| assert!(lines.by_ref().map_while(Result::ok).any(|line| line == word));
            let send =
                || assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            wait_for("ready");
            send();
            wait_for("requested");
            send();
            assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        }
    }
}
