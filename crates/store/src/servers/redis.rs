//! A private `redis-server`. It keeps nothing on disk: what it held is rebuilt from Postgres.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};
use tokio_util::sync::CancellationToken;

use super::{
    command,
    error::{At as _, ServerError},
    folder,
    pidfile::PidFile,
    process::Steps,
    programs::Programs,
    server::{NotYet, Recipe, Server, end_leftovers},
};

const SOCKET: &str = "redis.sock";

/// A running `redis-server` of our own, ended with this value.
#[derive(Debug)]
pub struct PrivateRedis {
    server: Server<Redis>,
    url: String,
}

impl PrivateRedis {
    /// Starts an empty Redis in `dir`, on a unix socket, and waits until it answers. What a killed earlier
    /// run left there is ended first.
    pub async fn start(dir: &Path, programs: &Programs) -> Result<Self, ServerError> {
        let dir = folder::open(dir)?;
        let (pid_file, config) = claim(&dir).await?;
        let socket = folder::for_socket(dir.join("run"), SOCKET, None);
        folder::private(&socket, None)?;
        let socket = socket.join(SOCKET);
        fs::write(&config, configuration(&dir, &socket)).at(&config)?;
        let url = format!("redis+unix://{}", folder::url_encoded(&socket));
        let redis = Redis { programs: programs.clone(), config, socket };
        let server = Server::start(&dir, redis, pid_file).await?;
        Ok(Self { server, url })
    }

    /// Where it listens; the same after every restart, and at every start in the same folder.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id, while it runs. While [`Self::run`] runs, read `DIR/run/redis.pid`.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Starts it again, empty, whenever it dies, until told to stop. An error means that it does not come
    /// back.
    pub async fn run(&mut self, stop: CancellationToken) -> Result<(), ServerError> {
        self.server.run(stop).await
    }

    /// Ends it in order, within a few seconds.
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

/// Ends what was left running in `dir` and removes its files.
pub(super) async fn wipe(dir: &Path) -> Result<(), ServerError> {
    let dir = folder::open(dir)?;
    let (_pid_file, config) = claim(&dir).await?;
    let files = [config, dir.join("run/redis.log"), dir.join("run/redis.log.1")];
    folder::remove(&files)?;
    folder::remove_socket(&dir.join("run"), SOCKET, None)
}

/// Takes the folder, and ends what an earlier owner left. Also returns where the configuration goes.
async fn claim(dir: &Path) -> Result<(PidFile, PathBuf), ServerError> {
    let config = dir.join("run/redis.conf");
    let pid_file = PidFile::claim(dir, Redis::NAME).await?;
    end_leftovers::<Redis>(&config).await?;
    Ok((pid_file, config))
}

/// The recipe of a Redis: how its process is made and asked.
#[derive(Debug)]
struct Redis {
    programs: Programs,
    config: PathBuf,
    socket: PathBuf,
}

impl Recipe for Redis {
    const NAME: &'static str = "redis";
    const PROGRAM: &'static str = "redis-server";
    const ENDING: Steps = &[(Signal::TERM, Duration::from_secs(5)), (Signal::KILL, Duration::from_secs(5))];
    const LAST_SIGNAL: Signal = Signal::KILL; // it has nothing to save

    fn command(&self) -> Command {
        let mut command = command::bound(&self.programs, &self.programs.redis_server, None, "TERM");
        command.arg(&self.config);
        command
    }

    fn program(&self) -> &Path {
        &self.programs.redis_server
    }

    async fn clear_the_way(&self) -> Result<(), ServerError> {
        // So that nothing but the new process can answer there.
        folder::remove(std::slice::from_ref(&self.socket))
    }

    async fn answers(&self) -> Result<(), NotYet> {
        let ping = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(b"PING\r\n").await?;
            let mut reply = [0; 7];
            stream.read_exact(&mut reply).await?;
            Ok::<_, std::io::Error>(reply)
        };
        match ping.await {
            Ok(reply) if reply == *b"+PONG\r\n" => Ok(()),
            Ok(reply) => Err(NotYet::Silent(String::from_utf8_lossy(&reply).into_owned())),
            Err(error) => Err(NotYet::Silent(error.to_string())),
        }
    }

    fn may_pass(&self, _last_line: &str) -> bool {
        false // nothing of a killed Redis is in the way of the next
    }
}

/// The configuration file's text.
fn configuration(dir: &Path, socket: &Path) -> String {
    let quoted = |path: &Path| {
        let text = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{text}\"")
    };
    format!(
        "# Written at every start.\n\
         port 0\n\
         unixsocket {socket}\n\
         unixsocketperm 700\n\
         dir {dir}\n\
         # Its process is found again by its arguments, which the title would replace.\n\
         set-proc-title no\n\
         loglevel warning\n\
         # Nothing on disk: Postgres has the record, and an empty Redis is rebuilt from it.\n\
         save \"\"\n\
         appendonly no\n\
         # Full means an error that we handle, never a key dropped in silence.\n\
         maxmemory 4gb\n\
         maxmemory-policy noeviction\n\
         # A reader that stopped reading is cut off before its replies fill the memory.\n\
         client-output-buffer-limit normal 512mb 128mb 60\n\
         client-output-buffer-limit pubsub 64mb 16mb 60\n\
         # Emptying it must not stall those who refill it.\n\
         lazyfree-lazy-user-flush yes\n",
        socket = quoted(socket),
        dir = quoted(&dir.join("run")),
    )
}
