//! Makes a test of every case that the calling crate owns.

use crate::case::{Case, Outcome};
use crate::owners::{OWNERS, Owner};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;

/// Computes a case and compares.
pub type Handler = fn(&Case) -> Outcome;

/// The folder of cases: `SEMREL_VECTORS`, or `../shared/vectors` beside the checkout.
pub fn vectors_dir() -> PathBuf {
    std::env::var_os("SEMREL_VECTORS")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"))
}

/// Runs the cases of `owner` (a crate's name) with its handlers, one a kind, and exits like a test binary.
///
/// Fails on a kind of the owner's areas that nobody owns, on a kind without handler, and on an empty folder.
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
    let dir = vectors_dir();
    if !dir.exists() && std::env::var_os("SEMREL_VECTORS").is_none() {
        eprintln!("SKIPPED: no reference vectors at {}; set SEMREL_VECTORS to their folder", dir.display());
        return vec![Trial::test("vectors_absent", || Ok(())).with_ignored_flag(true)];
    }
    let mut trials = vec![];
    for (kind, own) in OWNERS {
        if *own == Owner::Crate(owner_name(owner)) && !handlers.iter().any(|(k, _)| k == kind) {
            trials.push(failing(format!("{kind}: handler"), format!("{owner} owns {kind} but has no handler for it")));
        }
    }
    let areas: std::collections::BTreeSet<&str> = handlers.iter().filter_map(|(k, _)| k.split('/').next()).collect();
    let keep = std::env::var("SEMREL_CASES").unwrap_or_default();
    let mut found = 0;
    for area in areas {
        let mut folders: Vec<PathBuf> = std::fs::read_dir(dir.join(area))
            .map(|d| d.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.is_dir()).collect())
            .unwrap_or_default();
        folders.sort();
        for folder in folders {
            found += 1;
            let label = folder.strip_prefix(&dir).unwrap_or(&folder).to_string_lossy().into_owned();
            match kind_of(&folder) {
                Err(why) => trials.push(failing(label, why)),
                Ok(kind) if !(kind.contains(&keep) || label.contains(&keep)) => {}
                Ok(kind) => match OWNERS.iter().find(|(k, _)| *k == kind).map(|(_, own)| own) {
                    None => trials.push(failing(label, format!("nobody knows the kind {kind}"))),
                    Some(Owner::Crate(name)) if *name == owner => {
                        if let Some(&(_, handler)) = handlers.iter().find(|(k, _)| *k == kind) {
                            trials.push(Trial::test(label, move || {
                                let case = Case::load(&folder)?;
                                handler(&case).map_err(Failed::from)
                            }));
                        }
                    }
                    Some(_) => {}
                },
            }
        }
    }
    if found == 0 {
        trials.push(failing("vectors".into(), format!("{} holds no case of {owner}'s areas", dir.display())));
    }
    trials
}

fn owner_name(name: &str) -> &'static str {
    OWNERS
        .iter()
        .find_map(|(_, own)| match own {
            Owner::Crate(n) if *n == name => Some(*n),
            _ => None,
        })
        .unwrap_or("")
}

fn kind_of(folder: &std::path::Path) -> Result<String, String> {
    let path = folder.join("case.json");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    json["kind"].as_str().map(str::to_owned).ok_or_else(|| format!("{}: no `kind`", path.display()))
}
