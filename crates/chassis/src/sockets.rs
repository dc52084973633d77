//! Upgraded sockets, which hyper's own graceful stop forgets the moment they are upgraded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::metrics::SOCKETS;
use crate::tasks::Tasks;

/// The WebSockets of a process. Cloning is cheap; all clones count together.
///
/// [`Tasks::run_until_stopped`] waits for registered sockets as it waits for tasks. A socket's loop must end on
/// [`Tasks::hard`] by itself, since it does not run as a task.
#[derive(Debug, Clone)]
pub struct Sockets {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    open: AtomicUsize,
    /// Rung when the last socket closes.
    empty: Notify,
    tasks: Tasks,
}

/// One registered socket; dropping it says that the socket is closed.
#[derive(Debug)]
#[must_use = "a socket counts only as long as its guard lives"]
pub struct SocketGuard {
    inner: Arc<Inner>,
    _stop_waits: TaskTrackerToken,
}

impl Sockets {
    /// No sockets yet, closing when `tasks` are asked to stop.
    pub fn new(tasks: &Tasks) -> Self {
        Self { inner: Arc::new(Inner { open: AtomicUsize::new(0), empty: Notify::new(), tasks: tasks.clone() }) }
    }

    /// Counts one more socket. Register in the handler, *before* the upgrade, and move the guard into the upgraded
    /// socket's future: between the two a stop would otherwise not see it.
    pub fn register(&self) -> SocketGuard {
        self.inner.open.fetch_add(1, Ordering::SeqCst);
        metrics::gauge!(SOCKETS).increment(1);
        SocketGuard { inner: Arc::clone(&self.inner), _stop_waits: self.inner.tasks.token() }
    }

    /// How many sockets are open.
    pub fn count(&self) -> usize {
        self.inner.open.load(Ordering::SeqCst)
    }

    /// Cancelled when each socket should send its close frame, with a code that says when to come back, and end.
    pub fn closing(&self) -> CancellationToken {
        self.inner.tasks.soft()
    }

    /// Waits until no socket is open, at most `timeout`. Returns whether none is.
    pub async fn drained(&self, timeout: Duration) -> bool {
        let empty = async {
            loop {
                let rung = self.inner.empty.notified();
                tokio::pin!(rung);
                // Listening begins before the count is read, so that the last close cannot slip between.
                rung.as_mut().enable();
                if self.count() == 0 {
                    return;
                }
                rung.await;
            }
        };
        tokio::time::timeout(timeout, empty).await.is_ok()
    }
}

impl SocketGuard {
    /// [`Sockets::closing`], for a socket that has only its guard.
    pub fn closing(&self) -> CancellationToken {
        self.inner.tasks.soft()
    }

    /// Cancelled when the socket must end at once, without a close frame.
    pub fn hard(&self) -> CancellationToken {
        self.inner.tasks.hard()
    }
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        metrics::gauge!(SOCKETS).decrement(1);
        if self.inner.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.inner.empty.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Sockets;
    use crate::tasks::{Stopped, Tasks};

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn draining_waits_for_the_last_guard() {
        let sockets = Sockets::new(&Tasks::without_signals());
        let (first, second) = (sockets.register(), sockets.register());
        assert_eq!(sockets.count(), 2);
        drop(first);
        assert!(!sockets.drained(Duration::from_millis(1)).await);
        let (drained, ()) = tokio::join!(sockets.drained(SOON), async { drop(second) });
        assert!(drained);
        assert_eq!(sockets.count(), 0);
    }

    #[tokio::test]
    async fn a_stop_waits_for_sockets_and_names_them() {
        let tasks = Tasks::without_signals();
        let sockets = Sockets::new(&tasks);
        let guard = sockets.register();
        tasks.stop();
        assert!(sockets.closing().is_cancelled());
        let left = tasks.run_until_stopped(Duration::from_millis(1)).await.unwrap_err();
        assert!(matches!(&left, Stopped::Dropped { left, .. } if left == "open sockets"), "{left}");
        drop(guard);
    }
}
