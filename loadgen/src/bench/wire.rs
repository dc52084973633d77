//! A client that costs little: one keep-alive connection, requests written as they are, answers read no further than needed.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// A connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// An answer.
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects to `http://host:port` from a source address.
    pub async fn connect(base: &str, source: Option<IpAddr>) -> anyhow::Result<Self> {
        let host = base.trim_start_matches("http://");
        let to: SocketAddr = host.parse().with_context(|| format!("{base} is no address with a port"))?;
        let socket = TcpSocket::new_v4()?;
        if let Some(source) = source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 16 << 10], filled: 0 })
    }

    /// Sends one request and reads its answer, whose length must be told in its head.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Reply> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        loop {
            if self.filled == self.buffer.len() {
                bail!("an answer of more than {} bytes", self.buffer.len());
            }
            let read = self.stream.read(&mut self.buffer[self.filled..]).await?;
            if read == 0 {
                bail!("the connection was closed");
            }
            self.filled += read;
            if let Some(reply) = parse(&self.buffer[..self.filled])? {
                return Ok(reply);
            }
        }
    }
}

/// The bytes of a POST with a JSON body.
pub fn post(path: &str, host: &str, bearer: Option<&str>, body: &str) -> Vec<u8> {
    let auth = bearer.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\n{auth}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The answer, once it is complete.
fn parse(bytes: &[u8]) -> anyhow::Result<Option<Reply>> {
    let Some(head_end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_end])?;
    let status = head.get(9..12).and_then(|code| code.parse().ok()).context("no status line")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.context("an answer without content-length")?;
    let body = &bytes[head_end + 4..];
    Ok((body.len() >= length).then(|| Reply { status, body: body[..length].to_vec() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).unwrap().is_none());
        }
        let reply = parse(whole).unwrap().unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (201, b"ok".as_slice()));
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
