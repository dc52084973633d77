//! Holding seats: whole parties or nothing, taking back, and no waiting in circles.

use std::time::Duration;

use futures_util::future::join_all;
use store::Guards;
use store::payments::Verdict;

use crate::world::{Recipe, Result, World, id};

#[tokio::test]
async fn a_refused_offer_leaves_nothing_behind() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.join(&[1, 2, 1, 2]).await?;
    world.tick(world.pacing().await?).await?;
    let seating = world.seating().await?;
    world.hold(&seating, 1, &[3]).await?;
    // The second offer of three lacks one of its seats.
    let offers = [world.offer(2, &[0, 1]), world.offer(3, &[3]), world.offer(4, &[4, 12])];
    let done = world.store.offer(&seating, &offers, &[]).await?;
    assert_eq!(done.held.iter().map(|hold| hold.entry).collect::<Vec<_>>(), [2]);
    // Who comes after the refused one must choose again too: the refused one may need those seats.
    assert_eq!(done.refused, offers[1..]);
    assert_eq!(world.number("select count(*) from booking").await?, 2);
    assert_eq!(world.number("select count(*) from hold_seat").await?, 3);
    assert_eq!(world.number("select count(*) from outbox where kind = 'hold.created'").await?, 2);
    let states = world.places().await?;
    assert_eq!([1, 2, 3, 4].map(|entry| states[&entry].as_str()), ["holding", "holding", "standing", "standing"]);
    world.sound().await?;
    // Seats that are none, twice the same, none at all: nothing is held.
    for seats in [&[99][..], &[5, 5], &[]] {
        let done = world.store.offer(&seating, &[world.offer(3, seats)], &[]).await?;
        assert_eq!((done.held.len(), done.refused.len()), (0, 1), "{seats:?}");
    }
    // Who does not stand is passed over in silence.
    let done = world.store.offer(&seating, &[world.offer(1, &[6]), world.offer(3, &[7])], &[]).await?;
    assert_eq!((done.held.len(), done.refused.len()), (1, 0));
    world.sound().await
}

#[tokio::test]
async fn a_late_success_takes_its_seats_again_only_if_all_are_free() -> Result {
    for (taken, booked) in [(false, true), (true, false)] {
        let world = World::new(Recipe { hold_ttl_ms: 300, extension_ms: 0, ..Recipe::default() }).await?;
        world.join(&[2, 1]).await?;
        world.tick(world.pacing().await?).await?;
        let seating = world.seating().await?;
        let late = world.hold(&seating, 1, &[0, 1]).await?.booking;
        let payment = world.begin(late).await?;
        // Pinned, and then kept no longer.
        testkit::eventually(Duration::from_secs(10), async || {
            world.store.lapse_due().await.is_ok_and(|(_, pinned, _)| pinned == 1)
        })
        .await;
        world.sql("update booking set pinned_until = clock_timestamp() where pinned_until is not null").await?;
        assert!(world.store.pin_over(payment.id).await?);
        assert_eq!(world.state_of(late).await?, "lapsed");
        if taken {
            world.holds_last(60_000, 0).await?;
            world.hold(&seating, 2, &[1]).await?;
        }
        let verdict = world.store.payment_authorised(payment.id).await?;
        assert_eq!(verdict, if booked { Verdict::Capture } else { Verdict::Void });
        world.sound().await?;
        // The provider took the money whatever we said.
        assert_eq!(world.capture(&payment).await?, booked);
        assert_eq!(world.state_of(late).await?, if booked { "paid" } else { "lapsed" });
        assert_eq!(world.number("select count(*) from ticket").await?, if booked { 2 } else { 0 });
        assert_eq!(world.store.due_refunds(10).await?.len(), usize::from(!booked));
        world.sound().await?;
    }
    Ok(())
}

