//! `usher up` on private stores: ready, restarted after being killed, stopped cleanly.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Up {
    child: Child,
    base: String,
}

impl Up {
    fn start(data: &Path) -> Self {
        let spare = std::net::TcpListener::bind("127.0.0.1:0").expect("a spare port");
        let port = spare.local_addr().expect("an address").port();
        drop(spare);
        let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
            .args(["up", "--port", &port.to_string(), "--data", &data.display().to_string()])
            .env("USHER_PAYMENT__SECRET_KEY", "sk_test_none")
            .env("USHER_PAYMENT__WEBHOOK_SECRET", "whsec_none")
            .env("USHER_PAYMENT__API", "http://127.0.0.1:1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = lines.find_map(|line| line.ok().filter(|line| line.starts_with("ready ")));
        let base = ready.expect("it says ready before it ends").trim_start_matches("ready ").to_owned();
        Self { child, base }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    fn ended_within(&mut self, bound: Duration) -> Option<std::process::ExitStatus> {
        let until = Instant::now() + bound;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

async fn events(base: &str) -> reqwest::StatusCode {
    reqwest::get(format!("{base}/v1/events")).await.expect("it listens").status()
}

/// A method that no path has is refused with those that it has.
async fn every_described_route_is_served(base: &str) {
    let client = reqwest::Client::new();
    let mut allowed = BTreeSet::new();
    let described = crate::openapi::described();
    for path in described.iter().map(|(_, path)| path).collect::<BTreeSet<_>>() {
        let url = format!("{base}{}", path.replace(['{', '}'], ""));
        let answer = client.request(reqwest::Method::TRACE, &url).send().await.expect("it listens");
        assert_eq!(answer.status(), 405, "{path} is described and not served");
        let methods = answer.headers()["allow"].to_str().expect("text").split(',').map(str::trim);
        allowed.extend(methods.filter(|method| *method != "HEAD").map(|method| (method.to_owned(), path.clone())));
    }
    assert_eq!(allowed, described);
}

#[tokio::test]
async fn it_serves_survives_a_kill_and_stops_on_a_signal() {
    let data = tempfile::tempdir().expect("a folder");
    let mut first = Up::start(data.path());
    assert_eq!(events(&first.base).await, 200);
    every_described_route_is_served(&first.base).await;
    // What a killed one leaves behind is ended or adopted by the next start, and the data stay.
    first.signal(rustix::process::Signal::KILL);
    assert!(first.ended_within(Duration::from_secs(5)).is_some());
    let mut second = Up::start(data.path());
    assert_eq!(events(&second.base).await, 200);
    second.signal(rustix::process::Signal::TERM);
    let status = second.ended_within(Duration::from_secs(20)).expect("it stops in time");
    assert!(status.success(), "{status}");
    for server in ["redis", "postgres"] {
        let pid = std::fs::read_to_string(data.path().join(format!("run/{server}.pid"))).unwrap_or_default();
        assert_eq!(pid.trim(), "", "{server} still runs");
    }
}
