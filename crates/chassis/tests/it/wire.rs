//! A server on a spare port, and a client that writes and reads bytes as they are.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use chassis::serve::{ListenerConfig, bind, serve};
use chassis::tasks::{TaskKind, Tasks};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What must happen does so well within this, on the slowest machine.
pub const SOON: Duration = Duration::from_secs(10);

/// The result of `future`, which must come soon.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("it takes too long")
}

/// Serves `router` on a spare port until `tasks` stop.
pub fn start(router: Router, config: ListenerConfig, tasks: &Tasks) -> SocketAddr {
    let listener = bind("127.0.0.1:0".parse().unwrap(), false, 64).unwrap();
    let address = listener.local_addr().unwrap();
    let inside = tasks.clone();
    let listening = async move { serve(listener, router, config, &inside).await };
    tasks.spawn(TaskKind::Service, "listener", listening);
    address
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A reply, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body's `code`, where the body is a problem document.
    pub fn problem_code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(document["status"], self.status, "{document}");
        assert!(!document["title"].as_str().unwrap().is_empty(), "{document}");
        assert!(!document["detail"].as_str().unwrap().is_empty(), "{document}");
        let code = document["code"].as_str().unwrap();
        assert_eq!(document["type"], format!("/problems/{code}"), "{document}");
        code.to_owned()
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { stream: soon(TcpStream::connect(address)).await.unwrap(), read: Vec::new() }
    }

    pub async fn send(&mut self, bytes: &str) {
        soon(self.stream.write_all(bytes.as_bytes())).await.unwrap();
    }

    /// Sends a request without a body and reads its reply.
    pub async fn get(&mut self, path: &str, headers: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n")).await;
        self.reply().await
    }

    pub async fn reply(&mut self) -> Reply {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_more().await, "closed in the head: {:?}", self.read);
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply { status, head, body: String::new() };
        let length: usize = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.read_more().await, "closed in the body: {reply:?}");
        }
        reply.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        reply
    }

    /// Waits until the server closes; what it sent before is given back.
    pub async fn closed(mut self) -> String {
        while self.read_more().await {}
        String::from_utf8(self.read).unwrap()
    }

    async fn read_more(&mut self) -> bool {
        // A reset is a close as well: the server need not have read all that was sent.
        soon(self.stream.read_buf(&mut self.read)).await.is_ok_and(|read| read > 0)
    }
}