/// Neither the order in which parties name their seats nor that of the batches makes two wait for each other.
#[tokio::test]
async fn crossing_offers_do_not_wait_in_circles() -> Result {
    let mut world = World::new(Recipe { rows: 8, standing: 0, ..Recipe::default() }).await?;
    let pacing = world.pacing().await?;
    let seating = world.seating().await?;
    // With the term's check offers come one after the other; without it they meet.
    world.store = world.store.clone().without(Guards { term_check: false, ..Guards::ALL });
    for round in 0..8_u32 {
        let seats: Vec<u32> = (round * 6..round * 6 + 6).collect();
        world.join(&[3; 8]).await?;
        let entries = world.tick(pacing).await?.admitted;
        let crossing = entries.iter().enumerate().map(|(nth, entry)| {
            let mut wanted: Vec<u32> = seats.iter().copied().cycle().skip(nth).take(3).collect();
            if nth % 2 == 1 {
                wanted.reverse();
            }
            let offer = world.offer(*entry, &wanted);
            let (world, seating) = (&world, &seating);
            async move { world.store.offer(seating, &[offer], &[]).await }
        });
        let mut held = Vec::new();
        for done in join_all(crossing).await {
            held.extend(done?.held.into_iter().map(|hold| hold.booking));
        }
        assert!((1..=2).contains(&held.len()), "{held:?}");
        // Lapsing, giving back and offering again cross as well.
        let given_back = join_all(held.iter().map(|booking| world.store.give_back(*booking)));
        let again = entries.iter().map(|entry| {
            let offer = world.offer(*entry, &seats[..3]);
            let (world, seating) = (&world, &seating);
            async move { world.store.offer(seating, &[offer], &[]).await }
        });
        let (given_back, again) = tokio::join!(given_back, join_all(again));
        for outcome in given_back {
            assert!(outcome?);
        }
        for outcome in again {
            outcome?;
        }
        let everybody: Vec<_> = entries.iter().map(|entry| world.unserved(*entry)).collect();
        world.store.offer(&seating, &[], &everybody).await?;
    }
    let found = world.verify().await?.violations;
    let bad: Vec<_> = found.iter().filter(|violation| !violation.check.contains("order")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    Ok(())
}

/// Two late payments take overlapping seats again while others are offered them.
#[tokio::test]
async fn taking_again_and_offering_do_not_wait_in_circles() -> Result {
    let world = World::new(Recipe::default()).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    for _ in 0..6 {
        world.holds_last(1, 0).await?;
        world.join(&[3, 3]).await?;
        let entries = world.tick(pacing).await?.admitted;
        let mut late = Vec::new();
        for (entry, seats) in entries.iter().zip([[0, 1, 2], [1, 2, 3]]) {
            let booking = world.hold(&seating, *entry, &seats).await?.booking;
            world.until_state(booking, "lapsed").await;
            let payment = id();
            sqlx::query(
                "insert into payment (id, booking, attempt, amount_minor, currency, state, due_at)
                 select $1, id, 1, amount_minor, currency, 'open', 'infinity' from booking where id = $2",
            )
            .bind(payment)
            .bind(booking)
            .execute(&world.db.pool)
            .await?;
            late.push((booking, payment));
        }
        world.holds_last(60_000, 0).await?;
        world.join(&[3]).await?;
        let next = world.tick(pacing).await?.admitted[0];
        let offers = [world.offer(next, &[0, 1, 3])];
        let (one, other, offered) = tokio::join!(
            world.store.payment_authorised(late[0].1),
            world.store.payment_authorised(late[1].1),
            world.store.offer(&seating, &offers, &[])
        );
        let winners =
            usize::from(one? == Verdict::Capture) + usize::from(other? == Verdict::Capture) + offered?.held.len();
        assert_eq!(winners, 1);
        world.sound().await?;
        // Away with all of it.
        for (booking, payment) in late {
            world.store.payment_cancelled(payment, true).await?;
            world.store.give_back(booking).await?;
        }
        world.store.offer(&seating, &[], &[world.unserved(next)]).await?;
        let held: Vec<uuid::Uuid> =
            sqlx::query_scalar("select id from booking where state = 'held'").fetch_all(&world.db.pool).await?;
        for booking in held {
            assert!(world.store.give_back(booking).await?);
        }
    }
    world.sound().await
}
