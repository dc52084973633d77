//! Tasks: every piece of work has a kind, which says what its end means, and all of them stop together.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::metrics::TASK_FAILURES_TOTAL;

/// How long dropped tasks may take to notice the hard stop. They are dropped at their next await, so this only guards
/// against one that never awaits.
const DROPPING: Duration = Duration::from_secs(1);

/// What a task is for, and so what its end means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskKind {
    /// Makes decisions that nobody else makes, as the pacing loop. Ending early ends the process.
    Critical,
    /// Runs as long as the process, as a listener or a sweeper. Ending early ends the process.
    Service,
    /// Serves one client. Its errors and panics are logged and counted.
    Connection,
    /// Does one thing and ends. Its errors and panics are logged and counted.
    Job,
}

impl TaskKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Critical, Self::Service, Self::Connection, Self::Job];

    /// The kind as metrics and logs name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Service => "service",
            Self::Connection => "connection",
            Self::Job => "job",
        }
    }

    fn lasts(self) -> bool {
        matches!(self, Self::Critical | Self::Service)
    }
}

/// Why the process did not stop in order.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// A task that should have lasted ended while nobody had asked it to.
    #[error("the {} task `{name}` ended early: {reason}", .kind.name())]
    EndedEarly {
        /// The task's kind: critical or service.
        kind: TaskKind,
        /// The task's name.
        name: &'static str,
        /// Its error, its panic, or that it simply returned.
        reason: String,
    },
    /// Tasks were still at work after the grace and were dropped.
    #[error("dropped after {grace_ms} ms of grace: {left}")]
    Dropped {
        /// The grace that was given, in milliseconds.
        grace_ms: u64,
        /// The tasks left, as `name ×count`, separated by commas.
        left: String,
    },
    /// Whoever stopped the process asked a second time, and the tasks at work were dropped.
    #[error("stopped at once by a second signal; dropped: {0}")]
    SecondSignal(String),
    /// The process cannot hear signals.
    #[error("cannot listen for signals: {0}")]
    Signals(#[from] io::Error),
}

