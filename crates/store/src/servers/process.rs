//! Other processes, seen through `/proc` and ended by id: never by name, and never unseen.

use std::{fs, os::unix::ffi::OsStrExt, path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

/// How a server is ended: each signal in turn, and how long it gets.
pub(super) type Steps = &'static [(Signal, Duration)];

/// How often a process that is not our child is looked at; the kernel tells only parents.
const LOOK: Duration = Duration::from_millis(10);

/// Whether `pid` is `program`, started with `argument` among its arguments.
///
/// False for a zombie, which has no arguments any more. `setpriv` is what a server is called in the instant
/// before it becomes itself.
pub(super) fn is(pid: u32, program: &str, argument: &Path) -> bool {
    let line = command_line(pid);
    let mut arguments = line.split(|byte| *byte == 0);
    let name = arguments.next().and_then(|first| first.rsplit(|byte| *byte == b'/').next()).unwrap_or_default();
    (name == program.as_bytes() || name == b"setpriv")
        && arguments.any(|other| other == argument.as_os_str().as_bytes())
}

/// Every process that [`is`] so.
pub(super) fn all(program: &str, argument: &Path) -> Vec<u32> {
    pids().filter(|pid| is(*pid, program, argument)).collect()
}

/// The arguments of `pid`, each ended by a zero byte; empty if there is no such process.
pub(super) fn command_line(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// The processes of `program` that work in `folder`, as far as we may see them.
pub(super) fn working_in(program: &str, folder: &Path) -> Vec<u32> {
    let link = |pid: u32, name: &str| fs::read_link(format!("/proc/{pid}/{name}")).ok();
    let works_there = |pid: u32| link(pid, "cwd").is_some_and(|cwd| cwd == folder);
    let is_program = |pid: u32| link(pid, "exe").is_some_and(|exe| exe.ends_with(program));
    pids().filter(|pid| works_there(*pid) && is_program(*pid)).collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Sends `signal` to the process `pid`; one that is gone is no error.
pub(super) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // Gone, or not ours to signal: both show when we wait for it to end.
        let _ = kill_process(pid, signal);
    }
}

/// Ends a process that is not our child, and waits until `lives` is false. Returns whether it is.
pub(super) async fn end(pid: u32, steps: Steps, lives: impl Fn() -> bool) -> bool {
    for (signal, patience) in steps {
        if !lives() {
            return true;
        }
        send(pid, *signal);
        if until(*patience, || !lives()).await {
            return true;
        }
    }
    false
}

/// Waits until `condition` holds, for at most `bound`. Returns whether it does.
pub(super) async fn until(bound: Duration, condition: impl Fn() -> bool) -> bool {
    let give_up = Instant::now() + bound;
    while !condition() {
        if Instant::now() >= give_up {
            return false;
        }
        sleep(LOOK).await;
    }
    true
}
