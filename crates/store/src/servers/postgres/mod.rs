//! A private `postgres`: the record of everything, in a data folder of its own.

mod home;
mod initdb;
mod recipe;
mod settings;

use std::path::Path;

use tokio_util::sync::CancellationToken;

use self::{home::Home, recipe::Postgres};
use super::{
    error::ServerError,
    folder,
    pidfile::PidFile,
    programs::Programs,
    server::{Recipe as _, Server, end_leftovers},
};

/// The superuser and the database; both belong to us alone, behind a socket only we can reach.
const NAME: &str = "usher";
/// Names the socket; nothing listens on a port.
const PORT: u16 = 5432;

/// A running `postgres` of our own, ended with this value.
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Server<Postgres>,
    url: String,
}

impl PrivatePostgres {
    /// Starts Postgres in `dir`, on a unix socket, and waits until it answers. Makes the database if there is
    /// none, and first ends what a killed earlier run left there.
    ///
    /// As root it runs as another user; `fsync` is off only for tests, whose data nobody misses.
    pub async fn start(dir: &Path, programs: &Programs, fsync: bool) -> Result<Self, ServerError> {
        let dir = folder::open(dir)?;
        let (pid_file, home) = claim(&dir).await?;
        home.make()?;
        let programs = programs.for_data(&home.data());
        initdb::unless_done(&programs, &home, fsync).await?;
        let socket = folder::for_socket(home.path.join("socket"), &recipe::socket_name(), home.account.as_ref());
        folder::private(&socket, home.account.as_ref())?;
        let url = format!("postgres:///{NAME}?user={NAME}&host={}&port={PORT}", folder::url_encoded(&socket));
        let postgres = Postgres { program: programs.postgres_bin.join("postgres"), programs, home, socket, fsync };
        let server = Server::start(&dir, postgres, pid_file).await?;
        Ok(Self { server, url })
    }

    /// Where it listens; the same after every restart, and at every start in the same folder.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id, while it runs. While [`Self::run`] runs, read `DIR/run/postgres.pid`.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Starts it again, with its data, whenever it dies, until told to stop. An error means that it does not
    /// come back.
    pub async fn run(&mut self, stop: CancellationToken) -> Result<(), ServerError> {
        self.server.run(stop).await
    }

    /// Ends it in order, within some seconds.
    pub async fn stop(self) -> Result<(), ServerError> {
        self.server.stop().await
    }

    /// Ends it as a crash would; for drills and tests. [`Self::run`] would bring it back.
    pub async fn kill(&self) {
        self.server.kill().await;
    }

    /// Starts it again after [`Self::kill`].
    pub async fn restart(&self) -> Result<(), ServerError> {
        self.kill().await;
        self.server.launch().await
    }
}

/// Ends what was left running in `dir` and removes its files, the data included.
pub(super) async fn wipe(dir: &Path) -> Result<(), ServerError> {
    let dir = folder::open(dir)?;
    let (_pid_file, home) = claim(&dir).await?;
    recipe::end_orphans(&home.data()).await?;
    folder::remove_socket(&home.path.join("socket"), &recipe::socket_name(), home.account.as_ref())?;
    // The record of where it is goes last: a wipe that was cut short can be repeated.
    folder::remove(&[
        home.path,
        dir.join("run/postgres.log"),
        dir.join("run/postgres.log.1"),
        home::location_file(&dir),
    ])
}

/// Takes the folder, and ends what an earlier owner left. Also returns where the database is.
async fn claim(dir: &Path) -> Result<(PidFile, Home), ServerError> {
    let pid_file = PidFile::claim(dir, Postgres::NAME).await?;
    let home = Home::find(dir)?;
    end_leftovers::<Postgres>(&home.data()).await?;
    Ok((pid_file, home))
}
