//! The accept loop: timeouts, caps, and the graceful stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::routing::get;
use chassis::metrics::Metrics;
use chassis::serve::{ListenerConfig, bind};
use chassis::sockets::Sockets;
use chassis::tasks::{TaskKind, Tasks};
use tokio::sync::Notify;

use crate::wire::{Client, SOON, soon, start};

fn hello() -> Router {
    Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()))
}

/// The value of one line of the metrics page; 0 if there is none.
fn metric(name: &str) -> f64 {
    let page = Metrics::install().render();
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn a_half_sent_header_is_closed_after_its_timeout() {
    let tasks = Tasks::without_signals();
    let config = ListenerConfig { header_read_timeout_ms: 200, ..ListenerConfig::default() };
    let address = start(hello(), config, &tasks);
    let mut client = Client::connect(address).await;
    let began = Instant::now();
    client.send("GET / HTTP/1.1\r\nhost: te").await;
    client.closed().await;
    assert!(began.elapsed() >= Duration::from_millis(200), "closed too early: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_silent_connection_is_closed_as_well() {
    let tasks = Tasks::without_signals();
    let config = ListenerConfig { header_read_timeout_ms: 50, ..ListenerConfig::default() };
    let address = start(hello(), config, &tasks);
    assert_eq!(Client::connect(address).await.closed().await, "");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let tasks = Tasks::without_signals();
    let config = ListenerConfig { max_header_bytes: 8 * 1024, ..ListenerConfig::default() };
    let address = start(hello(), config, &tasks);
    let mut client = Client::connect(address).await;
    let reply = client.get("/", &format!("x-padding: {}\r\n", "x".repeat(9_000))).await;
    assert_eq!(reply.status, 431);
}

#[tokio::test]
async fn the_cap_per_address_refuses_counts_and_gives_back() {
    let name = "usher_connections_refused_total{reason=\"address\"}";
    Metrics::install();
    let before = metric(name);
    let tasks = Tasks::without_signals();
    let config = ListenerConfig { max_connections_per_address: 2, ..ListenerConfig::default() };
    let address = start(hello(), config, &tasks);
    let (mut first, mut second) = (Client::connect(address).await, Client::connect(address).await);
    assert_eq!(first.get("/", "").await.body, "127.0.0.1");
    assert_eq!(second.get("/", "").await.status, 200);

    assert_eq!(Client::connect(address).await.closed().await, "");
    assert!(metric(name) >= before + 1.0, "{before} then {}", metric(name));

    drop(first);
    soon(async {
        // The server learns of the close in its own time: each attempt is one question whether it has.
        loop {
            let mut third = Client::connect(address).await;
            third.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
            if third.closed().await.contains("200 OK") {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place_under_the_cap() {
    let tasks = Tasks::without_signals();
    let sockets = Sockets::new(&tasks);
    let upgrade = {
        let (tasks, sockets) = (tasks.clone(), sockets.clone());
        get(async move |mut request: Request| {
            let guard = sockets.register();
            let upgraded = hyper::upgrade::on(&mut request);
            tasks.spawn(TaskKind::Connection, "socket", async move {
                let socket = upgraded.await?;
                guard.closing().cancelled().await;
                drop((socket, guard));
                Ok(())
            });
            (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "test")])
        })
    };
    let config = ListenerConfig { max_connections: 1, ..ListenerConfig::default() };
    let address = start(Router::new().route("/", upgrade), config, &tasks);
    let mut upgraded = Client::connect(address).await;
    assert_eq!(upgraded.get("/", "connection: upgrade\r\nupgrade: test\r\n").await.status, 101);
    assert_eq!(sockets.count(), 1);
    assert_eq!(Client::connect(address).await.closed().await, "");

    tasks.stop();
    assert!(sockets.drained(SOON).await);
    assert_eq!(upgraded.closed().await, "");
    soon(tasks.run_until_stopped(SOON)).await.unwrap();
}

#[tokio::test]
async fn a_graceful_stop_finishes_what_is_begun_and_closes_the_rest() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        get(async move || {
            entered.notify_one();
            release.notified().await;
            "done"
        })
    };
    let tasks = Tasks::without_signals();
    let address = start(hello().route("/slow", slow), ListenerConfig::default(), &tasks);
    let mut idle = Client::connect(address).await;
    assert_eq!(idle.get("/", "").await.status, 200);
    let mut half = Client::connect(address).await;
    half.send("GET / HTT").await;
    let mut busy = Client::connect(address).await;
    busy.send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await;
    soon(entered.notified()).await;

    tasks.stop();
    assert_eq!(idle.closed().await, "");
    assert_eq!(half.closed().await, "");
    let run = tasks.run_until_stopped(SOON);
    let answered = async {
        release.notify_one();
        let reply = busy.reply().await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "done"));
        assert_eq!(busy.closed().await, "");
    };
    let (stopped, ()) = soon(async { tokio::join!(run, answered) }).await;
    stopped.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port should be closed");
}

#[tokio::test]
async fn the_hard_stop_drops_a_request_under_way() {
    let entered = Arc::new(Notify::new());
    let stuck = {
        let entered = Arc::clone(&entered);
        get(async move || {
            entered.notify_one();
            std::future::pending::<()>().await;
        })
    };
    let tasks = Tasks::without_signals();
    let address = start(Router::new().route("/", stuck), ListenerConfig::default(), &tasks);
    let mut client = Client::connect(address).await;
    client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    soon(entered.notified()).await;
    tasks.stop();
    let stopped = soon(tasks.run_until_stopped(Duration::from_millis(20))).await;
    assert_eq!(stopped.unwrap_err().to_string(), "dropped after 20 ms of grace: connection ×1");
    assert_eq!(client.closed().await, "");
}

#[tokio::test]
async fn a_taken_port_says_so_and_a_shared_one_does_not() {
    let first = bind("127.0.0.1:0".parse().unwrap(), true, 16).unwrap();
    let address = first.local_addr().unwrap();
    let _second = bind(address, true, 16).unwrap();
    let error = bind(address, false, 16).unwrap_err().to_string();
    assert_eq!(error, format!("address already in use: {address} — stop what listens there or pass --port"));
}
