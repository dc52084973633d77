//! What the two servers have in common: being started, awaited, restarted and ended.

use std::{
    path::Path,
    process::{Command, ExitStatus},
    time::Duration,
};

use rustix::process::Signal;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    RESTARTS,
    error::{At as _, ServerError},
    keeper::Keeper,
    log::Log,
    pidfile::PidFile,
    process::{self, Steps},
};

/// How long a started server may take until it answers, or until it says that it is busy starting; and how
/// long it may then be busy. Reading back gigabytes of log takes its time, and killing it only begins it anew.
const READY_BOUND: Duration = Duration::from_secs(30);
const BUSY_BOUND: Duration = Duration::from_mins(10);
/// How long one attempt to connect may take, and the pause before the next: a longer one, if the server has to
/// log each attempt.
const ATTEMPT_BOUND: Duration = Duration::from_secs(5);
const PAUSE_SILENT: Duration = Duration::from_millis(5);
const PAUSE_BUSY: Duration = Duration::from_millis(50);
/// How long a start is tried again that is refused because of what a killed server left behind.
const REFUSED_BOUND: Duration = Duration::from_secs(15);
/// How long the pause between starts grows. A server that stayed up this long is not in a loop of crashes.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a server may fail to come back until supervision gives up, which ends our process.
const GIVE_UP_AFTER: Duration = Duration::from_mins(2);

/// What is particular to one kind of server.
pub(super) trait Recipe {
    /// What we call it: in files, messages and metrics.
    const NAME: &'static str;
    /// What its program's file is called.
    const PROGRAM: &'static str;
    /// How it is ended in order.
    const ENDING: Steps;
    /// How it is ended when there is no time for order.
    const LAST_SIGNAL: Signal;

    /// The process to start; its output goes to the log.
    fn command(&self) -> Command;
    /// The program, for messages.
    fn program(&self) -> &Path;
    /// Removes what keeps a new process from starting.
    async fn clear_the_way(&self) -> Result<(), ServerError>;
    /// Connects and asks for a sign of life.
    async fn answers(&self) -> Result<(), NotYet>;
    /// Whether a start that ended with this line in the log is worth trying again.
    fn may_pass(&self, last_line: &str) -> bool;
}

/// Why a server is not ready.
#[derive(Debug)]
pub(super) enum NotYet {
    /// It cannot be reached, or says something else than expected.
    Silent(String),
    /// It answers that it is still starting.
    Busy(String),
}

/// A running server, or one between two lives.
#[derive(Debug)]
pub(super) struct Server<R> {
    recipe: R,
    keeper: Keeper,
    log: Log,
}

impl<R: Recipe> Server<R> {
    /// Starts it in `dir`, whose pid file has been claimed, and waits until it answers.
    pub(super) async fn start(dir: &Path, recipe: R, pid_file: PidFile) -> Result<Self, ServerError> {
        let spawn_error = |cause| ServerError::Spawn { program: recipe.program().into(), cause };
        let keeper = Keeper::new(R::NAME, pid_file, R::LAST_SIGNAL).map_err(spawn_error)?;
        let log = Log::begin(dir.join("run").join(format!("{}.log", R::NAME)));
        let server = Self { recipe, keeper, log };
        server.launch().await?;
        Ok(server)
    }

