//! What killed runs left behind is ended by the next start.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use store::servers::{PrivatePostgres, PrivateRedis, ServerError, wipe};
use testkit::{ScratchDir, eventually};

use crate::{kept, lives, programs, recorded_pid, redis_command, signal, sql, until_dead};

/// A process with private servers in `dir`, and their process ids.
fn another_process(dir: &Path) -> (Child, [u32; 2]) {
    let mut process =
        Command::new(env!("CARGO_BIN_EXE_private-servers")).arg(dir).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> = BufReader::new(process.stdout.as_mut().unwrap())
        .lines()
        .map(Result::unwrap)
        .take_while(|line| line != "ready")
        .collect();
    let pids = ["redis", "postgres"].map(|name| {
        let line = lines.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{lines:?}"));
        line.split_whitespace().next().unwrap().parse().unwrap()
    });
    (process, pids)
}

#[tokio::test]
async fn servers_end_with_a_killed_process() {
    let dir = ScratchDir::new();
    let (mut process, pids) = another_process(dir.path());
    process.kill().unwrap();
    process.wait().unwrap();
    for pid in pids {
        until_dead(pid).await;
    }
}

#[tokio::test]
async fn servers_end_with_a_process_told_to_stop() {
    let dir = ScratchDir::new();
    let (mut process, pids) = another_process(dir.path());
    signal(process.id(), Signal::TERM);
    assert!(process.wait().unwrap().success());
    assert!(!pids.into_iter().any(lives));
}

#[tokio::test]
async fn a_start_right_after_everything_was_killed_works_and_has_the_data() {
    let dir = ScratchDir::new();
    let (mut process, [redis_pid, postgres_pid]) = another_process(dir.path());
    let postgres_url = {
        process.kill().unwrap();
        signal(postgres_pid, Signal::KILL);
        signal(redis_pid, Signal::KILL);
        process.wait().unwrap();
        let postgres = PrivatePostgres::start(dir.path(), &programs(), true).await.unwrap();
        sql(postgres.url(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").await.unwrap();
        postgres.url().to_owned()
        // Dropped here, with no time to write anything more.
    };
    let (mut process, _) = another_process(dir.path());
    assert_eq!(kept(&postgres_url).await.unwrap(), 1);
    process.kill().unwrap();
    process.wait().unwrap();
}

#[tokio::test]
async fn a_redis_left_running_is_ended() {
    let dir = ScratchDir::new();
    let redis = PrivateRedis::start(dir.path(), &programs()).await.unwrap();
    let line = command_line(redis.pid().unwrap());
    redis.stop().await.unwrap();

    let mut leftover = run_unbound(&line, None);
    std::fs::write(dir.path().join("run/redis.pid"), leftover.id().to_string()).unwrap();
    eventually(Duration::from_secs(5), async || dir.path().join("run/redis.sock").exists()).await;
    let redis = PrivateRedis::start(dir.path(), &programs()).await.unwrap();
    assert!(leftover.try_wait().unwrap().is_some(), "the leftover was ended");
    redis_command(redis.url(), "PING").await.unwrap();
}

#[tokio::test]
async fn a_postgres_left_running_is_ended_whether_recorded_or_not() {
    let dir = ScratchDir::new();
    let postgres = PrivatePostgres::start(dir.path(), &programs(), false).await.unwrap();
    let line = command_line(postgres.pid().unwrap());
    let url = postgres.url().to_owned();
    sql(&url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").await.unwrap();
    postgres.stop().await.unwrap();

    for recorded in [true, false] {
        let mut leftover = run_unbound(&line, Some(&dir.path().join("postgres/data")));
        eventually(Duration::from_secs(10), async || kept(&url).await.is_ok()).await;
        let pid = if recorded { leftover.id().to_string() } else { String::new() };
        std::fs::write(dir.path().join("run/postgres.pid"), pid).unwrap();
        let postgres = PrivatePostgres::start(dir.path(), &programs(), false).await.unwrap();
        assert!(leftover.try_wait().unwrap().is_some(), "the leftover was ended");
        assert_eq!(kept(&url).await.unwrap(), 1);
        postgres.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_strangers_process_with_a_recorded_id_is_left_alone() {
    let dir = ScratchDir::new();
    let postgres = PrivatePostgres::start(dir.path(), &programs(), false).await.unwrap();
    postgres.kill().await;
    let lock = dir.path().join("postgres/data/postmaster.pid");
    drop(postgres);

    // As after a restart of a container: the ids are taken, by processes of the same user.
    let mut stranger = run_unbound(&["sleep".into(), "60".into()], Some(&dir.path().join("postgres/data")));
    let id = stranger.id().to_string();
    let text = std::fs::read_to_string(&lock).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    std::fs::write(&lock, format!("{id}\n{rest}")).unwrap();
    for server in ["redis", "postgres"] {
        std::fs::write(dir.path().join("run").join(format!("{server}.pid")), &id).unwrap();
    }
    let _redis = PrivateRedis::start(dir.path(), &programs()).await.unwrap();
    let _postgres = PrivatePostgres::start(dir.path(), &programs(), false).await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_folder_in_use_is_refused_in_one_line() {
    let dir = ScratchDir::new();
    let redis = PrivateRedis::start(dir.path(), &programs()).await.unwrap();
    let refused = PrivateRedis::start(dir.path(), &programs()).await.unwrap_err();
    assert!(matches!(refused, ServerError::InUse { .. }), "{refused}");
    let path = dir.path().canonicalize().unwrap();
    assert_eq!(
        refused.to_string(),
        format!(
            "{} is in use (its server is process {}): stop that one first, or give another data folder",
            path.display(),
            redis.pid().unwrap()
        )
    );
    assert!(matches!(wipe(dir.path()).await.unwrap_err(), ServerError::InUse { .. }));
}

/// As root, Postgres runs as another user, who cannot enter everyone's folders.
#[tokio::test]
async fn a_private_folder_works_and_is_wiped_wherever_the_database_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let outer = ScratchDir::new();
    std::fs::set_permissions(outer.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let dir = outer.path().join("a folder, with a long name".repeat(5));
    let postgres = PrivatePostgres::start(&dir, &programs(), false).await.unwrap();
    sql(postgres.url(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").await.unwrap();
    drop(postgres);
    let redis = PrivateRedis::start(&dir, &programs()).await.unwrap();
    redis_command(redis.url(), "PING").await.unwrap();
    drop(redis);

    let postgres = PrivatePostgres::start(&dir, &programs(), false).await.unwrap();
    assert_eq!(kept(postgres.url()).await.unwrap(), 1);
    assert!(recorded_pid(&dir, "postgres").is_some());
    drop(postgres);

    let elsewhere = std::fs::read_to_string(dir.join("postgres.location")).ok();
    let home = elsewhere.map_or_else(|| dir.join("postgres"), |path| path.trim().into());
    assert!(home.exists());
    wipe(&dir).await.unwrap();
    assert!(!home.exists());
}

/// What a process was started with.
fn command_line(pid: u32) -> Vec<String> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    line.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

/// Starts a server as if by someone who then died without the kernel noticing: bound to nobody's life. Runs
/// as the owner of `data`, if given.
fn run_unbound(line: &[String], data: Option<&Path>) -> Child {
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    if let Some(owner) = data.map(|data| data.metadata().unwrap()).filter(|_| rustix::process::getuid().is_root()) {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.spawn().unwrap()
}
