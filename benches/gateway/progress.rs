//! What is being measured, on standard error: a bar on a terminal, else a line a step.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

pub(crate) struct Progress {
    part: &'static str,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(part: &'static str, steps: usize) -> Self {
        let template = "{prefix}: {bar:30} {pos}/{len}, {elapsed}, about {eta} left: {msg}";
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        let bar = std::io::stderr()
            .is_terminal()
            .then(|| ProgressBar::new(steps as u64).with_style(style).with_prefix(part));
        Self { part, started: Instant::now(), bar }
    }

    /// The step before has ended, and this one begins.
    pub(crate) fn step(&self, what: &str) {
        match &self.bar {
            Some(bar) => {
                bar.inc(u64::from(!bar.message().is_empty()));
                bar.set_message(what.to_owned());
            }
            None => {
                eprintln!("{:>6.1} s  {}: {what}", self.started.elapsed().as_secs_f64(), self.part)
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