    /// Its process id, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.keeper.pid()
    }

    /// Brings it up once: what a killed server left may refuse it for a moment.
    pub(super) async fn launch(&self) -> Result<(), ServerError> {
        let give_up = Instant::now() + REFUSED_BOUND;
        let mut pause = PAUSE_FIRST;
        loop {
            self.recipe.clear_the_way().await?;
            match self.launch_once().await {
                Err(ServerError::Died { last_line, .. })
                    if self.recipe.may_pass(&last_line) && Instant::now() < give_up =>
                {
                    tracing::info!(server = R::NAME, last_line, "a private server cannot start yet; trying again");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                done => return done,
            }
        }
    }

    async fn launch_once(&self) -> Result<(), ServerError> {
        let (output, begin) = self.log.open().at(self.log.path())?;
        let errors = output.try_clone().at(self.log.path())?;
        let mut command = self.recipe.command();
        command.stdout(output).stderr(errors);
        self.keeper
            .start(command)
            .await
            .map_err(|cause| ServerError::Spawn { program: self.recipe.program().into(), cause })?;

        tokio::select! {
            biased; // a server that died must not be confused with another that answers in its place
            status = self.keeper.ended() => Err(self.died(status.unwrap_or_default(), begin)),
            ready = self.until_it_answers() => {
                if ready.is_err() {
                    self.kill().await;
                }
                ready
            }
        }
    }

    async fn until_it_answers(&self) -> Result<(), ServerError> {
        let begin = Instant::now();
        let mut bound = READY_BOUND;
        loop {
            let silence = || NotYet::Silent("it accepts connections and says nothing".into());
            let answer = timeout(ATTEMPT_BOUND, self.recipe.answers()).await.unwrap_or_else(|_| Err(silence()));
            let (reason, pause) = match answer {
                Ok(()) => return Ok(()),
                Err(NotYet::Silent(reason)) => (reason, PAUSE_SILENT),
                Err(NotYet::Busy(reason)) => {
                    bound = BUSY_BOUND;
                    (reason, PAUSE_BUSY)
                }
            };
            if begin.elapsed() > bound {
                return Err(ServerError::NotReady { server: R::NAME, bound, reason, log: self.log.path().into() });
            }
            sleep(pause).await;
        }
    }

    fn died(&self, status: ExitStatus, begin: u64) -> ServerError {
        ServerError::Died {
            server: R::NAME,
            status,
            last_line: self.log.telling_line(begin),
            log: self.log.path().into(),
        }
    }

    /// Starts it again whenever it dies, until told to stop; it then still runs.
    ///
    /// An error means that it could not be brought back for [`GIVE_UP_AFTER`].
    pub(super) async fn run(&mut self, stop: CancellationToken) -> Result<(), ServerError> {
        metrics::describe_counter!(RESTARTS, "How often a private server died and was started again.");
        let restarts = metrics::counter!(RESTARTS, "server" => R::NAME);
        restarts.increment(0); // shown from the start
        stop.run_until_cancelled_owned(async {
            let mut pause = Duration::ZERO;
            loop {
                let up_since = Instant::now();
                let status = self.keeper.ended().await;
                // The first death is answered at once, a loop of deaths ever more slowly.
                pause = if up_since.elapsed() > PAUSE_MAX { Duration::ZERO } else { pause };
                let status = status.map_or_else(String::new, |status| status.to_string());
                tracing::warn!(
                    server = R::NAME,
                    status,
                    pause_ms = pause.as_millis() as u64,
                    "a private server died and is started again"
                );
                sleep(pause).await;
                self.bring_back().await?;
                restarts.increment(1);
                pause = (pause * 2).clamp(PAUSE_FIRST, PAUSE_MAX);
            }
        })
        .await
        .unwrap_or(Ok(()))
    }

    async fn bring_back(&self) -> Result<(), ServerError> {
        let give_up = Instant::now() + GIVE_UP_AFTER;
        let mut pause = PAUSE_FIRST;
        loop {
            match self.launch().await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > give_up => return Err(error),
                Err(error) => {
                    tracing::warn!(server = R::NAME, %error, "a private server does not come back; trying again");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Ends it in order, in bounded time.
    pub(super) async fn stop(self) -> Result<(), ServerError> {
        for (signal, patience) in R::ENDING {
            self.keeper.signal(*signal);
            if timeout(*patience, self.keeper.ended()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(server = R::NAME, signal = ?signal, "a private server does not end; insisting");
        }
        let pid = self.pid().unwrap_or_default();
        Err(ServerError::Leftover { server: R::NAME, pid })
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub(super) async fn kill(&self) {
        self.keeper.signal(Signal::KILL);
        self.keeper.ended().await;
    }
}

/// Ends what an earlier run left running, if anything. `argument` is what only our processes for this folder,
/// which we hold the lock of, were started with.
///
/// The recorded id is not enough: whoever was killed between starting a server and recording it left one too.
pub(super) async fn end_leftovers<R: Recipe>(argument: &Path) -> Result<(), ServerError> {
    for pid in process::all(R::PROGRAM, argument) {
        tracing::warn!(server = R::NAME, pid, "ending a private server that an earlier run left behind");
        if !process::end(pid, R::ENDING, || process::is(pid, R::PROGRAM, argument)).await {
            return Err(ServerError::Leftover { server: R::NAME, pid });
        }
    }
    Ok(())
}
