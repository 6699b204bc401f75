//! Makes a test of every case that the calling crate owns.

use crate::case::{Case, Outcome};
use crate::owners::OWNERS;
use crate::sources::{Labels, beside, cases, core_dir, fault, whole_dirs};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Computes a case and compares.
pub type Handler = fn(&Case) -> Outcome;

/// Runs the cases of `owner` (a crate's name) with its handlers, one a kind, and exits like a test binary.
///
/// The cases are those of the core set and of the folders that `SEMREL_VECTORS` lists ([`whole_dirs`]); where there is no such
/// folder, that counts as one skipped test. Fails on a kind of the owner's areas that nobody owns, on a kind without handler,
/// and on a folder in the list that is absent or holds no case.
///
/// `SEMREL_CASES` keeps the cases whose kind or `<area>/<case>` contains its text.
pub fn run(owner: &str, handlers: &[(&'static str, Handler)]) -> ! {
    let mut args = Arguments::from_args();
    // The cases themselves run side by side; one thread of arithmetic each keeps the processor from being oversubscribed.
    tch::set_num_threads(1);
    if args.test_threads.is_none() {
        args.test_threads = std::thread::available_parallelism().ok().map(usize::from);
    }
    libtest_mimic::run(&args, trials(owner, handlers)).exit()
}

fn failing(name: String, why: String) -> Trial {
    Trial::test(name, move || Err(Failed::from(why)))
}

fn trials(owner: &str, handlers: &[(&'static str, Handler)]) -> Vec<Trial> {
    let mut trials = vec![];
    for (kind, own) in OWNERS {
        if *own == owner && !handlers.iter().any(|(k, _)| k == kind) {
            trials.push(failing(format!("{kind}: handler"), format!("{owner} owns {kind} but has no handler for it")));
        }
    }
    let areas: BTreeSet<&str> = handlers.iter().filter_map(|(k, _)| k.split('/').next()).collect();
    let mut labels = Labels::default();
    let whole = whole_dirs();
    if whole.is_empty() {
        let why = match std::env::var_os("SEMREL_VECTORS") {
            Some(_) => "SEMREL_VECTORS is empty".to_owned(),
            None => format!("there is no folder {}; SEMREL_VECTORS may list others", beside()[0].display()),
        };
        trials.push(Trial::ignorable_test("whole_set_absent", move || Ok(Completion::ignored_with(why))));
    }
    for folder in [core_dir()].into_iter().chain(whole) {
        if let Some(why) = fault(&folder) {
            trials.push(failing(format!("vectors: {}", folder.display()), why));
        }
        for path in areas.iter().flat_map(|area| cases(&folder, area)) {
            trials.extend(trial(owner, handlers, labels.of(&folder, &path), path));
        }
    }
    trials
}

/// The test of a case; none where it is not the owner's, or not of those that `SEMREL_CASES` keeps.
fn trial(owner: &str, handlers: &[(&'static str, Handler)], label: String, folder: PathBuf) -> Option<Trial> {
    let kind = match kind_of(&folder) {
        Ok(kind) => kind,
        Err(why) => return Some(failing(label, why)),
    };
    let keep = std::env::var("SEMREL_CASES").unwrap_or_default();
    if !(kind.contains(&keep) || label.contains(&keep)) {
        return None;
    }
    match OWNERS.iter().find(|(k, _)| *k == kind).map(|(_, own)| own) {
        None => Some(failing(label, format!("unknown kind {kind}"))),
        Some(own) if *own == owner => {
            let &(_, handler) = handlers.iter().find(|(k, _)| *k == kind)?;
            Some(Trial::ignorable_test(label, move || {
                let case = Case::load(&folder)?;
                handler(&case).map_err(Failed::from)?;
                Ok(case.skipped().map_or(Completion::Completed, Completion::ignored_with))
            }))
        }
        Some(_) => None,
    }
}

pub(crate) fn kind_of(folder: &Path) -> Result<String, String> {
    let path = folder.join("case.json");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    json["kind"].as_str().map(str::to_owned).ok_or_else(|| format!("{}: no `kind`", path.display()))
}
