//! A `redis-server` per test. Numbered databases of a shared one would share scripts and pub/sub.

use store::servers::{PrivateRedis, Programs};

use crate::ScratchDir;

/// A running `redis-server`, ended with this value.
#[derive(Debug)]
pub struct TestRedis {
    server: PrivateRedis,
    /// Dropped after the server, which it is the folder of.
    _dir: ScratchDir,
}

/// Starts an empty `redis-server` for one test.
pub async fn redis() -> TestRedis {
    let programs = Programs::find().unwrap_or_else(|missing| panic!("{missing}"));
    let dir = ScratchDir::new();
    let server = PrivateRedis::start(dir.path(), &programs).await.unwrap_or_else(|error| panic!("{error}"));
    TestRedis { server, _dir: dir }
}

impl TestRedis {
    /// Where it listens; stays the same.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub async fn kill(&self) {
        self.server.kill().await;
    }

    /// Starts it again, empty, and waits until it answers.
    pub async fn restart(&self) {
        self.server.restart().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Empties it.
    pub async fn flush(&self) {
        let mut connection = self.connection().await;
        redis::cmd("FLUSHALL").exec_async(&mut connection).await.expect("FLUSHALL");
    }

    /// A new connection to it.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).expect("the address of a private Redis");
        client.get_multiplexed_async_connection().await.expect("a private Redis answers")
    }
}
