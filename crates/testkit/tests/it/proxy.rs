//! The fault proxy cuts, holes and restores.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use testkit::{FaultProxy, eventually};
use tokio::time::timeout;

use crate::redis_command;

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_cut_connection_fails_at_once_and_a_restored_proxy_serves_again() {
    let redis = testkit::redis().await;
    let proxy = FaultProxy::start(redis.url());
    redis_command(proxy.url(), "SET key value").await.unwrap();

    proxy.cut();
    let refused = timeout(PATIENCE, redis_command(proxy.url(), "GET key")).await;
    refused.expect("an answer at once").unwrap_err();

    proxy.restore();
    eventually(PATIENCE, async || redis_command(proxy.url(), "GET key").await.is_ok()).await;
}

#[tokio::test]
async fn an_open_connection_is_cut() {
    let database = testkit::database().await;
    let proxy = FaultProxy::start(&database.url);
    let mut connection = PgConnection::connect(proxy.url()).await.unwrap();
    sqlx::query("SELECT 1").execute(&mut connection).await.unwrap();
    proxy.cut();
    let lost = timeout(PATIENCE, sqlx::query("SELECT 1").execute(&mut connection)).await;
    lost.expect("an answer at once").unwrap_err();
}

#[tokio::test]
async fn a_black_hole_answers_nothing_until_restored() {
    let database = testkit::database().await;
    let proxy = FaultProxy::start(&database.url);
    let mut connection = PgConnection::connect(proxy.url()).await.unwrap();
    proxy.black_hole();
    let mut query = std::pin::pin!(sqlx::query("SELECT 1").execute(&mut connection));
    timeout(Duration::from_millis(200), &mut query).await.expect_err("nothing comes through");
    proxy.restore();
    timeout(PATIENCE, query).await.expect("what was held back goes on").unwrap();
}

#[tokio::test]
async fn a_delay_is_felt_each_way() {
    let redis = testkit::redis().await;
    let proxy = FaultProxy::start(redis.url());
    let mut connection = redis::Client::open(proxy.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    proxy.delay(100);
    let begin = Instant::now();
    redis::cmd("PING").exec_async(&mut connection).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(200), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_plain_address_is_passed_on_with_its_end() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::start(&server.local_addr().unwrap().to_string());
    let mut client = tokio::net::TcpStream::connect(proxy.url()).await.unwrap();
    let (mut accepted, _) = server.accept().await.unwrap();
    let sent = vec![7; 1_000_000];
    let mut received = Vec::new();
    let (written, read) = tokio::join!(
        async {
            client.write_all(&sent).await?;
            client.shutdown().await
        },
        accepted.read_to_end(&mut received)
    );
    written.and(read).unwrap();
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
}
