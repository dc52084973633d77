//! How Postgres's process is made, asked and ended, and what a killed one leaves in the way.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::Signal;
use sqlx::{Connection as _, postgres::PgConnectOptions, postgres::PgConnection};

use super::{NAME, PORT, home::Home, settings::settings};
use crate::servers::{
    command,
    error::{At as _, ServerError},
    process::{self, Steps},
    programs::Programs,
    server::{NotYet, Recipe},
};

/// What a dead postmaster's children get: to notice by themselves, then to leave, then to die.
const ORPHANS: [(Option<Signal>, Duration); 3] = [
    (None, Duration::from_millis(500)),
    (Some(Signal::QUIT), Duration::from_secs(5)),
    (Some(Signal::KILL), Duration::from_secs(5)),
];
/// The codes of the errors "there is no such database" and "still starting, or stopping".
const NO_SUCH_DATABASE: &str = "3D000";
const CANNOT_CONNECT_NOW: &str = "57P03";

/// The recipe of a Postgres.
#[derive(Debug)]
pub(super) struct Postgres {
    /// The program `postgres`.
    pub(super) program: PathBuf,
    pub(super) programs: Programs,
    pub(super) home: Home,
    /// The folder of its socket.
    pub(super) socket: PathBuf,
    pub(super) fsync: bool,
}

/// What Postgres calls its socket.
pub(super) fn socket_name() -> String {
    format!(".s.PGSQL.{PORT}")
}

impl Recipe for Postgres {
    const NAME: &'static str = "postgres";
    const PROGRAM: &'static str = "postgres";
    /// Fast (clients are cut off), immediate (the next start recovers), and the end.
    const ENDING: Steps = &[
        (Signal::INT, Duration::from_secs(15)),
        (Signal::QUIT, Duration::from_secs(8)),
        (Signal::KILL, Duration::from_secs(5)),
    ];
    const LAST_SIGNAL: Signal = Signal::QUIT;

    fn command(&self) -> Command {
        let mut command = command::bound(&self.programs, &self.program, self.home.account.as_ref(), "INT");
        command.arg("-D").arg(self.home.data()).arg("-k").arg(&self.socket).arg("-p").arg(PORT.to_string());
        for setting in settings(self.fsync) {
            command.arg("-c").arg(setting);
        }
        command
    }

    fn program(&self) -> &Path {
        &self.program
    }

    async fn clear_the_way(&self) -> Result<(), ServerError> {
        let data = self.home.data();
        end_orphans(&data).await?;
        remove_if_stale(&data.join("postmaster.pid"))?;
        remove_if_stale(&self.socket.join(format!("{}.lock", socket_name())))
    }

    async fn answers(&self) -> Result<(), NotYet> {
        match self.connect(NAME).await {
            Ok(connection) => connection.close().await.map_err(|error| not_yet(&error)),
            Err(error) if code(&error).as_deref() == Some(NO_SUCH_DATABASE) => {
                self.create_database().await.map_err(|error| not_yet(&error))
            }
            Err(error) => Err(not_yet(&error)),
        }
    }

    fn may_pass(&self, last_line: &str) -> bool {
        // Children of a killed postmaster whom we may not see, still leaving.
        ["lock file", "shared memory"].iter().any(|words| last_line.contains(words))
    }
}

impl Postgres {
    async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass() // the environment's PGHOST and the like are overridden
            .socket(&self.socket)
            .port(PORT)
            .username(NAME)
            .database(database);
        PgConnection::connect_with(&options).await
    }

    /// Asked again on the next attempt to connect, so that being killed before it is no harm.
    async fn create_database(&self) -> Result<(), sqlx::Error> {
        let mut connection = self.connect("postgres").await?;
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {NAME}"))).execute(&mut connection).await?;
        connection.close().await
    }
}

fn not_yet(error: &sqlx::Error) -> NotYet {
    let reason = error.to_string();
    if code(error).as_deref() == Some(CANNOT_CONNECT_NOW) { NotYet::Busy(reason) } else { NotYet::Silent(reason) }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Waits for the processes that still work on `data`, and ends those that do not leave by themselves: a new
/// postmaster beside them would be refused.
pub(super) async fn end_orphans(data: &Path) -> Result<(), ServerError> {
    for (signal, patience) in ORPHANS {
        for pid in process::working_in(Postgres::PROGRAM, data) {
            if let Some(signal) = signal {
                process::send(pid, signal);
            }
        }
        if process::until(patience, || process::working_in(Postgres::PROGRAM, data).is_empty()).await {
            return Ok(());
        }
    }
    let pid = process::working_in(Postgres::PROGRAM, data).first().copied();
    pid.map_or(Ok(()), |pid| Err(ServerError::Leftover { server: Postgres::NAME, pid }))
}

/// Removes a lock file of a postmaster that is gone, if its process id now belongs to somebody else.
///
/// Postgres sees only that such a process lives, and would refuse to start for as long as it does: after a
/// restart of a container, where process ids are few, that can be for ever.
fn remove_if_stale(lock: &Path) -> Result<(), ServerError> {
    let Ok(text) = fs::read_to_string(lock) else { return Ok(()) };
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse().ok()) else { return Ok(()) };
    let line = process::command_line(pid);
    let is_postgres = String::from_utf8_lossy(&line).contains(Postgres::PROGRAM);
    if line.is_empty() || is_postgres {
        return Ok(()); // Postgres judges these itself
    }
    fs::remove_file(lock).at(lock)
}
