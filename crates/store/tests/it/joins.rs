//! Joining: dense entries in the order of the commits, one live place per fan, whatever comes at once.

use std::collections::{HashMap, HashSet};

use futures_util::future::{join_all, try_join_all};
use rand::{RngExt as _, SeedableRng as _};
use store::events::{Ordering, SaleDraft, SaleEdit, SalePublished};
use store::feed::{Change, Lane, LaneKind};
use store::inserts::{Insert, Inserted};
use store::joins::{JoinAsk, JoinBatch, PlaceRow};
use store::mending::Mend;
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

const BEGIN_MS: i64 = 1_850_000_000_000;
const HOUR_MS: i64 = 3_600_000;

/// A world whose clock stands at [`BEGIN_MS`], with a sale as this makes it.
async fn with_clock(change: impl FnOnce(&mut SaleDraft)) -> Result<World> {
    let mut world = World::before_publication(Recipe::default()).await?;
    world.db.stop_clock(BEGIN_MS).await;
    // Connections made from here on have that clock.
    world.store = world.another_store().await?;
    edit(&world, change).await?;
    anyhow::ensure!(world.store.publish_sale(world.sale, world.account).await? == SalePublished::Done);
    Ok(world)
}

async fn edit(world: &World, change: impl FnOnce(&mut SaleDraft)) -> Result {
    let sale = world.store.sale(world.sale).await?.expect("the sale");
    let mut draft = sale.draft;
    change(&mut draft);
    let edited = world.store.edit_sale(world.sale, sale.version, &draft, world.account).await?;
    anyhow::ensure!(edited == SaleEdit::Done, "{edited:?}");
    Ok(())
}

async fn one(world: &World) -> Result<std::result::Result<PlaceRow, JoinBatch>> {
    Ok(match world.store.join_batch(world.sale, &[ask(id(), 1)]).await? {
        JoinBatch::Placed(mut placed, _) => Ok(placed.remove(0).0),
        refused => Err(refused),
    })
}

#[tokio::test]
async fn a_clock_once_far_ahead_dates_joins_and_does_not_judge_them() -> Result {
    let opens_at_ms = BEGIN_MS + HOUR_MS;
    let world = with_clock(|draft| draft.opens_at_ms = opens_at_ms).await?;
    world.db.set_clock(BEGIN_MS + 9 * HOUR_MS).await;
    let early = one(&world).await?.expect("it is open by the clock");
    assert_eq!(early.joined_at_ms, BEGIN_MS + 9 * HOUR_MS);
    // By the true time it is not open yet.
    world.db.set_clock(BEGIN_MS).await;
    assert_eq!(one(&world).await?, Err(JoinBatch::NotOpenYet { opens_at_ms }));
    assert_eq!(world.join_as(&[ask(early.fan, 1)]).await?[0].entry, 1, "who has a place keeps it");
    // Then it is, and is so although by the wrong time it would be over.
    world.db.set_clock(opens_at_ms).await;
    edit(&world, |draft| draft.closes_at_ms = BEGIN_MS + 3 * HOUR_MS).await?;
    let second = one(&world).await?.expect("it is open");
    assert_eq!((second.entry, second.joined_at_ms), (2, early.joined_at_ms), "no date goes back");
    let place = id();
    sqlx::query("insert into account (id, email, password_hash) values ($1, 'fan@example.org', '')")
        .bind(id())
        .execute(&world.db.pool)
        .await?;
    let mend = Mend { sale: world.sale, place, account: world.account, reason: "lost by us" };
    let insert = Insert { mend, email: "fan@example.org", party: 1, to_the_front: false };
    assert_eq!(world.store.insert_place(&insert).await?, Inserted::Done(3));
    assert_eq!(world.store.place(place).await?.expect("the place").joined_at_ms, early.joined_at_ms);
    world.sound().await?;
    world.db.set_clock(BEGIN_MS + 3 * HOUR_MS).await;
    assert_eq!(one(&world).await?, Err(JoinBatch::Closed));
    Ok(())
}

#[tokio::test]
async fn a_lobby_that_was_closed_by_a_clock_far_ahead_stays_closed() -> Result {
    let opens_at_ms = BEGIN_MS + HOUR_MS;
    for (ordering, refused) in [(Ordering::DrawOnly, true), (Ordering::DrawThenFifo, false)] {
        let world = with_clock(|draft| {
            (draft.ordering, draft.lobby_opens_at_ms, draft.opens_at_ms) = (ordering, Some(BEGIN_MS), opens_at_ms);
        })
        .await?;
        assert_eq!(one(&world).await?.expect("the lobby is open").entry, 1);
        world.db.set_clock(opens_at_ms).await;
        assert_eq!(world.store.close_lobby(world.sale).await?, Some(1));
        world.db.set_clock(BEGIN_MS).await;
        // Whoever comes now is not in the draw.
        let late = one(&world).await?;
        assert_eq!(late.clone().err(), refused.then_some(JoinBatch::LobbyClosed), "{late:?}");
        let asked = world.store.join_entitled(world.sale, &[ask(id(), 1)], &[], &|_| [0; 32]).await?;
        assert_eq!(asked.lobby_ms, None, "nobody is promised that they are in the draw");
        assert_eq!(world.store.close_lobby(world.sale).await?, None);
        world.db.set_clock(opens_at_ms).await;
        assert_eq!(world.store.close_lobby(world.sale).await?, Some(1));
        world.sound().await?;
    }
    Ok(())
}
