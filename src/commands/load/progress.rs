//! What `load` shows while it runs: a bar on a terminal, else a line now and then.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::producer::Progress;

/// How often a line is printed when standard error is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows a load's progress on standard error.
#[derive(Debug)]
pub struct Reporter {
    started: Instant,
    next_line: Instant,
    bar: Option<ProgressBar>,
}

impl Reporter {
    /// `total` is the number of events to come, when that is known.
    pub fn new(total: Option<u64>) -> Self {
        let started = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| bar(total));
        Self { started, next_line: started + LINE_EVERY, bar }
    }

    pub fn show(&mut self, progress: Progress) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(progress.acknowledged);
                bar.set_message(format!("{} errors", progress.errors));
            }
            None if Instant::now() >= self.next_line => {
                self.next_line += LINE_EVERY;
                eprintln!("{}", self.line(progress));
            }
            None => {}
        }
    }

    /// Clears the bar and returns the summary.
    pub fn finish(self, progress: Progress) -> String {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.line(progress)
    }

    fn line(&self, progress: Progress) -> String {
        let Progress { acknowledged, attempted, refused, errors } = progress;
        let elapsed_seconds = self.started.elapsed().as_secs_f64();
        let rate = acknowledged as f64 / elapsed_seconds.max(f64::MIN_POSITIVE);
        let unknown = attempted - acknowledged;
        format!(
            "acknowledged {acknowledged} events in {elapsed_seconds:.1} s ({rate:.0}/s), \
             {unknown} unknown, {refused} refused, {errors} errors"
        )
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:40} {human_pos}/{human_len} events, {per_sec}, {eta} left, {msg}",
        None => "{spinner} {human_pos} events, {per_sec}, {elapsed}, {msg}",
    };
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well-formed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_acknowledged_from_unknown() {
        let reporter = Reporter::new(None);
        let progress = Progress { acknowledged: 7, attempted: 9, refused: 1, errors: 2 };
        let line = reporter.finish(progress);
        assert!(line.starts_with("acknowledged 7 events in "), "{line}");
        assert!(line.ends_with("2 unknown, 1 refused, 2 errors"), "{line}");
    }
}
