//! Log lines on their way to standard output, for which nobody waits.
//!
//! A pipe whose reader stalls blocks whoever writes to it: first one task that logs, then all that
//! want to log, and with them scrapes, pushes and health checks. So lines are handed to a thread
//! that does nothing else. What does not fit into a bounded queue, or cannot be written, is dropped
//! and counted. (`tracing-appender` does the same, but writes to the stalled pipe itself at the
//! end, and does not count what a full disk refused.)

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Bytes that wait at most.
const CAPACITY_BYTES: usize = 4 << 20;

/// How long the end of the process waits for what was logged last.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where lines are put; copies share it.
#[derive(Clone)]
pub(super) struct LogQueue {
    messages: mpsc::Sender<Message>,
    counts: Arc<Counts>,
}

enum Message {
    Line(Vec<u8>),
    /// Everything before it was written, or dropped.
    Flush(mpsc::Sender<()>),
}

#[derive(Default)]
struct Counts {
    waiting_bytes: AtomicUsize,
    dropped_lines: AtomicU64,
}

impl LogQueue {
    pub(super) fn to(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let (messages, received) = mpsc::channel();
        let counts = Arc::new(Counts::default());
        let of_writer = Arc::clone(&counts);
        thread::Builder::new().name("log".into()).spawn(move || {
            for message in received {
                match message {
                    Message::Line(line) => {
                        if output.write_all(&line).and_then(|()| output.flush()).is_err() {
                            of_writer.dropped_lines.fetch_add(1, Ordering::Relaxed);
                        }
                        of_writer.waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
                    }
                    // Whoever asked may have lost patience.
                    Message::Flush(done) => drop(done.send(())),
                }
            }
        })?;
        Ok(Self { messages, counts })
    }

    /// Lines that were not written, and will not be.
    pub(super) fn dropped_lines(&self) -> u64 {
        self.counts.dropped_lines.load(Ordering::Relaxed)
    }

    /// Waits until what was logged before is written, but not for long.
    pub(super) fn flush(&self) {
        let (done, flushed) = mpsc::channel();
        if self.messages.send(Message::Flush(done)).is_ok() {
            flushed.recv_timeout(LAST_WORDS).ok();
        }
    }
}

/// One call writes one line.
impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Counts { waiting_bytes, dropped_lines } = &*self.counts;
        let before = waiting_bytes.fetch_add(line.len(), Ordering::Relaxed);
        let fits = before + line.len() <= CAPACITY_BYTES;
        if !fits || self.messages.send(Message::Line(line.to_vec())).is_err() {
            waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            dropped_lines.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// Takes nothing as long as the lock is held, and nothing at all when it is told to fail.
    #[derive(Clone, Default)]
    struct Output {
        written: Arc<Mutex<Vec<u8>>>,
        fails: bool,
    }

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.fails {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => self.written.lock().write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order() {
        let output = Output::default();
        let mut queue = LogQueue::to(output.clone()).expect("a thread");
        for line in ["one\n", "two\n", "three\n"] {
            queue.write_all(line.as_bytes()).expect("taken");
        }
        LogQueue::flush(&queue);
        assert_eq!(output.written.lock().as_slice(), b"one\ntwo\nthree\n");
        assert_eq!(queue.dropped_lines(), 0);
    }

    #[test]
    fn a_stalled_output_keeps_nobody_waiting_and_what_does_not_fit_is_counted() {
        let output = Output::default();
        let mut queue = LogQueue::to(output.clone()).expect("a thread");
        let stalled = output.written.lock();
        let line = [b'x'; 1 << 10];
        let fitting = CAPACITY_BYTES / line.len();
        for _ in 0..fitting + 10 {
            queue.write_all(&line).expect("taken or dropped");
        }
        assert_eq!(queue.dropped_lines(), 10);
        drop(stalled);
        LogQueue::flush(&queue);
        assert_eq!(output.written.lock().len(), fitting * line.len());
        queue.write_all(&line).expect("taken again");
        LogQueue::flush(&queue);
        assert_eq!(queue.dropped_lines(), 10);
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let mut queue =
            LogQueue::to(Output { fails: true, ..Output::default() }).expect("a thread");
        queue.write_all(b"lost\n").expect("taken");
        LogQueue::flush(&queue);
        assert_eq!(queue.dropped_lines(), 1);
    }
}
