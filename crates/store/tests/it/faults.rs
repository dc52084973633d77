//! Every check of `verify` is seen to fire: its fault is planted in a copy of a sound history, and named.

use std::collections::HashSet;

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use store::Store;

use crate::history::history;
use crate::planted::{self, Plant};
use crate::world::{Result, World};
use crate::{planted_blocks, planted_exchanges};
use Plant::{Deeds, Sql};

fn faults() -> impl Iterator<Item = &'static (&'static str, Plant)> {
    planted::FAULTS.iter().chain(planted_blocks::FAULTS).chain(planted_exchanges::FAULTS)
}

#[tokio::test]
async fn every_planted_fault_is_named() -> Result {
    let (mut world, cast) = history().await?;
    // A database with connections cannot be copied.
    world.db.pool.close().await;
    let mut unseen = Vec::new();
    for (nth, (check, plant)) in faults().enumerate() {
        let copy = format!("{}_fault_{nth}", database_of(&world)?);
        let server = testkit::postgres().url_of("postgres");
        run(&server, format!("create database {copy} template {}", database_of(&world)?)).await?;
        let pool = store::connect_postgres(&testkit::postgres().url_of(&copy), 2).await?;
        let original = (std::mem::replace(&mut world.db.pool, pool.clone()), world.store.clone());
        world.store = Store::with_pool(pool.clone(), world.redis.url())?;
        if nth == 0 {
            world.sound().await.context("a copy without a fault")?;
        }
        match plant {
            Sql(plant) => world.sql(plant(&cast)).await.with_context(|| format!("planting for {check}"))?,
            Deeds(plant) => plant(&world, &cast).await.with_context(|| format!("planting for {check}"))?,
        }
        let found = world.verify().await.with_context(|| format!("checking for {check}"))?.violations;
        if !found.iter().any(|violation| violation.check == *check) {
            unseen.push(format!("{check} (number {nth}): only {found:#?}"));
        }
        (world.db.pool, world.store) = original;
        pool.close().await;
        run(&server, format!("drop database {copy} with (force)")).await?;
    }
    assert!(unseen.is_empty(), "{}", unseen.join("\n"));
    Ok(())
}

#[tokio::test]
async fn every_check_has_a_planted_fault() -> Result {
    let (world, _) = history().await?;
    let planted: HashSet<&str> = faults().map(|(check, _)| *check).chain(REDIS).collect();
    let checked: HashSet<&str> = world.verify().await?.checked.into_iter().collect();
    assert_eq!(checked.symmetric_difference(&planted).collect::<Vec<_>>(), Vec::<&&str>::new());
    Ok(())
}

const REDIS: [&str; 3] = ["epoch-not-ahead", "feed-equals-records", "feed-is-bounded"];

#[tokio::test]
async fn faults_in_redis_are_named() -> Result {
    let (world, _) = history().await?;
    let key = |part: &str| format!("u:{{{}}}:{part}:v1", world.event.simple());
    let mut redis = world.redis.connection().await;
    let named = async || -> Result<Vec<&str>> {
        Ok(world.verify().await?.violations.into_iter().map(|found| found.check).collect())
    };

    redis::cmd("HSET").arg(key("epoch")).arg("epoch").arg(1_000).exec_async(&mut redis).await?;
    assert_eq!(named().await?, ["epoch-not-ahead"]);
    world.redis.flush().await;

    world.join(&[1]).await?;
    assert_eq!(named().await?, [""; 0]);
    redis::cmd("XADD").arg(key("feed")).arg("*").arg("r").arg("no record").exec_async(&mut redis).await?;
    assert_eq!(named().await?, ["feed-equals-records"]);
    world.redis.flush().await;

    world.join(&[1]).await?;
    world.sql("update feed_record set at = at + interval '1 ms' where kind = 'joins' and version = (select max(version) from feed_record where kind = 'joins')").await?;
    world.rewrite_log().await?;
    assert_eq!(named().await?, ["feed-equals-records"]);
    world.redis.flush().await;

    world.join(&[1]).await?;
    let entry: redis::streams::StreamRangeReply =
        redis::cmd("XRANGE").arg(key("feed")).arg("-").arg("+").query_async(&mut redis).await?;
    let record: String = entry.ids[0].get("r").context("a record")?;
    for _ in 0..22 {
        let mut pipe = redis::pipe();
        for _ in 0..1_000 {
            pipe.cmd("XADD").arg(key("feed")).arg("*").arg("r").arg(&record).ignore();
        }
        pipe.exec_async(&mut redis).await?;
    }
    assert_eq!(named().await?, ["feed-is-bounded"]);
    Ok(())
}

fn database_of(world: &World) -> Result<String> {
    let path = world.db.url.split('?').next().and_then(|url| url.rsplit('/').next());
    Ok(path.context("a database in the address")?.to_owned())
}

async fn run(url: &str, statement: String) -> Result {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
