//! Admitted places get seats, in order.

use std::time::Duration;

use store::feed::{Change, Lane, LaneKind};
use store::joins::Accepts;
use store::wishes::{NewWishes, Rewished};
use testkit::eventually;
use uuid::Uuid;

use crate::world::{Fan, SOON, Setup, World};

async fn place_state(world: &World, fan: &Fan) -> String {
    sqlx::query_scalar("select state from place where sale = $1 and entry = $2")
        .bind(world.sale)
        .bind(fan.entry)
        .fetch_one(world.store.pool())
        .await
        .unwrap()
}

async fn place_number(world: &World, fan: &Fan, query: &'static str) -> Option<i16> {
    sqlx::query_scalar(query)
        .bind(world.sale)
        .bind(fan.entry)
        .fetch_optional(world.store.pool())
        .await
        .unwrap()
        .flatten()
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
    let tasks = world.run().await;
    let mut seats = Vec::new();
    for fan in &fans {
        seats.push(world.seats_of(world.booking_of(fan).await).await);
    }
    assert_eq!(seats, [[0, 1], [2, 3], [4, 5], [6, 7]]);
    let row = world.store.booking(world.booking_of(&fans[0]).await).await.unwrap().unwrap();
    assert_eq!((row.amount_minor, row.reference.len(), row.state.as_str()), (5_000, 8, "held"));
    world.verify().await;
    tasks.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn lapsed_seats_go_to_the_next_who_stands_at_once() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], ..Setup::short() }).await;
    let (first, second) = (world.join(2).await, world.join(2).await);
    // A seat is left behind the first, so the second is let in too, and stands.
    world.admit(&[&first, &second]).await;
    let lapsing = world.booking_of(&first).await;
    assert_eq!(place_state(&world, &second).await, "standing");
    let next = world.booking_of(&second).await;
    assert_eq!(world.states(lapsing).await.0, "lapsed");
    assert_eq!(world.seats_of(next).await, world.seats_of(lapsing).await);
    let lane = Lane { scope: world.event, kind: LaneKind::Seats };
    let records = world.store.records_after(lane, 0, 10).await.unwrap();
    let at =
        |wanted: fn(&Change) -> bool| records.iter().rfind(|record| record.changes.iter().any(wanted)).unwrap().at_ms;
    let waited_ms = at(|it| matches!(it, Change::Held(_))) - at(|it| matches!(it, Change::Ended { .. }));
    // A quarter of a second is promised; the tests' machine has other things to do.
    assert!((0..1_000).contains(&waited_ms), "{waited_ms} ms");
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_given_back_go_to_the_next_who_stands() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], ..Setup::default() }).await;
    let (first, second) = (world.join(2).await, world.join(2).await);
    world.admit(&[&first, &second]).await;
    let given = world.booking_of(&first).await;
    let (status, body) = world.ask(&first, given, "give-back").await;
    assert_eq!((status, body["state"].as_str()), (200, Some("released")));
    assert_eq!(world.seats_of(world.booking_of(&second).await).await, [0, 1]);
    // Once more is as good as once.
    assert_eq!(world.ask(&first, given, "give-back").await.0, 200);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_served_any_more_is_told_so_and_not_before() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], ..Setup::default() }).await;
    let (first, second) = (world.join(2).await, world.join(2).await);
    world.admit(&[&first, &second]).await;
    let booking = world.booking_of(&first).await;
    // Two seats may come free for as long as they are not paid.
    assert_eq!(place_state(&world, &second).await, "standing");
    let paying = world.pay(&first, booking).await;
    assert_eq!(place_state(&world, &second).await, "standing");
    world.card(&paying, "pm_card_visa").await;
    world.until(booking, "paid").await;
    // One is left for them, and kept while they think about it.
    let asked = "select asked_seats from place where sale = $1 and entry = $2 and asked_until > clock_timestamp()";
    eventually(SOON, async || place_number(&world, &second, asked).await == Some(1)).await;
    assert_eq!(place_state(&world, &second).await, "standing");
    eventually(SOON, async || place_state(&world, &second).await == "sold_out").await;
    let early = "select 1::smallint from place where sale = $1 and entry = $2 and ended_at < asked_until";
    assert_eq!(place_number(&world, &second, early).await, None);
    // The last seat is for somebody who would take fewer.
    let third = world.join_with(2, Accepts { fewer: true, ..Accepts::default() }).await;
    world.admit(&[&third]).await;
    assert_eq!(world.seats_of(world.booking_of(&third).await).await, [2]);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_agrees_gets_what_is_kept_for_them_and_others_do_not() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], answer_ms: 60_000, ..Setup::default() }).await;
    let (first, second, third) = (world.join(2).await, world.join(2).await, world.join(1).await);
    let booking = {
        world.admit(&[&first]).await;
        world.booking_of(&first).await
    };
    let paying = world.pay(&first, booking).await;
    world.card(&paying, "pm_card_visa").await;
    world.until(booking, "paid").await;
    world.admit(&[&second]).await;
    let asked = "select asked_seats from place where sale = $1 and entry = $2";
    eventually(SOON, async || place_number(&world, &second, asked).await == Some(1)).await;
    // The pace knows that it is kept: nobody else is let in for it.
    assert_eq!(world.let_in(world.sale, &[&third]).await, 0);
    let place = sqlx::query_scalar("select id from place where sale = $1 and entry = $2")
        .bind(world.sale)
        .bind(second.entry)
        .fetch_one(world.store.pool())
        .await
        .unwrap();
    let wishes = NewWishes { party: 2, tiers: 0, accepts: Accepts { fewer: true, ..Accepts::default() } };
    assert_eq!(world.store.change_wishes(place, second.id, wishes).await.unwrap(), Rewished::Done);
    assert_eq!(world.seats_of(world.booking_of(&second).await).await, [2]);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_somebody_else_got_is_chosen_around() {
    let (world, _tasks) = World::busy(Setup { rows: vec![4], ..Setup::default() }).await;
    let (_, booking) = world.holder(1).await;
    // Behind the worker's back, without a word in the lane: only the index knows.
    world.sql("insert into hold_seat (booking, seat, event, tier, price_minor, fee_minor) select booking, 1, event, tier, 0, 0 from hold_seat where booking = $1", booking).await;
    let (_, next) = world.holder(2).await;
    assert_eq!(world.seats_of(next).await, [2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_worker_takes_over_from_a_dead_one() {
    let (world, first) = World::busy(Setup::default()).await;
    world.holder(2).await;
    let second = world.run().await;
    first.hard().cancel();
    let (_, booking) = world.holder(2).await;
    assert_eq!(world.seats_of(booking).await, [2, 3]);
    // A stop in order leaves the office vacant.
    second.stop();
    eventually(SOON, async || {
        let until: Option<bool> =
            sqlx::query_scalar("select holder is null from lease where kind = 'seating' and scope = $1")
                .bind(world.event)
                .fetch_optional(world.store.pool())
                .await
                .unwrap();
        until == Some(true)
    })
    .await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_holder_keeps_its_office() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    world.holder(1).await;
    let term = async || -> i64 {
        sqlx::query_scalar("select term from lease where kind = 'seating' and scope = $1")
            .bind(world.event)
            .fetch_one(world.store.pool())
            .await
            .unwrap()
    };
    let before = term().await;
    // Twice the lease, so that one that is not renewed ends.
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    assert!(
        world
            .store
            .take_lease(store::leases::Office::Seating, world.event, Uuid::from_u128(5), 900)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(term().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_comes_later_shares_the_seats() {
    let setup = || Setup { allotment: Some(2), ..Setup::default() };
    let (world, _tasks) = World::busy(setup()).await;
    let (_, first) = world.holder(2).await;
    let sale = chassis::ids::new(&world.clock);
    world.publish_sale(sale, &setup()).await;
    // Let in before the worker can have heard of the sale.
    let fan = world.join_sale(sale, 2, Accepts::default()).await;
    world.admit_to(sale, &[&fan]).await;
    let second = world.booking_of(&fan).await;
    assert_eq!([world.seats_of(first).await, world.seats_of(second).await], [[0, 1], [2, 3]]);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_their_sale_s_share_holds_up_no_other_sale() {
    let (world, _tasks) = World::busy(Setup { rows: vec![4], allotment: Some(3), ..Setup::short() }).await;
    let (first, second) = (world.join(2).await, world.join(2).await);
    world.admit(&[&first, &second]).await;
    let held = world.booking_of(&first).await;
    // Two seats are free, and one more is their sale's; the other sale has one to itself.
    let other = chassis::ids::new(&world.clock);
    world.publish_sale(other, &Setup { allotment: Some(1), ..Setup::default() }).await;
    let fan = world.join_sale(other, 1, Accepts::default()).await;
    world.admit_to(other, &[&fan]).await;
    assert_eq!(world.seats_of(world.booking_of(&fan).await).await.len(), 1);
    // What lapses is the sale's again, and goes to who waited for it.
    let next = world.booking_of(&second).await;
    assert_eq!(world.states(held).await.0, "lapsed");
    assert_eq!(world.seats_of(next).await.len(), 2);
    world.verify().await;
}
