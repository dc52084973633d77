//! A connection that fails on demand, between the code under test and a healthy server.

use std::{
    net::{SocketAddr, TcpListener as StdListener},
    path::PathBuf,
    str::FromStr as _,
    time::Duration,
};

use redis::{ConnectionAddr, IntoConnectionInfo as _};
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

const CHUNK_BYTES: usize = 16 * 1024;

/// A proxy on a loopback port, before a server on a port or a unix socket.
///
/// It runs on a thread of its own, so that a test's busy runtime does not add faults to those asked for.
#[derive(Debug)]
pub struct FaultProxy {
    url: String,
    address: SocketAddr,
    /// Dropping it ends the proxy's thread and with it all connections.
    faults: watch::Sender<Faults>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    cut: bool,
    black_hole: bool,
    delay: Duration,
}

#[derive(Debug, Clone)]
enum Upstream {
    Tcp(String),
    Unix(PathBuf),
}

impl FaultProxy {
    /// Starts a healthy proxy before the server at `upstream`: an address of Postgres, Redis (both also on
    /// unix sockets), or plain `host:port`.
    pub fn start(upstream: &str) -> Self {
        let listener = StdListener::bind("127.0.0.1:0").expect("a loopback port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let address = listener.local_addr().expect("the port");
        let (url, upstream) = route(upstream, address);
        let (faults, watched) = watch::channel(Faults::default());
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(serve(listener, upstream, watched));
        };
        std::thread::Builder::new().name("fault-proxy".into()).spawn(serve).expect("a thread");
        Self { url, address, faults }
    }

    /// The upstream's address, led through the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets every connection, and each new one: a server that went away.
    pub fn cut(&self) {
        self.faults.send_modify(|faults| faults.cut = true);
    }

    /// Keeps connections open and lets nothing through, either way: a peer that silently vanished.
    pub fn black_hole(&self) {
        self.faults.send_modify(|faults| faults.black_hole = true);
    }

    /// Holds every piece of data back for so long, each way.
    pub fn delay(&self, millis: u64) {
        self.faults.send_modify(|faults| faults.delay = Duration::from_millis(millis));
    }

    /// Ends all faults. Connections that were swallowed go on with what they had; those cut stay cut.
    pub fn restore(&self) {
        self.faults.send_replace(Faults::default());
    }
}

/// Finds what listens behind an address, and the same address led through `proxy`.
fn route(upstream: &str, proxy: SocketAddr) -> (String, Upstream) {
    if upstream.starts_with("postgres") {
        let options = PgConnectOptions::from_str(upstream).expect("an address of Postgres");
        let server = match options.get_socket() {
            Some(folder) => Upstream::Unix(folder.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Upstream::Tcp(format!("{}:{}", options.get_host(), options.get_port())),
        };
        let (user, database) = (options.get_username(), options.get_database().unwrap_or_default());
        (format!("postgres://{user}@{proxy}/{database}?sslmode=disable"), server)
    } else if upstream.contains("://") {
        let info = upstream.into_connection_info().expect("an address of Redis");
        let server = match info.addr() {
            ConnectionAddr::Unix(path) => Upstream::Unix(path.clone()),
            other => Upstream::Tcp(other.to_string()),
        };
        (format!("redis://{proxy}"), server)
    } else {
        (proxy.to_string(), Upstream::Tcp(upstream.to_owned()))
    }
}

async fn serve(listener: StdListener, upstream: Upstream, mut faults: watch::Receiver<Faults>) {
    let listener = TcpListener::from_std(listener).expect("a listener for tokio");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(connect(client, upstream.clone(), faults.clone()));
            },
            Some(_) = connections.join_next() => {}
            changed = faults.changed() => if changed.is_err() { return },
        }
    }
}

async fn connect(mut client: TcpStream, upstream: Upstream, mut faults: watch::Receiver<Faults>) {
    let _ = client.set_nodelay(true); // small replies must not wait for one another
    let watched = faults.clone();
    let is_cut = tokio::select! {
        biased; // a cut proxy does not even connect
        waited = faults.wait_for(|faults| faults.cut) => waited.is_ok(),
        _ = async {
            match upstream {
                Upstream::Tcp(address) => forward(&mut client, TcpStream::connect(address).await?, watched).await,
                Upstream::Unix(path) => forward(&mut client, UnixStream::connect(path).await?, watched).await,
            }
        } => false,
    };
    if is_cut {
        let _ = client.set_zero_linger(); // closed by a reset, not by a polite end
    }
}

async fn forward<S>(client: &mut TcpStream, server: S, faults: watch::Receiver<Faults>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite,
{
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = io::split(server);
    tokio::try_join!(pass(client_read, server_write, faults.clone()), pass(server_read, client_write, faults))?;
    Ok(())
}

/// Passes data one way until it ends.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut faults: watch::Receiver<Faults>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut chunk).await?;
        let delay = faults.borrow().delay;
        sleep(delay).await;
        // Whoever set the faults is gone: so are we, in a moment.
        if faults.wait_for(|faults| !faults.black_hole).await.is_err() || length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&chunk[..length]).await?;
    }
}
