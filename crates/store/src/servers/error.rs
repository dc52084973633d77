//! Why a private server could not be had: one line each, with what to do about it.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use super::programs::MissingProgram;

/// A private server could not be started, kept or stopped.
///
/// The cause is part of the message rather than a `source`, so that each prints as one complete line.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program is not installed.
    #[error(transparent)]
    Missing(#[from] MissingProgram),
    /// A file or folder could not be made, read or written.
    #[error("cannot use {}: {cause}; make it accessible to this user or give another data folder", path.display())]
    Folder {
        /// What could not be used.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Another of our processes uses the same folder.
    #[error("{} is in use{}: stop that one first, or give another data folder", dir.display(), holder(*pid))]
    InUse {
        /// The data folder.
        dir: PathBuf,
        /// The server running there, where known.
        pid: Option<u32>,
    },
    /// A process from an earlier run would not end.
    #[error(
        "{server} of an earlier run (process {pid}) does not end: end it by hand (kill -9 {pid}), then start again"
    )]
    Leftover {
        /// Which server.
        server: &'static str,
        /// Its process id.
        pid: u32,
    },
    /// The system refused to start the program.
    #[error("cannot run {}: {cause}; check that it is installed and executable", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// `initdb` failed.
    #[error("cannot create a database in {}: {reason}; free the folder, or give another data folder", dir.display())]
    Initdb {
        /// Where the database was to be.
        dir: PathBuf,
        /// The last line `initdb` wrote.
        reason: String,
    },
    /// The server ended instead of becoming ready.
    #[error("{server} ended at start ({status}): {last_line}; the rest is in {}", log.display())]
    Died {
        /// Which server.
        server: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The most telling line of its log.
        last_line: String,
        /// Its log.
        log: PathBuf,
    },
    /// The server runs but did not answer in time.
    #[error("{server} did not answer within {} s ({reason}); its log is {}", bound.as_secs(), log.display())]
    NotReady {
        /// Which server.
        server: &'static str,
        /// How long was waited.
        bound: Duration,
        /// What the last attempt to connect said.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (its server is process {pid})"))
}

/// Names the path that an error of the file system is about.
pub(super) trait At<T> {
    /// Turns the error into [`ServerError::Folder`].
    fn at(self, path: impl Into<PathBuf>) -> Result<T, ServerError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T, ServerError> {
        self.map_err(|cause| ServerError::Folder { path: path.into(), cause })
    }
}
