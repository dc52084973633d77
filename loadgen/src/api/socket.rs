//! WebSockets from a chosen source address, with small buffers: thousands of them share a process.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// An open socket.
pub type Socket = WebSocketStream<TcpStream>;

/// Why no socket came about.
#[derive(Debug)]
pub enum NoSocket {
    /// The server refused the upgrade: status, and seconds to wait if it said so.
    Refused(u16, Option<u64>),
    /// No connection, or none in time.
    Failed(String),
}

impl From<Error> for NoSocket {
    fn from(fault: Error) -> Self {
        match fault {
            Error::Http(response) => {
                let wait_s =
                    response.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
                Self::Refused(response.status().as_u16(), wait_s)
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Connects to `ws://host:port/path` from `source`.
pub async fn connect(url: &str, source: Option<IpAddr>) -> Result<Socket, NoSocket> {
    match tokio::time::timeout(Duration::from_secs(10), open(url, source)).await {
        Ok(done) => done,
        Err(_) => Err(NoSocket::Failed("no socket within 10 s".to_owned())),
    }
}

async fn open(url: &str, source: Option<IpAddr>) -> Result<Socket, NoSocket> {
    let failed = |fault: &dyn std::fmt::Display| NoSocket::Failed(fault.to_string());
    let to = target(url).await.map_err(|fault| failed(&fault))?;
    let socket =
        if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(|fault| failed(&fault))?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0)).map_err(|fault| failed(&fault))?;
    }
    let stream = socket.connect(to).await.map_err(|fault| failed(&fault))?;
    stream.set_nodelay(true).map_err(|fault| failed(&fault))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(2 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(64 << 10)
        .max_message_size(Some(64 << 10))
        .max_frame_size(Some(64 << 10));
    let request = url.into_client_request()?;
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

async fn target(url: &str) -> anyhow::Result<SocketAddr> {
    let rest = url.strip_prefix("ws://").with_context(|| format!("{url} is no ws:// address"))?;
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    tokio::net::lookup_host(&host).await?.find(SocketAddr::is_ipv4).with_context(|| format!("{host} has no address"))
}
