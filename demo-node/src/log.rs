//! Log lines on their way to standard error.
//!
//! A separate thread writes them, so that code that logs never waits: neither for a reader that has
//! stopped reading nor for a full disk. Lines that cannot be written are dropped and counted.
//!
//! Why not tracing-appender: it does not count failed writes, and if the writer is stuck, its guard prints to
//! standard output, which panics if that is closed.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How many bytes may wait. A node that forms a cluster logs about 10 KiB.
const MOST_WAITING: usize = 1024 * 1024;

/// What a line needs in addition to its text.
const LINE: usize = 64;

/// How many log lines were dropped since the process started.
#[derive(Debug, Clone, Default)]
pub struct LinesLost(Arc<AtomicU64>);

/// Takes log lines and last words, and writes them in order.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
    lost: LinesLost,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    /// Of these lines and of the one that is being written, with [`LINE`] for each.
    bytes: usize,
    /// Whether a line is being written.
    writing: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

// === impl LinesLost ===

impl LinesLost {
    /// The number.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

// === impl Queue ===

impl Queue {
    /// A queue to standard error, on its own descriptor: other code that writes to standard error
    /// does not wait for this writer.
    ///
    /// # Errors
    ///
    /// When the process may have no more descriptors or threads.
    pub fn to_stderr() -> io::Result<Self> {
        let descriptor = io::stderr().as_fd().try_clone_to_owned()?;
        Self::to(std::fs::File::from(descriptor))
    }

    /// A queue to a writer.
    ///
    /// # Errors
    ///
    /// When the process may have no more threads.
    pub fn to(output: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self {
            shared: Arc::default(),
            lost: LinesLost::default(),
        };
        let of_writer = queue.clone();
        // Never joined: it may be stuck for as long as the process lives.
        let _running = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || of_writer.write_all(output))?;
        Ok(queue)
    }

    /// How many lines were dropped.
    #[must_use]
    pub fn lines_lost(&self) -> LinesLost {
        self.lost.clone()
    }

    /// Adds a line to the queue, or drops it if the queue is full.
    pub fn put(&self, line: Vec<u8>) {
        let takes = line.len() + LINE;
        let mut waiting = self.waiting();
        if MOST_WAITING < waiting.bytes + takes {
            self.lost.add_one();
            return;
        }
        waiting.bytes += takes;
        waiting.lines.push_back(line);
        self.shared.changed.notify_all();
    }

    /// Waits until everything is written, but no longer than the limit. Returns whether everything is written.
    pub fn flush(&self, limit: Duration) -> bool {
        let unfinished = |waiting: &mut Waiting| waiting.writing || !waiting.lines.is_empty();
        let (_waiting, waited) = self
            .shared
            .changed
            .wait_timeout_while(self.waiting(), limit, unfinished)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    /// The loop of the writer.
    fn write_all(&self, mut output: impl Write) {
        let mut told = 0;
        loop {
            let line = self.next();
            // A full disk can have room again, so the next line is tried, too.
            if output.write_all(&line).is_err() {
                self.lost.add_one();
            } else if told < self.lost.count() {
                let lost = self.lost.count();
                tracing::warn!(
                    lines = lost - told,
                    "log lines were lost: standard error was full, closed or not read"
                );
                told = lost;
            }
            let mut waiting = self.waiting();
            waiting.bytes -= line.len() + LINE;
            waiting.writing = false;
            self.shared.changed.notify_all();
        }
    }

    /// Waits for a line.
    fn next(&self) -> Vec<u8> {
        let mut waiting = self.waiting();
        loop {
            if let Some(line) = waiting.lines.pop_front() {
                waiting.writing = true;
                return line;
            }
            waiting = self
                .shared
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.shared
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each write is a line, as the formatters of tracing-subscriber write them. It never fails, since they
/// would print the failure.
impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Longer than any machine takes, where the writer is not stuck.
    const LONG: Duration = Duration::from_secs(60);

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits for permission before each write.
    struct Stuck(mpsc::Receiver<()>, Written);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _permitted = self.0.recv();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order() {
        let written = Written::default();
        let queue = Queue::to(written.clone()).unwrap();
        for n in 0..100 {
            queue.put(format!("{n}\n").into_bytes());
        }
        assert!(queue.flush(LONG));
        let expected: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert_eq!(written.text(), expected);
        assert_eq!(queue.lines_lost().count(), 0);
    }

    #[test]
    fn a_writer_that_is_stuck_holds_nobody_up_and_so_much_waits() {
        let (permit, permits) = mpsc::channel();
        let written = Written::default();
        let queue = Queue::to(Stuck(permits, written.clone())).unwrap();
        let line = vec![b'x'; 64 * 1024];
        for _ in 0..100 {
            queue.put(line.clone());
        }
        let fit = MOST_WAITING / (line.len() + LINE);
        assert_eq!(queue.lines_lost().count(), 100 - fit as u64);
        assert!(!queue.flush(Duration::ZERO));

        drop(permit);
        assert!(queue.flush(LONG));
        assert_eq!(written.text().len(), fit * line.len());
        queue.put(b"again\n".to_vec());
        assert!(queue.flush(LONG));
        assert!(written.text().ends_with("again\n"));
    }

    #[test]
    fn a_line_that_cannot_be_written_is_counted() {
        let queue = Queue::to(Full).unwrap();
        for _ in 0..3 {
            queue.put(b"x\n".to_vec());
        }
        assert!(queue.flush(LONG));
        assert_eq!(queue.lines_lost().count(), 3);
    }
}
