//! The stored inputs of `fuzz/corpus`, each through its reader: a test of its own, which fails where the reader panics, takes
//! longer than [`LONGEST`], allocates more than [`allowance`], or says other than the name of the input does: what begins with
//! `accepted-` is to be read, what begins with `refused-` is not.

use libtest_mimic::{Arguments, Failed, Trial};
use semrel_fuzz::{TARGETS, Target, Verdict};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The most time for one input; a hundredth of a second is usual.
const LONGEST: Duration = Duration::from_secs(20);

/// The most bytes that may be allocated at a time for an input of this length. A file without content takes some, and a value
/// of one byte becomes an object of some hundred. A byte of a deflated archive becomes 1032 at most, which are kept once as they
/// are and once as numbers or pixels.
fn allowance(target: &str, length: usize) -> usize {
    let factor = if ["npz", "pictures"].contains(&target) { 2 * 1032 } else { 256 };
    (4 << 20) + factor * length
}

/// Counts what each thread has allocated. Tensors are allocated by libtorch and not counted: they have the size of their bytes
/// in the file.
struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn grown(bytes: usize) {
    // A thread that is ending has none of these any more.
    let _ = NOW.try_with(|now| {
        now.set(now.get().saturating_add(bytes));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
    });
}

fn shrunk(bytes: usize) {
    let _ = NOW.try_with(|now| now.set(now.get().saturating_sub(bytes)));
}

// SAFETY: every call is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grown(size);
        shrunk(layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrunk(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// Names of the entries of a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// One input; the error says what is wrong.
fn run(name: &str, target: Target, file: &Path) -> Result<(), Failed> {
    let bytes = fs::read(file)?;
    let length = bytes.len();
    let (sender, receiver) = channel();
    // A thread that runs out of stack ends the process, and says its name.
    let reader = thread::Builder::new().name(name.to_owned()).spawn(move || {
        let before = NOW.get();
        PEAK.set(before);
        let verdict = target(&bytes);
        let _ = sender.send((verdict, PEAK.get() - before));
    })?;
    let (verdict, allocated) = match receiver.recv_timeout(LONGEST) {
        Ok(ended) => ended,
        Err(RecvTimeoutError::Timeout) => return Err(format!("takes longer than {LONGEST:?}").into()),
        Err(RecvTimeoutError::Disconnected) => {
            let panic = reader.join().expect_err("no verdict without a panic");
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            return Err(format!("panics: {}", text.unwrap_or_default()).into());
        }
    };
    let allowed = allowance(name.split("::").next().unwrap_or_default(), length);
    if allocated > allowed {
        return Err(format!("allocates {allocated} bytes for {length}; at most {allowed} are allowed").into());
    }
    let stem = file.file_name().unwrap_or_default().to_string_lossy();
    match (stem.split_once('-').map(|(first, _)| first), verdict) {
        (Some("accepted"), Verdict::Accepted) | (Some("refused"), Verdict::Refused(_)) => Ok(()),
        // Left there by a fuzzer: nothing is expected.
        (None, _) => Ok(()),
        (_, verdict) => Err(format!("{verdict:?}; a name begins with what is expected, accepted- or refused-").into()),
    }
}

/// Every target has its program, and inputs of both kinds.
fn every_target_has_inputs() -> Result<(), Failed> {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let programs: BTreeSet<String> = targets.iter().map(|target| format!("{target}.rs")).collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), programs);
    assert_eq!(names(&fuzz().join("corpus")), targets);
    for target in targets {
        let inputs = names(&fuzz().join("corpus").join(&target));
        for kind in ["accepted-", "refused-"] {
            assert!(inputs.iter().any(|input| input.starts_with(kind)), "{target} has no input that is {kind}");
        }
    }
    Ok(())
}

fn main() {
    let mut trials = vec![Trial::test("every_target_has_inputs", every_target_has_inputs)];
    for (target, read) in TARGETS {
        let folder = fuzz().join("corpus").join(target);
        for input in names(&folder) {
            let (name, file) = (format!("{target}::{input}"), folder.join(&input));
            trials.push(Trial::test(name.clone(), move || run(&name, read, &file)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
