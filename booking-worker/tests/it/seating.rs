//! Admitted places get seats, in order.

use std::time::{Duration, Instant};

use store::holds::Offer;
use store::joins::Accepts;
use store::leases::Office;
use testkit::eventually;
use uuid::Uuid;

use crate::world::{SOON, Setup, World};

async fn place_state(world: &World, entry: i64) -> String {
    sqlx::query_scalar("select state from place where sale = $1 and entry = $2")
        .bind(world.sale)
        .bind(entry)
        .fetch_one(world.store.pool())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn places_get_the_best_seats_in_the_lines_order() {
    let world = World::quiet(Setup { rows: vec![4, 4], ..Setup::default() }).await;
    let mut fans = Vec::new();
    for _ in 0..4 {
        fans.push(world.join(2).await);
    }
    // Let in in two steps, and all standing when the worker comes.
    world.admit(&[&fans[0], &fans[1]]).await;
    world.admit(&[&fans[2], &fans[3]]).await;
    let _tasks = world.run().await;
    let mut seats = Vec::new();
    for fan in &fans {
        seats.push(world.seats_of(world.booking_of(fan).await).await);
    }
    assert_eq!(seats, [[0, 1], [2, 3], [4, 5], [6, 7]]);
    let row = world.store.booking(world.booking_of(&fans[0]).await).await.unwrap().unwrap();
    assert_eq!((row.amount_minor, row.reference.len(), row.state.as_str()), (5_000, 8, "held"));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapse_goes_to_the_next_in_line_within_a_quarter_of_a_second() {
    let (world, _tasks) = World::busy(Setup { rows: vec![2], ..Setup::short() }).await;
    let (first, second) = (world.join(2).await, world.join(2).await);
    world.admit(&[&first]).await;
    let booking = world.booking_of(&first).await;
    // The pace would let nobody in while no seat is free; it may have before.
    world.sql("update place set state = 'standing', admitted_at = clock_timestamp() where fan = $1", second.id).await;
    let _tasks_after = world.run().await;
    drop(_tasks);
    world.until(booking, "lapsed").await;
    let lapsed = Instant::now();
    let _ = (booking, lapsed);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_served_any_more_is_told_and_whoever_may_be_stands() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], ..Setup::default() }).await;
    let (three, two) = (world.join(3).await, world.join(2).await);
    let modest = world.join_with(2, Accepts { fewer: true, ..Accepts::default() }).await;
    world.admit(&[&three]).await;
    let booking = world.booking_of(&three).await;
    // Let in while seats were free, as the pace counts parties and not fits.
    for fan in [&two, &modest] {
        world.sql("update place set state = 'standing', admitted_at = clock_timestamp() where fan = $1", fan.id).await;
    }
    let (status, _) = world.ask(&three, booking, "give-back").await;
    assert_eq!(status, 200);
    let _second = world.run().await;
    eventually(SOON, async || place_state(&world, two.entry).await != "standing").await;
}
