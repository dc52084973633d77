//! Listeners: binding a port, and an accept loop with the timeouts and caps that `axum::serve` lacks.

mod caps;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use self::caps::{Caps, Counted};
use crate::address::Network;
use crate::metrics::ACCEPT_ERRORS_TOTAL;
use crate::retry::Backoff;
use crate::tasks::{TaskKind, Tasks};

/// hyper reads and writes through buffers of at most this size per connection.
const MAX_BUFFER_BYTES: usize = 64 * 1024;
/// hyper's smallest buffer, and so the smallest limit on a request's head.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

/// The limits of one listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenerConfig {
    /// How long a request's head may take, from when the connection waits for it, in milliseconds. An idle kept-alive
    /// connection closes after the same time.
    pub header_read_timeout_ms: u64,
    /// The largest head of a request (its line and headers), in bytes; larger ones are answered 431.
    pub max_header_bytes: usize,
    /// Whether a connection serves more than one request.
    pub keep_alive: bool,
    /// Connections open at once, upgraded ones included. Keep it under the process's limit of open files.
    pub max_connections: usize,
    /// Connections open at once from one address, upgraded ones included; IPv6 counts by /64.
    pub max_connections_per_address: usize,
    /// Connections open at once from one IPv6 /48, all its /64s together. Wide: some carriers give each phone a /64 of one.
    pub max_connections_per_network: usize,
    /// Networks without a cap per address: our own proxies, from which everybody comes.
    pub uncapped: Vec<Network>,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            header_read_timeout_ms: 10_000,
            max_header_bytes: 16 * 1024,
            keep_alive: true,
            max_connections: 18_000,
            max_connections_per_address: 2_000,
            max_connections_per_network: 8_000,
            uncapped: Vec::new(),
        }
    }
}

/// Binds `addr` and listens, with `backlog` connections waiting at most. With `reuse_port` several processes may share
/// the port, and the system spreads connections over them.
///
/// # Errors
/// What the system says, as one line that names the address. Must run inside tokio's runtime.
pub fn bind(addr: SocketAddr, reuse_port: bool, backlog: u32) -> io::Result<TcpListener> {
    listen(addr, reuse_port, backlog).map_err(|error| {
        let told = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("address already in use: {addr} — stop what listens there or pass --port")
            }
            io::ErrorKind::PermissionDenied => {
                format!("not allowed to listen on {addr} — ports below 1024 need privileges")
            }
            _ => format!("cannot listen on {addr}: {error}"),
        };
        io::Error::new(error.kind(), told)
    })
}

fn listen(addr: SocketAddr, reuse_port: bool, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted process must not wait for its predecessor's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

/// Accepts connections and answers them with `router` until the tasks are asked to stop; then stops accepting and
/// returns. Run it as a service task.
///
/// Each connection is a task: on the soft stop it finishes the request it is serving and closes, at once if there is
/// none; on the hard stop it is dropped. The peer's address is an extension of each request,
/// `ConnectInfo<SocketAddr>`. Connections over a cap are closed at once and counted. Errors of `accept`, such as
/// running out of file descriptors, are waited out.
///
/// # Errors
/// None.
pub async fn serve(listener: TcpListener, router: Router, config: ListenerConfig, tasks: &Tasks) -> anyhow::Result<()> {
    let soft = tasks.soft();
    let router: Router = router.with_state(());
    let builder = builder(&config);
    let caps = Caps::new(&config);
    let mut backoff = Backoff::new(10, 500);
    while let Some(accepted) = soft.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                metrics::counter!(ACCEPT_ERRORS_TOTAL).increment(1);
                tracing::warn!(%error, "cannot accept a connection");
                let _stopped = soft.run_until_cancelled(tokio::time::sleep(backoff.delay())).await;
                continue;
            }
        };
        backoff.reset();
        let Some(permit) = caps.admit(peer.ip()) else {
            continue;
        };
        // A connection already reset by its peer says so at its first read; nothing to do about it here.
        let _set = stream.set_nodelay(true);
        let connection =
            Connection { stream: Counted::new(stream, permit), peer, router: router.clone(), soft: soft.clone() };
        tasks.spawn(TaskKind::Connection, "connection", connection.serve(builder.clone()));
    }
    Ok(())
}

fn builder(config: &ListenerConfig) -> http1::Builder {
    let max_header_bytes = config.max_header_bytes.max(MIN_BUFFER_BYTES);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.header_read_timeout_ms))
        .max_header_size(max_header_bytes)
        .max_buf_size(max_header_bytes.max(MAX_BUFFER_BYTES))
        .keep_alive(config.keep_alive);
    builder
}

struct Connection {
    stream: Counted<TcpStream>,
    peer: SocketAddr,
    router: Router,
    soft: CancellationToken,
}

impl Connection {
    async fn serve(self, builder: http1::Builder) -> anyhow::Result<()> {
        let Self { stream, peer, router, soft } = self;
        let begun = Arc::new(AtomicBool::new(false));
        let service = service_fn({
            let begun = Arc::clone(&begun);
            move |mut request: hyper::Request<Incoming>| {
                begun.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(ConnectInfo(peer));
                router.clone().call(request)
            }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = soft.cancelled() => {
                // hyper takes a connection that never sent a whole head for one at work and would wait for it.
                if !begun.load(Ordering::Relaxed) {
                    return Ok(());
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // Clients that vanish, stall or talk nonsense are everyday.
            tracing::debug!(%peer, %error, "connection broke off");
        }
        Ok(())
    }
}
