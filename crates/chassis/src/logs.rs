//! Logs: to stderr, one line each, for people or for machines.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How logs look and what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `human` or `json`.
    pub format: LogFormat,
    /// Directives as `info,request=warn`; the last that fits a target holds.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Human, filter: "info".to_owned() }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text, coloured on a terminal.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// The filter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("log filter `{filter}`: {source}")]
pub struct BadFilter {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

/// Starts logging for the process. The first call decides; later ones (tests share a process) change nothing.
pub fn init(config: LogConfig) -> Result<(), BadFilter> {
    let filter =
        EnvFilter::builder().parse(&config.filter).map_err(|source| BadFilter { filter: config.filter, source })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(config.format == LogFormat::Human && std::io::stderr().is_terminal());
    let started = match config.format {
        LogFormat::Human => lines.finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).finish().try_init(),
    };
    if started.is_ok() && config.format == LogFormat::Json {
        log_panics();
    }
    Ok(())
}

/// Turns a panic's text of several lines, which a reader of JSON lines would trip over, into one log line.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("(no message)");
        tracing::error!(target: "panic", place, message, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::{LogConfig, LogFormat, init};

    #[test]
    fn starting_twice_is_harmless_and_a_bad_filter_is_named() {
        let quiet = LogConfig { filter: "off".to_owned(), ..LogConfig::default() };
        init(quiet.clone()).unwrap();
        init(quiet).unwrap();
        let bad = LogConfig { filter: "info,=x=".to_owned(), format: LogFormat::Human };
        assert!(init(bad).unwrap_err().to_string().contains("`info,=x=`"));
    }
}
