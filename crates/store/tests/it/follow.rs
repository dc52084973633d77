//! Following an event: whatever Redis loses, a follower ends up with what Postgres has.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use store::feed::{Lane, Record};
use store::follow::Follower;
use store::verify::differences;
use tokio::time::Instant;

use crate::world::{Recipe, Result, World};

const BOUND: Duration = Duration::from_secs(10);

/// Follows until nothing differs from a fresh snapshot; each lane's records came in order, none missing, none twice.
async fn catch_up(world: &World, follower: &mut Follower, heard: &mut HashMap<Lane, i64>) -> Result {
    let until = Instant::now() + BOUND;
    loop {
        for Record { lane, version, .. } in follower.next(Duration::from_millis(20)).await? {
            let last = heard.entry(lane).or_insert(version - 1);
            assert_eq!(version, *last + 1, "{lane:?}");
            *last = version;
        }
        let fresh = Follower::start(&world.another_store().await?, world.event).await?;
        let different = differences(follower.mirror(), fresh.mirror());
        if different.is_empty() {
            return Ok(());
        }
        assert!(Instant::now() < until, "{different:#?}");
    }
}

/// A bit of everything, so that every lane moves.
async fn some_life(world: &World) -> Result {
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    let places = world.join(&[1, 1, 1]).await?;
    world.tick_without(pacing, &[places[2].entry]).await?;
    let held = world.seat(&seating).await?.held;
    world.store.give_back(held.last().expect("somebody is seated").booking).await?;
    Ok(())
}

#[tokio::test]
async fn a_follower_sees_what_happens() -> Result {
    let world = World::new(Recipe { standing: 40, ..Recipe::default() }).await?;
    let (mut follower, mut heard) = (Follower::start(&world.store, world.event).await?, HashMap::new());
    for _ in 0..5 {
        some_life(&world).await?;
        catch_up(&world, &mut follower, &mut heard).await?;
    }
    world.sound().await
}

#[tokio::test]
async fn lost_records_are_read_from_postgres() -> Result {
    let world = World::new(Recipe { standing: 40, ..Recipe::default() }).await?;
    let (mut follower, mut heard) = (Follower::start(&world.store, world.event).await?, HashMap::new());
    let feed = format!("u:{{{}}}:feed:v1", world.event.simple());
    for _ in 0..3 {
        some_life(&world).await?;
        // Every second record disappears from the stream before the follower looks.
        let mut redis = world.redis.connection().await;
        let entries: redis::streams::StreamRangeReply =
            redis::cmd("XRANGE").arg(&feed).arg("-").arg("+").query_async(&mut redis).await?;
        for entry in entries.ids.iter().step_by(2) {
            redis::cmd("XDEL").arg(&feed).arg(&entry.id).exec_async(&mut redis).await?;
        }
        catch_up(&world, &mut follower, &mut heard).await?;
    }
    world.sound().await
}

#[tokio::test]
async fn a_gap_is_repaired_within_a_moment() -> Result {
    let world = World::new(Recipe::default()).await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    let feed = format!("u:{{{}}}:feed:v1", world.event.simple());
    // Not to be found by the comparison of each second: the gap itself must be noticed.
    world.join(&[1]).await?;
    while follower.mirror().sales[&world.sale].joins < 1 {
        follower.next(Duration::from_secs(1)).await?;
    }
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        world.join(&[1]).await?;
        let mut redis = world.redis.connection().await;
        redis::cmd("DEL").arg(&feed).exec_async(&mut redis).await?;
        world.join(&[1]).await?;
        let since = Instant::now();
        let last = world.number("select version from lane where kind = 'joins'").await?;
        while follower.mirror().sales[&world.sale].joins < last {
            follower.next(Duration::from_secs(1)).await?;
        }
        quickest = quickest.min(since.elapsed());
    }
    assert!(quickest < Duration::from_millis(500), "{quickest:?}");
    Ok(())
}

#[tokio::test]
async fn followers_outlive_an_emptied_a_killed_and_an_absent_redis() -> Result {
    let world = World::new(Recipe { standing: 60, ..Recipe::default() }).await?;
    let (mut follower, mut heard) = (Follower::start(&world.store, world.event).await?, HashMap::new());
    some_life(&world).await?;
    world.redis.flush().await;
    some_life(&world).await?;
    catch_up(&world, &mut follower, &mut heard).await?;
    world.redis.kill().await;
    some_life(&world).await?;
    // While it is away, and after it is back.
    catch_up(&world, &mut follower, &mut heard).await?;
    world.redis.restart().await;
    some_life(&world).await?;
    catch_up(&world, &mut follower, &mut heard).await?;
    let epoch = world.number("select epoch from event").await?;
    testkit::eventually(BOUND, async || {
        drop(follower.next(Duration::from_millis(50)).await);
        follower.mirror().epoch == epoch
    })
    .await;
    // Records travel through Redis again.
    world.join(&[1]).await?;
    let mut redis = world.redis.connection().await;
    let length: usize =
        redis::cmd("XLEN").arg(format!("u:{{{}}}:feed:v1", world.event.simple())).query_async(&mut redis).await?;
    assert!(length > 0);
    world.sound().await
}

#[tokio::test]
async fn who_comes_late_sees_the_same_as_who_saw_it_all() -> Result {
    let (world, _) = crate::history::history().await?;
    // `verify` replays every record and compares; here the followers themselves do.
    let (mut early, mut heard) = (Follower::start(&world.store, world.event).await?, HashMap::new());
    for _ in 0..2 {
        some_life(&world).await?;
    }
    catch_up(&world, &mut early, &mut heard).await?;
    let late = Follower::start(&world.another_store().await?, world.event).await?;
    assert_eq!(differences(early.mirror(), late.mirror()), Vec::<String>::new());
    world.sound().await
}

#[tokio::test]
async fn the_epoch_rises_once_however_many_notice() -> Result {
    let world = World::new(Recipe::default()).await?;
    let stores = try_join_all((0..6).map(|_| world.another_store())).await?;
    for round in 0..15 {
        try_join_all(stores.iter().map(|store| store.tend_epoch(world.event))).await?;
        let before = world.number("select epoch from event").await?;
        world.redis.flush().await;
        let noticed = join_all(stores.iter().map(|store| store.tend_epoch(world.event))).await;
        for epoch in noticed {
            assert_eq!(epoch?.number, before + 1, "round {round}");
        }
        assert_eq!(world.number("select epoch from event").await?, before + 1, "round {round}");
    }
    // Wanted for its own sake, it rises as well.
    let before = world.number("select epoch from event").await?;
    assert_eq!(world.store.rebuild(world.event).await?.number, before + 1);
    world.sound().await
}

#[tokio::test]
async fn a_writer_with_an_old_epoch_is_told_so() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.join(&[1]).await?;
    // Another process rebuilds; this one still believes in the former epoch.
    world.another_store().await?.rebuild(world.event).await?;
    world.join(&[1]).await?;
    let mut redis = world.redis.connection().await;
    let length: usize =
        redis::cmd("XLEN").arg(format!("u:{{{}}}:feed:v1", world.event.simple())).query_async(&mut redis).await?;
    assert_eq!(length, 1, "the record is written under the new epoch");
    world.sound().await
}
