//! What the commands `translate` share: the size of pictures, where translations go, and the bar meanwhile.

use crate::interrupt::InterruptError;
use crate::progress::print_line;
use crate::{Interrupt, Progress};
use semrel_data::translate::Job;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

/// Where translations go, and what size pictures have.
#[derive(Debug, Clone, clap::Args)]
pub struct TranslationArgs {
    /// Folder for the translations, which keep their names [default: beside each picture, as <name>_translated.png]
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Width and height that pictures are resized to, such as 256x256, or `own`: their own size, rounded to multiples
    /// of 4 [default: the size of the run's test images, also for an exported file; 256x256 for a published file]
    #[arg(long)]
    pub size: Option<PictureSize>,
}

/// What pictures are resized to before they enter a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureSize {
    /// Their own size.
    Own,
    /// This width and height.
    Fixed(u32, u32),
}

impl FromStr for PictureSize {
    type Err = String;

    /// Reads `own`, or width and height such as `256x256`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "own" {
            return Ok(Self::Own);
        }
        let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        match sides {
            Some((w @ 4..=8192, h @ 4..=8192)) => Ok(Self::Fixed(w, h)),
            _ => Err("expected `own`, or width x height in pixels, such as 256x256 (4 to 8192)".into()),
        }
    }
}

impl PictureSize {
    /// Width and height as [`semrel_data::translation_input`] takes them: those that were asked for, or `otherwise`.
    pub fn or(asked: Option<Self>, otherwise: Option<(u32, u32)>) -> Option<(u32, u32)> {
        match asked {
            None => otherwise,
            Some(Self::Own) => None,
            Some(Self::Fixed(width, height)) => Some((width, height)),
        }
    }
}

/// Translates the pictures of `input` with a bar, until a signal asks for an end, and says how many were translated and where
/// they are; 130, as for a signal, where some were not. `translate` calls its argument after each batch with the number of
/// pictures done, ends where that is false, and gives the number of pictures that it has written.
///
/// # Errors
/// Those of `translate`; where no signal can be waited for.
pub fn translating<E: From<InterruptError>>(
    jobs: &[Job],
    input: &Path,
    out: Option<&Path>,
    quiet: bool,
    translate: impl FnOnce(&mut dyn FnMut(usize) -> bool) -> Result<usize, E>,
) -> Result<ExitCode, E> {
    let interrupt = Interrupt::install()?;
    let mut bar = Progress::new("translations", 0, jobs.len() as u64, quiet);
    let written = translate(&mut |done| {
        bar.set(done as u64);
        !interrupt.requested()
    })?;
    bar.finish();
    let place = match (out, jobs) {
        (Some(out), _) => out.display().to_string(),
        (None, [job]) if job.output.exists() => job.output.display().to_string(),
        // Several translations of one picture have numbers.
        (None, [job]) => format!("beside {}", job.input.display()),
        (None, _) => format!("beside the pictures of {}", input.display()),
    };
    if written < jobs.len() {
        print_line(&format!("stopped after {written} of {} translations, {place}", jobs.len()));
        return Ok(ExitCode::from(130));
    }
    if !quiet {
        print_line(&format!("{written} translated: {place}"));
    }
    Ok(ExitCode::SUCCESS)
}
