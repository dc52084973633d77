//! Killed servers come back at the same address.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use store::servers::{PrivatePostgres, PrivateRedis};
use testkit::{ScratchDir, eventually};
use tokio_util::sync::CancellationToken;

use crate::{kept, lives, programs, recorded_pid, redis_command, signal, sql};

const COMES_BACK: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_killed_redis_comes_back_empty_at_the_same_address() {
    let dir = ScratchDir::new();
    let mut redis = PrivateRedis::start(dir.path(), &programs()).await.unwrap();
    let url = redis.url().to_owned();
    let stop = CancellationToken::new();

    let drill = async {
        for _ in 0..3 {
            redis_command(&url, "SET key value").await.unwrap();
            let pid = recorded_pid(dir.path(), "redis").unwrap();
            signal(pid, Signal::KILL);
            eventually(COMES_BACK, async || redis_command(&url, "PING").await.is_ok()).await;
            assert_eq!(redis_command(&url, "GET key").await.unwrap(), redis::Value::Nil);
            assert_ne!(recorded_pid(dir.path(), "redis").unwrap(), pid);
        }
        stop.cancel();
    };
    // As a task, as in a real process.
    let mut tasks = tokio::task::JoinSet::new();
    let supervised = stop.clone();
    tasks.spawn(async move { redis.run(supervised).await.map(|()| redis) });
    drill.await;
    let redis = tasks.join_next().await.unwrap().unwrap().unwrap();
    let pid = redis.pid().expect("it still runs");
    redis.stop().await.unwrap();
    assert!(!lives(pid));
    assert_eq!(recorded_pid(dir.path(), "redis"), None);
}

#[tokio::test]
async fn a_killed_postgres_comes_back_with_its_data_at_the_same_address() {
    let dir = ScratchDir::new();
    let mut postgres = PrivatePostgres::start(dir.path(), &programs(), true).await.unwrap();
    let url = postgres.url().to_owned();
    let stop = CancellationToken::new();

    let drill = async {
        sql(&url, "CREATE TABLE kept (n int)").await.unwrap();
        for rows in 1..=3 {
            sql(&url, "INSERT INTO kept VALUES (1)").await.unwrap();
            let pid = recorded_pid(dir.path(), "postgres").unwrap();
            let begin = Instant::now();
            signal(pid, Signal::KILL);
            // An orphan of the killed one may still answer: the new one has to.
            eventually(COMES_BACK, async || {
                recorded_pid(dir.path(), "postgres").is_some_and(|now| now != pid) && kept(&url).await.is_ok()
            })
            .await;
            println!("postgres was back after {:?}", begin.elapsed());
            assert_eq!(kept(&url).await.unwrap(), rows);
        }
        stop.cancel();
    };
    let (supervised, ()) = tokio::join!(postgres.run(stop.clone()), drill);

    supervised.unwrap();
    let pid = postgres.pid().expect("it still runs");
    postgres.stop().await.unwrap();
    assert!(!lives(pid));
}

#[tokio::test]
async fn a_dropped_server_is_gone_and_its_folder_free() {
    let dir = ScratchDir::new();
    for _ in 0..2 {
        let redis = PrivateRedis::start(dir.path(), &programs()).await.unwrap();
        let postgres = PrivatePostgres::start(dir.path(), &programs(), false).await.unwrap();
        let pids = [redis.pid().unwrap(), postgres.pid().unwrap()];
        drop((redis, postgres));
        assert!(!pids.into_iter().any(lives));
    }
}

#[test]
fn a_server_outlives_the_runtime_that_started_it() {
    let dir = ScratchDir::new();
    let on_a_runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let thread = std::path::Path::new("/proc").join(std::fs::read_link("/proc/thread-self").unwrap());
        (runtime.block_on(PrivateRedis::start(dir.path(), &programs())).unwrap(), thread)
    };
    // Its thread ends here, which is what the kernel's parent-death signal looks at.
    let (redis, thread) = std::thread::scope(|scope| scope.spawn(on_a_runtime).join().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Joined is a moment before gone; the signal comes between the two.
    runtime.block_on(eventually(COMES_BACK, async || !thread.exists()));
    // Told to end, it would still answer for a tenth of a second, but not for three.
    let answer = runtime.block_on(redis_command(redis.url(), "BLPOP nothing 0.3")).unwrap();
    assert_eq!(answer, redis::Value::Nil);
    runtime.block_on(redis.stop()).unwrap();
}
