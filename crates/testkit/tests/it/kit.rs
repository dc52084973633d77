//! A database and a Redis for each test.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use testkit::eventually;

use crate::{redis_command, sql};

#[tokio::test]
async fn every_test_has_a_migrated_database_of_its_own() {
    let (one, other) = tokio::join!(testkit::database(), testkit::database());
    sql(&one.url, "CREATE TABLE mine (n int)").await.unwrap();
    sql(&other.url, "CREATE TABLE mine (n int)").await.unwrap();
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&one.pool).await.unwrap();
    assert!(applied > 0);
}

#[test]
fn databases_are_made_from_many_tests_at_once_and_outlive_none_of_them() {
    // Runtimes that come and go, as those of tests do: the server belongs to none.
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let one_test = || {
        runtime().block_on(async {
            let database = testkit::database().await;
            sql(&database.url, "CREATE TABLE mine (n int)").await.unwrap();
            database.url.clone()
        })
    };
    let mut urls = Vec::new();
    for _ in 0..2 {
        std::thread::scope(|scope| {
            let tests: Vec<_> = (0..8).map(|_| scope.spawn(one_test)).collect();
            urls.extend(tests.into_iter().map(|test| test.join().unwrap()));
        });
    }
    let made: HashSet<_> = urls.iter().collect();
    assert_eq!(made.len(), 16, "{urls:?}");
    runtime().block_on(eventually(Duration::from_secs(20), async || {
        for url in &urls {
            if PgConnection::connect(url).await.is_ok() {
                return false;
            }
        }
        true
    }));
    // Gone is not the same as a server that answers nobody.
    runtime().block_on(testkit::database());
}

#[tokio::test]
async fn a_redis_is_empty_after_a_restart_and_after_a_flush() {
    let redis = testkit::redis().await;
    for empty in [true, false] {
        redis_command(redis.url(), "SET key value").await.unwrap();
        if empty {
            redis.flush().await;
        } else {
            redis.kill().await;
            redis_command(redis.url(), "PING").await.unwrap_err();
            redis.restart().await;
        }
        assert_eq!(redis_command(redis.url(), "GET key").await.unwrap(), redis::Value::Nil);
    }
}
