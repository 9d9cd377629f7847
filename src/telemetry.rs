//! Logs: one line an event, JSON unless configured otherwise.
//!
//! In JSON the fields are flat: `timestamp`, `level`, `target`, `message`, then the event's
//! own. The service logs to standard output, where containers are expected to, and waits for
//! nobody who reads it (`queue`); commands that print a result there log to standard error.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LoggingConfig};

mod once_per_minute;
mod queue;

pub(crate) use once_per_minute::OncePerMinute;
use queue::LogQueue;

/// What the service logs to, once it is set up.
static SERVICE_LOG: OnceLock<LogQueue> = OnceLock::new();

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOutput {
    Stdout,
    Stderr,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("Logging.Level = {level:?} is not a filter")]
    Filter { level: String, source: tracing_subscriber::filter::ParseError },
    #[error("cannot start the thread that writes the log")]
    Thread(#[source] io::Error),
    #[error("logging is set up already")]
    AlreadySetUp(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the whole process; once.
pub fn init(config: &LoggingConfig, output: LogOutput) -> Result<(), TelemetryError> {
    let (writer, is_terminal) = match output {
        LogOutput::Stdout => {
            let queue = LogQueue::to(io::stdout()).map_err(TelemetryError::Thread)?;
            let queue = SERVICE_LOG.get_or_init(|| queue).clone();
            (BoxMakeWriter::new(move || queue.clone()), io::stdout().is_terminal())
        }
        LogOutput::Stderr => (BoxMakeWriter::new(io::stderr), io::stderr().is_terminal()),
    };
    Ok(subscriber(config, writer, is_terminal)?.try_init()?)
}

/// Lines of the service's log that could not be written.
pub fn dropped_lines() -> u64 {
    SERVICE_LOG.get().map_or(0, LogQueue::dropped_lines)
}

/// Waits, but not for long, until what the service has logged is written: before its end.
pub fn flush() {
    if let Some(queue) = SERVICE_LOG.get() {
        queue.flush();
    }
}

fn subscriber(
    config: &LoggingConfig,
    writer: BoxMakeWriter,
    colours: bool,
) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, TelemetryError> {
    let filter = EnvFilter::try_new(&config.level)
        .map_err(|source| TelemetryError::Filter { level: config.level.clone(), source })?;
    // Where the log cannot be written, standard error most likely cannot either (one full disk, one
    // pipe that nobody reads): complaining there would panic.
    let builder = tracing_subscriber::fmt().log_internal_errors(false);
    let builder = builder.with_env_filter(filter).with_writer(writer);
    Ok(match config.format {
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .finish(),
        ),
        LogFormat::Text => Box::new(builder.with_ansi(colours).finish()),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(level: &str, format: LogFormat) -> String {
        let captured = Captured::default();
        let config = LoggingConfig { level: level.into(), format };
        let writer = captured.clone();
        let writer = BoxMakeWriter::new(move || writer.clone());
        let subscriber = subscriber(&config, writer, false).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "gateway", entries = 3, "applied");
            tracing::debug!(target: "gateway", "quiet");
        });
        let bytes = captured.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_fields_are_flat_and_named_as_documented() {
        let text = log("info", LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        let names: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["entries", "level", "message", "target", "timestamp"]);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "gateway");
        assert_eq!(line["message"], "applied");
        assert_eq!(line["entries"], 3);
    }

    #[test]
    fn text_is_one_plain_line() {
        let text = log("info", LogFormat::Text);
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("INFO gateway: applied entries=3"), "{text}");
    }

    #[test]
    fn the_level_filters() {
        assert_eq!(log("warn,gateway=debug", LogFormat::Json).lines().count(), 2);
        assert_eq!(log("off", LogFormat::Json), "");
    }
}
