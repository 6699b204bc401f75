//! A prefetching loader: a pure function of the step, computed ahead on threads of its own.

use crossbeam_channel::{Receiver, bounded};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Why a batch did not arrive.
#[derive(Debug, Error)]
pub enum LoaderError<E> {
    /// The source returned an error.
    #[error("batch {step}")]
    Source {
        /// Step of the batch.
        step: u64,
        /// The error.
        source: E,
    },
    /// The source panicked.
    #[error("batch {step}: the loader panicked: {message}")]
    Panicked {
        /// Step of the batch.
        step: u64,
        /// What the panic said.
        message: String,
    },
}

/// A batch that is being made.
struct Pending<T, E> {
    step: u64,
    receiver: Receiver<Result<T, LoaderError<E>>>,
}

/// Yields `source(first_step)`, `source(first_step + 1)`, … in this order, without end.
///
/// Up to `depth` batches beyond the one asked for are ready or in the making. Taking a ready one costs a channel operation. Dropping the
/// loader stops its threads: no batch is begun afterwards, those in the making are finished and thrown away.
pub struct Loader<T, E> {
    pool: ThreadPool,
    source: Arc<dyn Fn(u64) -> Result<T, E> + Send + Sync>,
    /// One channel per batch, in the order of steps.
    pending: VecDeque<Pending<T, E>>,
    next_step: u64,
    stopped: Arc<AtomicBool>,
    waited: Duration,
}

impl<T: Send + 'static, E: Send + 'static> Loader<T, E> {
    /// Starts `threads` threads (at least 1) that work up to `depth` (at least 1) batches ahead.
    ///
    /// # Errors
    /// Where the system refuses to start a thread.
    pub fn spawn(
        source: impl Fn(u64) -> Result<T, E> + Send + Sync + 'static,
        first_step: u64,
        depth: usize,
        threads: usize,
    ) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool =
            ThreadPoolBuilder::new().num_threads(threads.max(1)).thread_name(|i| format!("loader-{i}")).build()?;
        let mut loader = Self {
            pool,
            source: Arc::new(source),
            pending: VecDeque::with_capacity(depth.max(1)),
            next_step: first_step,
            stopped: Arc::new(AtomicBool::new(false)),
            waited: Duration::ZERO,
        };
        for _ in 0..depth.max(1) {
            loader.request();
        }
        Ok(loader)
    }

    /// Time spent waiting for batches that were not ready, since the start.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    fn request(&mut self) {
        let (step, source, stopped) = (self.next_step, Arc::clone(&self.source), Arc::clone(&self.stopped));
        let (sender, receiver) = bounded(1);
        self.pool.spawn(move || {
            if stopped.load(Ordering::Relaxed) {
                return;
            }
            let result = match catch_unwind(AssertUnwindSafe(|| source(step))) {
                Ok(result) => result.map_err(|source| LoaderError::Source { step, source }),
                Err(panic) => Err(LoaderError::Panicked { step, message: panic_text(&*panic) }),
            };
            // The receiver is gone if the loader was dropped meanwhile.
            let _ = sender.send(result);
        });
        self.pending.push_back(Pending { step, receiver });
        self.next_step += 1;
    }
}

impl<T: Send + 'static, E: Send + 'static> Iterator for Loader<T, E> {
    type Item = Result<T, LoaderError<E>>;

    /// The next batch or its error; never `None`.
    fn next(&mut self) -> Option<Self::Item> {
        self.request();
        let Pending { step, receiver } = self.pending.pop_front()?;
        let ready = receiver.try_recv().or_else(|_| {
            let start = Instant::now();
            let late = receiver.recv();
            self.waited += start.elapsed();
            late
        });
        Some(ready.unwrap_or_else(|_| Err(LoaderError::Panicked { step, message: "its thread ended early".into() })))
    }
}

impl<T, E> Drop for Loader<T, E> {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::thread::sleep;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn batches_come_in_order_though_they_finish_out_of_order() {
        let source = |step: u64| {
            sleep(MS * (7 * step % 5) as u32);
            Ok::<_, ()>(step)
        };
        let loader = Loader::spawn(source, 40, 4, 3).unwrap();
        let got: Vec<u64> = loader.take(20).map(Result::unwrap).collect();
        assert_eq!(got, (40..60).collect::<Vec<_>>());
    }

    #[test]
    fn it_works_ahead_but_no_further_than_its_depth() {
        let begun = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&begun);
        let mut loader = Loader::spawn(
            move |step| {
                counter.fetch_add(1, Ordering::SeqCst);
                Ok::<_, ()>(step)
            },
            0,
            3,
            2,
        )
        .unwrap();
        sleep(40 * MS);
        assert_eq!(begun.load(Ordering::SeqCst), 3);
        loader.next();
        sleep(40 * MS);
        assert_eq!(begun.load(Ordering::SeqCst), 4);
        assert!(loader.waited() < 20 * MS, "{:?}", loader.waited());
    }

    #[test]
    fn errors_and_panics_arrive_at_their_place_and_do_not_stop_the_rest() {
        let source = |step: u64| match step {
            1 => Err("broken"),
            2 => panic!("at step {step}"),
            _ => Ok(step),
        };
        let mut loader = Loader::spawn(source, 0, 2, 2).unwrap();
        assert_eq!(loader.next().unwrap().unwrap(), 0);
        assert!(matches!(loader.next().unwrap(), Err(LoaderError::Source { step: 1, source: "broken" })));
        assert!(
            matches!(loader.next().unwrap(), Err(LoaderError::Panicked { step: 2, message }) if message == "at step 2")
        );
        assert_eq!(loader.next().unwrap().unwrap(), 3);
    }

    #[test]
    fn dropping_it_early_stops_its_threads() {
        let begun = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&begun);
        let slow = move |step| {
            counter.fetch_add(1, Ordering::SeqCst);
            sleep(20 * MS);
            Ok::<_, ()>(step)
        };
        let mut loader = Loader::spawn(slow, 0, 64, 2).unwrap();
        loader.next();
        let start = Instant::now();
        drop(loader);
        assert!(start.elapsed() < 15 * MS, "{:?}", start.elapsed());
        let at_drop = begun.load(Ordering::SeqCst);
        sleep(100 * MS);
        assert!(begun.load(Ordering::SeqCst) <= at_drop + 2);
        // The threads let go of the source, so that they must have ended their work.
        assert_eq!(Arc::strong_count(&begun), 1);
    }
}
