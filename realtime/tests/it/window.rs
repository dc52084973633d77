//! A page's end of a socket.

use std::net::SocketAddr;
use std::time::Duration;

use contracts::picking::SeatsMoved;
use contracts::places::{Seq, View};
use contracts::push::{Message as Said, Push};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::stage::SOON;

/// A thousand windows share a test's process.
fn small() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(2_048).write_buffer_size(0)
}

pub struct Window {
    socket: WebSocketStream<TcpStream>,
}

/// What a page hears.
#[derive(Debug, Clone)]
pub enum Heard {
    Place(Seq, Box<View>),
    Seats(SeatsMoved),
    Problem(String),
    Closed(u16, String),
    Lost,
}

impl Window {
    pub async fn open(to: SocketAddr) -> Self {
        Self::try_open(to, None, None).await.unwrap()
    }

    /// A window whose system takes only a little for it while it does not read.
    pub async fn narrow(to: SocketAddr) -> Self {
        Self::try_open(to, None, Some(4_096)).await.unwrap()
    }

    /// Or the status of the refusal.
    pub async fn try_open(to: SocketAddr, origin: Option<&str>, buffer: Option<u32>) -> Result<Self, u16> {
        let tcp = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            tcp.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = tcp.connect(to).await.unwrap();
        let mut request = format!("ws://{to}/v1/live/socket").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        match client_async_with_config(request, stream, Some(small())).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tokio_tungstenite::tungstenite::Error::Http(reply)) => Err(reply.status().as_u16()),
            Err(fault) => panic!("{fault}"),
        }
    }

    pub async fn say(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    pub async fn hello(&mut self, receipt: &str, seen: Option<Seq>) {
        let seq = seen.map_or(serde_json::Value::Null, |seq| serde_json::to_value(seq).unwrap());
        let data = serde_json::json!({"receipt": receipt, "epoch": 1, "seq": seq});
        self.say(serde_json::json!({"v": 1, "type": "hello", "data": data}).to_string()).await;
    }

    pub async fn heard(&mut self) -> Heard {
        tokio::time::timeout(SOON, self.next()).await.expect("something is heard soon")
    }

    /// Nothing is heard for so long, or that.
    pub async fn silent_for(&mut self, patience: Duration) -> Option<Heard> {
        tokio::time::timeout(patience, self.next()).await.ok()
    }

    async fn next(&mut self) -> Heard {
        loop {
            return match self.socket.next().await {
                Some(Ok(Message::Text(text))) => match serde_json::from_str::<Push>(&text).unwrap() {
                    Push { seq, message: Said::Place(view), .. } => Heard::Place(seq, view),
                    Push { message: Said::Seats(moved), .. } => Heard::Seats(moved),
                    Push { message: Said::Problem { code, .. }, .. } => Heard::Problem(code),
                },
                Some(Ok(Message::Close(Some(frame)))) => Heard::Closed(frame.code.into(), frame.reason.to_string()),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Heard::Lost,
            };
        }
    }

    pub async fn place(&mut self) -> (Seq, View) {
        match self.heard().await {
            Heard::Place(seq, view) => (seq, *view),
            other => panic!("expected a place, heard {other:?}"),
        }
    }

    /// The first place that is as asked; all until then are answered too.
    pub async fn until(&mut self, is: impl Fn(&View) -> bool) -> (Seq, View, Vec<View>) {
        let mut before = Vec::new();
        loop {
            let (seq, view) = self.place().await;
            if is(&view) {
                return (seq, view, before);
            }
            before.push(view);
        }
    }

    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.heard().await {
                Heard::Closed(code, reason) => return (code, reason),
                Heard::Lost => panic!("lost without a close frame"),
                _ => {}
            }
        }
    }
}