/// The tasks of a process. Cloning is cheap; all clones are the same set.
///
/// Two tokens stop them: *soft* asks to take no new work and finish what is begun, *hard* drops every task at its next
/// await. Hard implies soft.
#[derive(Debug, Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    hard: CancellationToken,
    /// A child of `hard`.
    soft: CancellationToken,
    /// Counts tasks and sockets; the stop waits until it is empty.
    tracker: TaskTracker,
    /// How many tasks of each name run, to say at the end who did not stop.
    running: Mutex<BTreeMap<&'static str, usize>>,
    /// The first early end, which also cancels `soft`.
    failure: Mutex<Option<Stopped>>,
    signals: bool,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// Tasks of a process that SIGTERM and SIGINT stop; a second signal drops what is still at work.
    pub fn new() -> Self {
        Self::with(true)
    }

    /// Tasks that only [`Tasks::stop`] or a failure stops: for tests, and for a system inside another process.
    pub fn without_signals() -> Self {
        Self::with(false)
    }

    fn with(signals: bool) -> Self {
        let hard = CancellationToken::new();
        let soft = hard.child_token();
        let inner = Inner {
            hard,
            soft,
            tracker: TaskTracker::new(),
            running: Mutex::default(),
            failure: Mutex::default(),
            signals,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Cancelled when tasks should take no new work, finish, and end.
    pub fn soft(&self) -> CancellationToken {
        self.inner.soft.clone()
    }

    /// Cancelled when everything is dropped. Tasks need not watch it; whatever runs outside of them, as an upgraded
    /// socket, must.
    pub fn hard(&self) -> CancellationToken {
        self.inner.hard.clone()
    }

    /// Asks every task to finish, as the first signal does.
    pub fn stop(&self) {
        self.inner.soft.cancel();
    }

    /// Whether the tasks were asked to finish.
    pub fn is_stopping(&self) -> bool {
        self.inner.soft.is_cancelled()
    }

    /// Something outside the tasks that the stop waits for as well, until the token is dropped.
    pub(crate) fn token(&self) -> TaskTrackerToken {
        self.inner.tracker.token()
    }

    /// Runs `future` as a task. `name` is shown to operators; its `kind` says what its end means.
    pub fn spawn(
        &self,
        kind: TaskKind,
        name: &'static str,
        future: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let inner = Arc::clone(&self.inner);
        inner.count(name, 1);
        self.inner.tracker.spawn(async move {
            let ended = AssertUnwindSafe(inner.hard.run_until_cancelled(future)).catch_unwind().await;
            inner.count(name, -1);
            match ended {
                Ok(Some(Ok(()))) => inner.ended(kind, name, None),
                Ok(Some(Err(error))) => inner.ended(kind, name, Some(format!("{error:#}"))),
                Err(panic) => inner.ended(kind, name, Some(format!("panicked: {}", panic_text(panic.as_ref())))),
                // Dropped by the hard stop: that is what was asked for.
                Ok(None) => {}
            }
        });
    }

    /// Waits for a signal, for [`Tasks::stop`] or for the early end of a lasting task; then asks all tasks to finish,
    /// gives them `grace`, and drops the rest.
    ///
    /// # Errors
    /// [`Stopped`], if a lasting task ended early (that is told first), or if tasks had to be dropped.
    pub async fn run_until_stopped(self, grace: Duration) -> Result<(), Stopped> {
        let inner = &self.inner;
        let mut signals = if inner.signals { Some(Signals::listen()?) } else { None };
        tokio::select! {
            () = inner.soft.cancelled() => {}
            name = Signals::next(signals.as_mut()) => tracing::info!(signal = name, "stopping"),
        }
        inner.soft.cancel();
        inner.tracker.close();

        let late = tokio::select! {
            () = inner.tracker.wait() => None,
            () = inner.hard.cancelled() => None,
            () = tokio::time::sleep(grace) => {
                Some(Stopped::Dropped { grace_ms: grace.as_millis() as u64, left: inner.left() })
            }
            _ = Signals::next(signals.as_mut()) => Some(Stopped::SecondSignal(inner.left())),
        };
        inner.hard.cancel();
        if tokio::time::timeout(DROPPING, inner.tracker.wait()).await.is_err() {
            tracing::warn!(left = inner.left(), "tasks that never await cannot be dropped");
        }

        let failure = inner.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(_), Some(late)) = (&failure, &late) {
            tracing::warn!("{late}");
        }
        failure.or(late).map_or(Ok(()), Err)
    }
}

impl Inner {
    fn ended(&self, kind: TaskKind, name: &'static str, error: Option<String>) {
        let early = kind.lasts() && !self.soft.is_cancelled();
        if error.is_none() && !early {
            return;
        }
        let reason = error.unwrap_or_else(|| "it returned".to_owned());
        metrics::counter!(TASK_FAILURES_TOTAL, "kind" => kind.name()).increment(1);
        if !early {
            tracing::warn!(task = name, kind = kind.name(), reason, "task failed");
            return;
        }
        tracing::error!(task = name, kind = kind.name(), reason, "task ended early; stopping");
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(Stopped::EndedEarly { kind, name, reason });
        drop(failure);
        self.soft.cancel();
    }

    fn count(&self, name: &'static str, change: isize) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(name).or_default();
        *count = count.checked_add_signed(change).expect("a task ends once");
    }

    /// The tasks at work, as `name ×count`.
    fn left(&self) -> String {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<String> =
            running.iter().filter(|(_, count)| **count > 0).map(|(name, count)| format!("{name} ×{count}")).collect();
        if names.is_empty() { "open sockets".to_owned() } else { names.join(", ") }
    }
}

/// What a panic said, where it said it in text.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next signal's name; never, where signals are not listened for.
    async fn next(signals: Option<&mut Self>) -> &'static str {
        match signals {
            None => std::future::pending().await,
            Some(signals) => tokio::select! {
                _ = signals.terminate.recv() => "SIGTERM",
                _ = signals.interrupt.recv() => "SIGINT",
            },
        }
    }
}
