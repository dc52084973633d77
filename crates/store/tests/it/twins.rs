//! Each guard is seen to be needed: the same body passes with it and fails without it.

use std::time::Duration;

use store::leases::Office;
use store::{Guards, StoreError};
use testkit::eventually;

use crate::world::{Recipe, Result, World, id};

/// Two batches, each chosen from the same view, offer the same seats at the same time, over and over.
async fn seats_held_once(world: &World) -> Result {
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    let seats: Vec<u32> = (0..6).collect();
    for pair in seats.chunks(2) {
        world.join(&[2, 2]).await?;
        let admitted = world.tick(pacing).await?.admitted;
        let (one, other) = ([world.offer(admitted[0], pair)], [world.offer(admitted[1], pair)]);
        let (one, other) =
            tokio::join!(world.store.offer(&seating, &one, &[]), world.store.offer(&seating, &other, &[]));
        let held = one?.held.len() + other?.held.len();
        anyhow::ensure!(held == 1, "seats {pair:?} were held {held} times");
    }
    world.sound().await
}

#[tokio::test]
async fn no_seat_is_held_twice() -> Result {
    let world = World::new(Recipe::default()).await?;
    seats_held_once(&world).await
}

#[tokio::test]
async fn no_seat_is_held_twice_without_unique_index() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.sql("drop index seat_live_unique").await?;
    let failed = seats_held_once(&world).await.expect_err("a seat was to be held twice");
    assert!(failed.to_string().contains("held 2 times"), "{failed}");
    // The checks do not rely on the index either.
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "seat-held-once"), "{found:?}");
    Ok(())
}

/// A holder that slept through the end of its term wakes up and goes on as if nothing had happened.
async fn replaced_holders_decide_nothing(world: &World) -> Result {
    world.join(&[1, 1, 1]).await?;
    let (holder, successor) = (id(), id());
    for (office, scope) in [(Office::Pacing, world.sale), (Office::Seating, world.event)] {
        let old = world.store.take_lease(office, scope, holder, 1).await?.expect("the office is vacant");
        let new = async || world.store.take_lease(office, scope, successor, 60_000).await.unwrap();
        eventually(Duration::from_secs(5), async || new().await.is_some()).await;
        let (decided, what) = match office {
            Office::Pacing => {
                let before = world.tick(old).await;
                // Somebody has to stand for the next office.
                let lease = new().await.expect("our own");
                world.tick(lease).await?;
                (before.map(|done| format!("{:?} admitted", done.admitted)), "a replaced pacer")
            }
            Office::Seating => {
                let offer = world.offer(1, &[0]);
                let done = world.store.offer(&old, &[offer], &[]).await.map_err(anyhow::Error::from);
                (done.map(|done| format!("{:?} held", done.held)), "a replaced seater")
            }
        };
        match decided {
            Err(fault) if matches!(fault.downcast_ref(), Some(StoreError::Moved(_))) => {}
            Err(fault) => return Err(fault),
            Ok(done) => anyhow::bail!("{what} had {done}"),
        }
    }
    world.sound().await
}

#[tokio::test]
async fn a_replaced_pacer_admits_nobody() -> Result {
    let world = World::new(Recipe::default()).await?;
    replaced_holders_decide_nothing(&world).await
}

#[tokio::test]
async fn a_replaced_pacer_admits_nobody_without_term_check() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.store = world.store.clone().without(Guards { term_check: false, ..Guards::ALL });
    let failed = replaced_holders_decide_nothing(&world).await.expect_err("a replaced pacer was to admit somebody");
    assert!(failed.to_string().contains("a replaced pacer had [1, 2, 3] admitted"), "{failed}");
    Ok(())
}

/// Of two holds with deadlines a minute apart only the earlier ends, and not before its deadline.
async fn holds_last_until_their_deadlines(world: &World) -> Result {
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.join(&[1, 1]).await?;
    world.tick(pacing).await?;
    let long = world.hold(&seating, 1, &[0]).await?;
    world.holds_last(150, 0).await?;
    let short = world.hold(&seating, 2, &[1]).await?;
    while world.store.lapse_due().await?.0 == 0 {}
    anyhow::ensure!(world.state_of(long.booking).await? == "held", "a hold ended a minute early");
    anyhow::ensure!(world.state_of(short.booking).await? == "lapsed", "another hold ended");
    world.sound().await
}

#[tokio::test]
async fn no_hold_ends_early() -> Result {
    let world = World::new(Recipe::default()).await?;
    holds_last_until_their_deadlines(&world).await
}

#[tokio::test]
async fn no_hold_ends_early_without_clock_check() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.store = world.store.clone().without(Guards { clock_check: false, ..Guards::ALL });
    let failed = holds_last_until_their_deadlines(&world).await.expect_err("a hold was to end early");
    assert!(failed.to_string().contains("a hold ended a minute early"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "no-hold-ends-early"), "{found:?}");
    Ok(())
}
