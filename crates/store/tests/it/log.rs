//! Heads of the log: when they are due, that they chain, and that two writers make one.

use store::log::{HeadFacts, Seal};
use store::tuning::Tune;

use crate::world::{Recipe, Result, World, id};

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
    assert_eq!(store.heads_due(stranger, 60_000).await?, [world.sale]);
    assert_eq!(store.write_head(world.sale, seal).await?.map(|head| (head.seq, head.previous)), Some((1, Vec::new())));
    assert_eq!(store.heads_due(stranger, 60_000).await?, Vec::<uuid::Uuid>::new());
    world.pacing().await?;
    assert_eq!(store.heads_due(holder, 60_000).await?, Vec::<uuid::Uuid>::new());
    // A minute later the holder writes one whether or not there is news, and nobody else does.
    assert_eq!(store.heads_due(holder, 0).await?, [world.sale]);
    assert_eq!(store.heads_due(stranger, 0).await?, Vec::<uuid::Uuid>::new());
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
    assert_eq!(store.heads_due(stranger, 60_000).await?, [world.sale]);
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    assert!(store.write_head(world.sale, seal).await?.is_some());
    assert_eq!(store.heads_due(stranger, 0).await?, Vec::<uuid::Uuid>::new());
    store.tune(world.sale, world.account, &Tune::Pause, "late", None).await?;
    assert_eq!(store.heads_due(stranger, 0).await?, [world.sale]);
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
