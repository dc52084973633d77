//! Joining: dense entries in the order of the commits, one live place per fan, whatever comes at once.

use std::collections::{HashMap, HashSet};

use futures_util::future::{join_all, try_join_all};
use rand::{RngExt as _, SeedableRng as _};
use store::feed::{Change, Lane, LaneKind};
use store::joins::{JoinAsk, JoinBatch};
use store::pace::Leave;
use uuid::Uuid;

use crate::world::{Recipe, Result, World, ask, id};

#[tokio::test]
async fn concurrent_batches_give_dense_entries_in_commit_order() -> Result {
    let world = World::new(Recipe::default()).await?;
    let mut chance = rand::rngs::StdRng::seed_from_u64(7);
    // Fans ask more than once, in the same batch and in several.
    let fans: Vec<Uuid> = (0..400).map(|_| id()).collect();
    let batches: Vec<Vec<JoinAsk>> = (0..64)
        .map(|_| (0..chance.random_range(1..20)).map(|_| ask(fans[chance.random_range(0..fans.len())], 1)).collect())
        .collect();
    let stores = try_join_all((0..4).map(|_| world.another_store())).await?;
    let joined =
        join_all(batches.iter().zip(stores.iter().cycle()).map(|(asks, store)| store.join_batch(world.sale, asks)))
            .await;

    let mut by_fan: HashMap<Uuid, i64> = HashMap::new();
    let mut news: Vec<(i64, Vec<i64>)> = Vec::new();
    for (asks, joined) in batches.iter().zip(joined) {
        let JoinBatch::Placed(places, version) = joined? else { panic!("the sale is open") };
        assert_eq!(
            places.iter().map(|(place, _)| place.fan).collect::<Vec<_>>(),
            asks.iter().map(|ask| ask.fan).collect::<Vec<_>>()
        );
        for (place, _) in &places {
            assert_eq!(*by_fan.entry(place.fan).or_insert(place.entry), place.entry, "one place per fan, whoever asks");
        }
        let new: HashSet<i64> = places.iter().filter(|(_, new)| *new).map(|(place, _)| place.entry).collect();
        if !new.is_empty() {
            news.push((version, new.into_iter().collect()));
        }
    }
    // What each version of the lane says is what its batch was given, and the versions go up with the entries.
    news.sort_unstable();
    let records = world.store.records_after(Lane { scope: world.sale, kind: LaneKind::Joins }, 0, 1_000).await?;
    assert_eq!(records.len(), news.len());
    let mut last = 0;
    for (record, (version, mut entries)) in records.iter().zip(news) {
        entries.sort_unstable();
        assert_eq!(record.version, version);
        assert_eq!(entries, (last + 1..=last + entries.len() as i64).collect::<Vec<_>>());
        last += entries.len() as i64;
        assert_eq!(record.changes, [Change::Joined { last, classes: Vec::new() }]);
    }
    assert_eq!(last as usize, by_fan.len());
    world.sound().await
}

#[tokio::test]
async fn who_left_joins_at_the_back_if_the_sale_allows_it() -> Result {
    for rejoin in [true, false] {
        let world = World::new(Recipe { rejoin, ..Recipe::default() }).await?;
        let places = world.join(&[1, 1]).await?;
        let fan = places[0].fan;
        assert_eq!(world.store.leave(world.event, world.sale, fan).await?, Leave::Left);
        assert_eq!(world.store.leave(world.event, world.sale, fan).await?, Leave::NotLive);
        let again = world.join_as(&[ask(fan, 1)]).await?;
        assert_eq!((again[0].entry, again[0].state.as_str()), if rejoin { (3, "waiting") } else { (1, "left") });
        world.sound().await?;
    }
    Ok(())
}
