//! Heads of the log: when they are due, that they chain, and that two writers make one.

use serde_json::Value;
use store::log::{HeadFacts, Seal};
use store::tuning::Tune;
use uuid::Uuid;

use crate::world::{Recipe, Result, World, id};

const HOUR: Option<i64> = Some(3_600_000);

/// A seal that says what verify recomputes, without a signature.
fn seal(facts: &HeadFacts) -> Seal {
    Seal { key_id: "k".to_owned(), hash: facts.seq.to_be_bytes().to_vec(), signature: Vec::new() }
}

#[tokio::test]
async fn heads_are_written_by_the_pacing_holder_each_minute_and_at_the_end() -> Result {
    let world = World::new(Recipe::default()).await?;
    let store = &world.store;
    let (holder, stranger) = (world.holder, id());
    // Nobody paces yet: anybody writes, once.
    assert_eq!(store.heads_due(stranger, 60_000, HOUR).await?, [world.sale]);
    assert_eq!(store.write_head(world.sale, seal).await?.map(|head| (head.seq, head.previous)), Some((1, Vec::new())));
    assert_eq!(store.heads_due(stranger, 60_000, HOUR).await?, Vec::<Uuid>::new());
    world.pacing().await?;
    assert_eq!(store.heads_due(holder, 60_000, HOUR).await?, Vec::<Uuid>::new());
    // A minute later the holder writes one whether or not there is news, and nobody else does.
    assert_eq!(store.heads_due(holder, 0, HOUR).await?, [world.sale]);
    assert_eq!(store.heads_due(stranger, 0, HOUR).await?, Vec::<Uuid>::new());
    world.join(&[1]).await?;
    let second = store.write_head(world.sale, seal).await?.expect("a head");
    assert_eq!((second.seq, second.joins.version, second.previous), (2, 1, 1_i64.to_be_bytes().to_vec()));
    // Whoever follows the event learns of the newest alone.
    assert_eq!(store.newest_heads(&[stranger]).await?, []);
    let newest = store.newest_heads(&[world.event, stranger]).await?;
    let told: Vec<_> = newest.iter().map(|head| (head.event, head.sale, head.seq, head.at_ms)).collect();
    assert_eq!(told, [(world.event, world.sale, 2, second.at_ms)]);
    assert_eq!((newest[0].key_id.as_str(), &newest[0].hash[..]), ("k", &2_i64.to_be_bytes()[..]));
    // At the end at once; after it, only when there is something new.
    world.sql("update sale set sold_out_at = clock_timestamp(); update lease set until = '-infinity'").await?;
    assert_eq!(store.heads_due(stranger, 60_000, HOUR).await?, [world.sale]);
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    assert!(store.write_head(world.sale, seal).await?.is_some());
    assert_eq!(store.heads_due(stranger, 0, HOUR).await?, Vec::<Uuid>::new());
    store.tune(world.sale, world.account, &Tune::Pause, "late", None).await?;
    assert_eq!(store.heads_due(stranger, 0, HOUR).await?, [world.sale]);
    Ok(())
}

#[tokio::test]
async fn two_writers_make_one_head_of_each_number() -> Result {
    let world = World::new(Recipe::default()).await?;
    let other = world.another_store().await?;
    for _ in 0..10 {
        let (a, b) = tokio::join!(world.store.write_head(world.sale, seal), other.write_head(world.sale, seal));
        assert!(a?.is_some() || b?.is_some());
    }
    let heads = world.store.log_heads(world.sale, 0, 100).await?;
    assert!(heads.iter().zip(1..).all(|((facts, _), seq)| facts.seq == seq), "{heads:?}");
    assert!(heads.windows(2).all(|pair| pair[1].0.previous == pair[0].1.hash));
    Ok(())
}

/// How many rows a look for due heads reads of sales, lanes and heads together.
async fn rows_read(world: &World) -> Result<i64> {
    fn count(node: &Value) -> i64 {
        let of = |name: &str| node[name].as_f64().unwrap_or(0.0);
        let own = if node["Relation Name"].is_null() {
            0.0
        } else {
            (of("Actual Rows") + of("Rows Removed by Filter")) * of("Actual Loops")
        };
        own as i64 + node["Plans"].as_array().into_iter().flatten().map(count).sum::<i64>()
    }
    let due = include_str!("../../src/log/due.sql");
    let explained = format!("explain (analyze, format json) {due}");
    let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(explained))
        .bind(id())
        .bind(60_000.0)
        .bind(3_600_000.0)
        .fetch_one(&world.db.pool)
        .await?;
    Ok(count(&plan[0]["Plan"]))
}

#[tokio::test]
async fn sales_long_over_are_looked_at_only_when_all_are() -> Result {
    let world = World::new(Recipe::default()).await?;
    let store = &world.store;
    store.write_head(world.sale, seal).await?;
    // What is copied is the one sale and what belongs to it.
    for nth in 0..300 {
        let copy = format!(
            "do $$ declare s sale; l lane; h log_head; begin
                 select * into s from sale where id = '{sale}';
                 s.id = '{copy}'; s.opens_at = clock_timestamp() - interval '9 days'; s.closes_at = clock_timestamp() - interval '8 days';
                 insert into sale select s.*;
                 for l in select * from lane where scope = '{sale}' loop l.scope = s.id; insert into lane select l.*; end loop;
                 select * into h from log_head where sale = '{sale}'; h.sale = s.id; h.at = clock_timestamp() - interval '7 days';
                 insert into log_head select h.*;
             end $$",
            sale = world.sale,
            copy = Uuid::from_u128(900_000 + nth)
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&world.db.pool).await?;
    }
    world.sql("analyze").await?;
    assert!(rows_read(&world).await? < 50, "{} rows", rows_read(&world).await?);
    assert_eq!(store.heads_due(id(), 60_000, HOUR).await?, Vec::<Uuid>::new());
    assert_eq!(store.heads_due(id(), 60_000, None).await?, Vec::<Uuid>::new());
    // A refund, long after.
    let old = Uuid::from_u128(900_007);
    store.tune(old, world.account, &Tune::Pause, "late", None).await?;
    assert_eq!(store.heads_due(id(), 60_000, HOUR).await?, Vec::<Uuid>::new());
    assert_eq!(store.heads_due(id(), 60_000, None).await?, [old]);
    Ok(())
}
