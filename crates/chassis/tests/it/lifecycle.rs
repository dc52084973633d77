//! How a process ends: asked to, by a failure, or by force.

use std::time::Duration;

use anyhow::anyhow;
use chassis::metrics::Metrics;
use chassis::tasks::{Stopped, TaskKind, Tasks};
use rustix::process::{Signal, getpid, kill_process};

use crate::wire::{SOON, soon};

async fn until_soft(tasks: Tasks) -> anyhow::Result<()> {
    tasks.soft().cancelled().await;
    Ok(())
}

#[tokio::test]
async fn a_lasting_task_that_ends_early_ends_the_process() {
    type Ending = fn() -> anyhow::Result<()>;
    let endings: [(Ending, &str); 3] = [
        (|| Ok(()), "it returned"),
        (|| Err(anyhow!("inner").context("outer")), "outer: inner"),
        (|| panic!("fell over"), "panicked: fell over"),
    ];
    for kind in [TaskKind::Critical, TaskKind::Service] {
        for (ending, reason) in endings {
            let tasks = Tasks::without_signals();
            tasks.spawn(TaskKind::Service, "other", until_soft(tasks.clone()));
            tasks.spawn(kind, "pacing", async move { ending() });
            let stopped = soon(tasks.run_until_stopped(SOON)).await.unwrap_err();
            assert!(matches!(&stopped, Stopped::EndedEarly { name: "pacing", .. }), "{stopped}");
            let told = format!("the {} task `pacing` ended early: {reason}", kind.name());
            assert_eq!(stopped.to_string(), told);
        }
    }
}

/// Failures of tasks of this kind, of all tests of this process so far.
fn failures(kind: &str) -> u64 {
    let name = format!("usher_task_failures_total{{kind=\"{kind}\"}} ");
    let page = Metrics::install().render();
    page.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

#[tokio::test]
async fn jobs_and_connections_may_fail() {
    let before = (failures("job"), failures("connection"));
    let tasks = Tasks::without_signals();
    let (told, heard) = tokio::sync::oneshot::channel();
    tasks.spawn(TaskKind::Job, "receipt", async { Err(anyhow!("no paper")) });
    tasks.spawn(TaskKind::Connection, "client", async { panic!("fell over") });
    tasks.spawn(TaskKind::Job, "last", async {
        told.send(()).unwrap();
        Ok(())
    });
    soon(heard).await.unwrap();
    tasks.stop();
    soon(tasks.run_until_stopped(SOON)).await.unwrap();
    assert!(failures("job") > before.0 && failures("connection") > before.1);
}

#[tokio::test]
async fn a_stop_waits_for_tasks_and_drops_those_that_overrun() {
    let tasks = Tasks::without_signals();
    tasks.spawn(TaskKind::Service, "good", until_soft(tasks.clone()));
    tasks.spawn(TaskKind::Job, "endless", std::future::pending());
    tasks.spawn(TaskKind::Job, "endless", std::future::pending());
    tasks.stop();
    let hard = tasks.hard();
    let stopped = soon(tasks.run_until_stopped(Duration::from_millis(20))).await.unwrap_err();
    assert_eq!(stopped.to_string(), "dropped after 20 ms of grace: endless ×2");
    assert!(hard.is_cancelled());
}

#[tokio::test]
async fn an_error_while_stopping_is_no_early_end() {
    let before = failures("critical");
    let tasks = Tasks::without_signals();
    let soft = tasks.soft();
    tasks.spawn(TaskKind::Critical, "pacing", async move {
        soft.cancelled().await;
        Err(anyhow!("the lease was gone already"))
    });
    let mut run = std::pin::pin!(tasks.clone().run_until_stopped(SOON));
    tokio::select! {
        biased;
        stopped = &mut run => panic!("nobody asked yet: {stopped:?}"),
        () = std::future::ready(()) => {}
    }
    tasks.stop();
    soon(run).await.unwrap();
    assert!(failures("critical") > before, "the task was dropped instead of heard");
}

#[tokio::test]
async fn hard_implies_soft() {
    let tasks = Tasks::without_signals();
    tasks.spawn(TaskKind::Job, "endless", std::future::pending());
    tasks.hard().cancel();
    assert!(tasks.is_stopping());
    soon(tasks.run_until_stopped(SOON)).await.unwrap();
}

#[tokio::test]
async fn one_signal_stops_in_order_and_a_second_drops() {
    let tasks = Tasks::new();
    tasks.spawn(TaskKind::Job, "endless", std::future::pending());
    let soft = tasks.soft();
    let mut run = std::pin::pin!(tasks.run_until_stopped(SOON));
    // Polled once, it listens for signals; without that the first one would end the tests.
    tokio::select! {
        biased;
        stopped = &mut run => panic!("{stopped:?}"),
        () = std::future::ready(()) => {}
    }
    kill_process(getpid(), Signal::TERM).unwrap();
    tokio::select! {
        stopped = &mut run => panic!("{stopped:?}"),
        () = soon(soft.cancelled()) => {}
    }
    kill_process(getpid(), Signal::INT).unwrap();
    let stopped = soon(run).await.unwrap_err();
    assert_eq!(stopped.to_string(), "stopped at once by a second signal; dropped: endless ×1");
}
