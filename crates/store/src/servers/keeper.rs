//! The thread that a server's process belongs to.

use std::{
    io,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::{oneshot, watch};

use super::pidfile::PidFile;

/// How long [`Drop`] lets a server end by itself before it is killed.
const DROP_PATIENCE: Duration = Duration::from_secs(3);

/// What is known of the process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Life {
    /// Not started yet.
    New,
    /// Running, with this process id.
    Running(u32),
    /// Ended like this.
    Ended(ExitStatus),
}

/// Starts a server's process, again and again, and knows how each ends.
///
/// The kernel's parent-death signal fires when the *thread* that started a child ends, and a runtime's
/// threads end earlier than its process (a test's, or an idle blocking one). So children are started here,
/// on a thread that lives exactly as long as this value; it holds the pid file as well, so that the folder
/// is free only once the child is gone.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Closed by [`Drop`], which is what ends the thread.
    orders: Option<mpsc::Sender<Order>>,
    /// Written by the thread alone.
    life: watch::Receiver<Life>,
    /// The child, until it is reaped. Reaping happens under this lock, so that while a child is seen in here
    /// its id cannot have gone to another process.
    child: Arc<Mutex<Option<Child>>>,
    thread: Option<JoinHandle<()>>,
    /// What [`Drop`] sends: the quickest end that leaves the data in order.
    last_signal: Signal,
}

#[derive(Debug)]
struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<()>>,
}

impl Keeper {
    pub(super) fn new(server: &str, pid_file: PidFile, last_signal: Signal) -> io::Result<Self> {
        let (orders, queue) = mpsc::channel();
        let (life_writer, life) = watch::channel(Life::New);
        let child = Arc::default();
        let slot = Arc::clone(&child);
        let thread = std::thread::Builder::new()
            .name(format!("{server}-keeper"))
            .spawn(move || keep(&queue, &life_writer, &slot, pid_file))?;
        Ok(Self { orders: Some(orders), life, child, thread: Some(thread), last_signal })
    }

    /// Starts `command`. One process at a time: the one before must have ended.
    pub(super) async fn start(&self, command: Command) -> io::Result<()> {
        assert!(self.pid().is_none(), "a keeper keeps one process");
        let (reply, answer) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts servers is gone");
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send(Order { command, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) fn pid(&self) -> Option<u32> {
        match *self.life.borrow() {
            Life::Running(pid) => Some(pid),
            Life::New | Life::Ended(_) => None,
        }
    }

    /// Waits until no process runs; returns how the last one ended, unless there never was one.
    pub(super) async fn ended(&self) -> Option<ExitStatus> {
        let mut life = self.life.clone();
        let last = life.wait_for(|life| !matches!(life, Life::Running(_))).await;
        match last.as_deref() {
            Ok(Life::Ended(status)) => Some(*status),
            _ => None,
        }
    }

    /// Signals the process, if one runs.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(child) = &*lock(&self.child) {
            // Cannot fail but for a zombie, which is what was wanted.
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders = None;
        self.signal(self.last_signal);
        let Some(thread) = self.thread.take() else { return };
        let give_up = Instant::now() + DROP_PATIENCE;
        while !thread.is_finished() {
            if Instant::now() >= give_up {
                self.signal(Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // It cannot panic while holding anything of ours.
        let _ = thread.join();
    }
}

fn keep(queue: &mpsc::Receiver<Order>, life: &watch::Sender<Life>, slot: &Mutex<Option<Child>>, mut pid_file: PidFile) {
    for Order { mut command, reply } in queue {
        if reply.is_closed() {
            continue; // cancelled while it waited
        }
        let mut guard = lock(slot);
        let child = match command.spawn() {
            Ok(child) => guard.insert(child),
            Err(error) => {
                let _ = reply.send(Err(error));
                continue;
            }
        };
        let pid = Pid::from_child(child);
        pid_file.record(Some(child.id()));
        life.send_replace(Life::Running(child.id()));
        drop(guard);
        // Whoever asked may have been cancelled; the process runs all the same and `life` says so.
        let _ = reply.send(Ok(()));

        wait_unreaped(pid);
        // It ended, so this returns at once; it fails only where someone made us ignore our children's ends.
        let status = lock(slot).take().and_then(|mut child| child.wait().ok()).unwrap_or_default();
        pid_file.record(None);
        life.send_replace(Life::Ended(status));
    }
}

/// Waits until the child ends, without taking its process id from it.
fn wait_unreaped(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
}

fn lock(slot: &Mutex<Option<Child>>) -> std::sync::MutexGuard<'_, Option<Child>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
