//! Picking: seats that fans choose themselves, all or none, and whoever loses keeps what they had.

use std::time::Duration;

use store::events::{SaleEdit, Seating};
use store::follow::Follower;
use store::joins::{Accepts, JoinAsk, PlaceRow};
use store::payments::Begun;
use store::picks::{PICKS_MAX, Pick, Picked};
use store::verify::differences;
use store::{Guards, Store};
use testkit::eventually;

use crate::world::{Recipe, Result, World, ask, id};

const PICK: Recipe = Recipe {
    rows: 2,
    standing: 8,
    rate_per_minute: 60_000,
    max_active: 10_000,
    hold_ttl_ms: 60_000,
    extension_ms: 30_000,
    presence_ms: 120_000,
    gather_ms: 10_000,
    answer_ms: 20_000,
    seating: Seating::Pick,
    shop_ms: 300_000,
    rejoin: true,
};

/// Nobody's seat is kept.
fn open(_: u32) -> bool {
    false
}

fn of(place: &PlaceRow, seats: &[u32]) -> Pick {
    let booking = id();
    let reference = booking.simple().to_string();
    Pick { place: place.id, fan: place.fan, booking, reference, seats: seats.to_vec() }
}

fn taken(seats: &[u32]) -> Picked {
    Picked::Taken { seats: seats.to_vec(), accessible: false }
}

impl World {
    /// Fans with these parties, let in.
    async fn shoppers(&self, parties: &[u8]) -> Result<Vec<PlaceRow>> {
        let places = self.join(parties).await?;
        let pacing = self.pacing().await?;
        let admitted = self.tick(pacing).await?.admitted;
        anyhow::ensure!(admitted.len() == parties.len(), "{admitted:?}");
        Ok(places)
    }

    async fn picks(&self, picks: &[Pick]) -> Result<Vec<Picked>> {
        Ok(self.store.pick(self.event, picks, &open).await?)
    }

    async fn pick(&self, place: &PlaceRow, seats: &[u32]) -> Result<Picked> {
        Ok(self.picks(&[of(place, seats)]).await?.remove(0))
    }
}

#[tokio::test]
async fn seats_are_picked_changed_given_back_and_paid() -> Result {
    let world = World::new(PICK).await?;
    let fan = &world.shoppers(&[2]).await?[0];
    // The system seats nobody here.
    assert_eq!(world.store.standing_places(world.event).await?, []);
    let Picked::Held(first) = world.pick(fan, &[0, 1]).await? else { panic!("two free seats") };
    assert_eq!(world.places().await?[&1], "holding");
    for (seats, amount_minor) in [(&[1, 2][..], 10_300), (&[], 0), (&[14], 3_150), (&[14], 3_150), (&[3, 15], 8_300)] {
        let Picked::Held(hold) = world.pick(fan, seats).await? else { panic!("{seats:?}") };
        assert_eq!((hold.booking, hold.deadline_ms, hold.seats.as_slice()), (first.booking, first.deadline_ms, seats));
        let row = world.store.booking(hold.booking).await?.expect("the booking");
        assert_eq!(row.amount_minor, amount_minor);
        assert_eq!(row.seats.iter().map(|seat| seat.seat).collect::<Vec<_>>(), seats);
        if seats.is_empty() {
            let begun = world.store.begin_payment(hold.booking, fan.fan, Some("fan@example.org"), id()).await?;
            assert_eq!(begun, Begun::NoSeats);
        }
        world.sound().await?;
    }
    world.pay(first.booking).await?;
    assert_eq!(world.pick(fan, &[4]).await?, Picked::NoPlace);
    let tickets = world.store.booking(first.booking).await?.expect("the booking").tickets;
    assert_eq!(tickets.iter().map(|ticket| ticket.seat).collect::<Vec<_>>(), [3, 15]);
    world.sound().await
}

#[tokio::test]
async fn a_loser_keeps_what_it_had_and_learns_what_is_gone() -> Result {
    let world = World::new(PICK).await?;
    let fans = world.shoppers(&[2, 2, 2]).await?;
    let held = |picked: &Picked| matches!(picked, Picked::Held(_));
    assert!(held(&world.pick(&fans[0], &[0, 1]).await?));
    assert!(held(&world.pick(&fans[1], &[3]).await?));
    assert_eq!(world.pick(&fans[1], &[1, 2]).await?, taken(&[1]));
    // Of two at the same moment the first gets them, and who lost only to a loser asks again.
    let same = [of(&fans[0], &[0, 5]), of(&fans[1], &[4, 5]), of(&fans[2], &[4])];
    let done = world.picks(&same).await?;
    assert!(held(&done[0]), "{done:?}");
    assert_eq!(done[1..], [taken(&[5]), Picked::Again]);
    assert!(held(&world.pick(&fans[2], &[4]).await?));
    let rows = world.store.taken_seats(world.event).await?.seats;
    let mut taken: Vec<u32> = rows.into_iter().map(|(seat, _)| seat).collect();
    taken.sort_unstable();
    assert_eq!(taken, [0, 3, 4, 5]);
    world.sound().await
}

#[tokio::test]
async fn what_may_not_be_picked_is_refused_and_changes_nothing() -> Result {
    let world = World::new(PICK).await?;
    let fans = world.shoppers(&[2, 1]).await?;
    let waits = &world.join(&[1]).await?[0];
    let stranger = PlaceRow { fan: id(), ..fans[0].clone() };
    let kept = |seat: u32| seat == 5;
    for (pick, refusal) in [
        (of(&fans[0], &[0, 1, 2]), Picked::Party { most: 2 }),
        (of(&fans[0], &[0, 20]), Picked::NoSeats),
        (of(&fans[0], &[]), Picked::NoSeats),
        (of(&fans[0], &[5]), Picked::Kept),
        (of(&stranger, &[0]), Picked::NoPlace),
        (of(waits, &[0]), Picked::NoPlace),
    ] {
        assert_eq!(world.store.pick(world.event, std::slice::from_ref(&pick), &kept).await?, [refusal], "{pick:?}");
    }
    assert_eq!(world.store.pick(id(), &[of(&fans[0], &[0])], &open).await?, [Picked::NoPlace], "of another event");
    assert_eq!(world.store.taken_seats(world.event).await?.seats, []);
    // Whoever needs an accessible seat may take one.
    let needs = Accepts { accessible: true, ..Accepts::default() };
    let wheels = &world.join_as(&[JoinAsk { accepts: needs, ..ask(id(), 1) }]).await?[0];
    world.tick(world.pacing().await?).await?;
    let done = world.store.pick(world.event, &[of(wheels, &[5])], &kept).await?;
    assert!(matches!(done[0], Picked::Held(_)), "{done:?}");
    // What one holds one may keep, whatever the rule says of it now.
    let moved = world.store.pick(world.event, &[of(wheels, &[5])], &|_| true).await?;
    assert!(matches!(moved[0], Picked::Held(_)), "{moved:?}");
    // Neither more than the sale may have, nor on and on.
    let row = world.store.sale(world.sale).await?.expect("the sale");
    let draft = store::events::SaleDraft { allotment: Some(3), ..row.draft };
    assert_eq!(world.store.edit_sale(world.sale, row.version, &draft, world.account).await?, SaleEdit::Done);
    assert!(matches!(world.pick(&fans[0], &[0, 1]).await?, Picked::Held(_)));
    assert_eq!(world.pick(&fans[1], &[2]).await?, Picked::Allotment);
    assert!(matches!(world.pick(&fans[0], &[1, 2]).await?, Picked::Held(_)));
    world.sql(format!("update place set picks = {PICKS_MAX} where entry = 1")).await?;
    assert_eq!(world.pick(&fans[0], &[1]).await?, Picked::TooOften);
    assert!(matches!(world.pick(&fans[0], &[1, 2]).await?, Picked::Held(_)), "an answer that was lost is told again");
    world.sound().await
}

#[tokio::test]
async fn what_can_only_be_lost_is_told_from_a_look_and_nothing_else_is() -> Result {
    let world = World::new(PICK).await?;
    let fans = world.shoppers(&[2, 2]).await?;
    let waits = &world.join(&[1]).await?[0];
    assert!(matches!(world.pick(&fans[0], &[0, 1]).await?, Picked::Held(_)));
    let kept = |seat: u32| seat == 5;
    let asked = [
        of(&fans[1], &[1, 2]),
        of(&fans[1], &[2, 3]),
        of(&fans[0], &[1, 2]),
        of(&fans[0], &[0, 1, 2]),
        of(&fans[1], &[5]),
        of(waits, &[1]),
    ];
    let told = world.store.lost_picks(world.event, &asked, &kept).await?;
    let party = Some(Picked::Party { most: 2 });
    assert_eq!(told, [Some(taken(&[1])), None, None, party, Some(Picked::Kept), Some(Picked::NoPlace)]);
    world.sound().await
}

/// Whoever waits has a receipt, too: their clicks must not come between the pace and the line.
#[tokio::test]
async fn a_waiting_fans_click_locks_nothing() -> Result {
    let world = World::new(PICK).await?;
    let waits = world.join(&[1]).await?.remove(0);
    let pacing = world.pacing().await?;
    let mut pace = world.db.pool.begin().await?;
    sqlx::query("select from sale for no key update").execute(&mut *pace).await?;
    sqlx::query("select from place for no key update").execute(&mut *pace).await?;
    let clicked = tokio::time::timeout(Duration::from_millis(500), world.pick(&waits, &[0])).await;
    assert_eq!(clicked.expect("it waits for nobody")?, Picked::NoPlace);
    pace.rollback().await?;
    assert_eq!(world.tick(pacing).await?.admitted, [1]);
    Ok(())
}

/// Somebody had the seat, and gave it up for another one.
#[tokio::test]
async fn a_seat_given_up_stays_what_it_was() -> Result {
    let world = World::new(PICK).await?;
    let fan = &world.shoppers(&[1]).await?[0];
    for seat in [3, 4] {
        assert!(matches!(world.pick(fan, &[seat]).await?, Picked::Held(_)));
    }
    let given_up = "select count(*) from seat where given_up and seat = 3";
    assert_eq!(world.number(given_up).await?, 1);
    assert_eq!(world.number("select count(*) from seat where given_up").await?, 1);
    Ok(())
}

/// The event has nothing left while the sale's part has; what others hold of the event may come free.
#[tokio::test]
async fn nobody_is_sold_out_while_others_hold_what_is_left() -> Result {
    let world = World::new(Recipe { rows: 1, standing: 0, ..PICK }).await?;
    let row = world.store.sale(world.sale).await?.expect("the sale");
    let other = id();
    world.store.create_sale(other, world.event, &row.draft).await?;
    let fans = world.shoppers(&[3, 3]).await?;
    let late = world.join(&[1]).await?;
    for (fan, seats) in [(&fans[0], [0, 1, 2]), (&fans[1], [3, 4, 5])] {
        let Picked::Held(hold) = world.pick(fan, &seats).await? else { panic!("free seats") };
        if seats[0] == 0 {
            world.pay(hold.booking).await?;
        } else {
            // As if of the event's other sale.
            world.sql(format!("update booking set sale = '{other}' where id = '{}'", hold.booking)).await?;
        }
    }
    world.sql("update sale set allotment = 5").await?;
    world.sql("update place set state = 'standing', admitted_at = clock_timestamp(), shops_until = clock_timestamp() + interval '1 minute' where entry = 3").await?;
    assert_eq!(world.store.end_idle().await?.0, 0);
    world.sql("update booking set state = 'paid' where state = 'held'").await?;
    assert_eq!(world.store.end_idle().await?.0, 1);
    assert_eq!(world.places().await?[&late[0].entry], "sold_out");
    Ok(())
}

#[tokio::test]
async fn who_chooses_the_seats_is_settled_with_the_publication() -> Result {
    let world = World::new(PICK).await?;
    let row = world.store.sale(world.sale).await?.expect("the sale");
    let draft = store::events::SaleDraft { seating: Seating::Assign, ..row.draft };
    let edit = world.store.edit_sale(world.sale, row.version, &draft, world.account).await?;
    assert_eq!(edit, SaleEdit::SeatingFixed);
    Ok(())
}

/// Fans on two nodes want the same seats at the same time, over and over.
async fn many_want_the_same(world: &World) -> Result {
    let other = world.another_store().await?;
    let fans = world.shoppers(&[2; 10]).await?;
    let mut lost = 0;
    for round in 0..12_u32 {
        let (left, right) = fans.split_at(5);
        let want = |fans: &[PlaceRow], from: u32| -> Vec<Pick> {
            let seats = |nth: u32| {
                let mut seats = [(from + nth * 5) % 12, (from + nth * 5 + 1 + nth % 3) % 12];
                seats.sort_unstable();
                seats
            };
            (0..).zip(fans).map(|(nth, fan)| of(fan, &seats(nth))).collect()
        };
        let (one, two) = (want(left, round), want(right, round * 7 + 3));
        let picked = async |store: &Store, picks: &[Pick]| store.pick(world.event, picks, &open).await;
        let (one, two) = tokio::join!(picked(&world.store, &one), picked(&other, &two));
        let done: Vec<Picked> = one?.into_iter().chain(two?).collect();
        lost += done.iter().filter(|done| !matches!(done, Picked::Held(_))).count();
        for done in done {
            anyhow::ensure!(matches!(done, Picked::Held(_) | Picked::Taken { .. } | Picked::Again), "{done:?}");
        }
        let twice = "select count(*) from (select from hold_seat where live group by seat having count(*) > 1) seats";
        anyhow::ensure!(world.number(twice).await? == 0, "a seat was picked twice");
    }
    anyhow::ensure!(lost > 0, "all got what they wanted");
    world.sound().await
}

#[tokio::test]
async fn no_seat_is_picked_twice() -> Result {
    many_want_the_same(&World::new(PICK).await?).await
}

#[tokio::test]
async fn no_seat_is_picked_twice_without_unique_index() -> Result {
    let world = World::new(PICK).await?;
    world.sql("drop index seat_live_unique").await?;
    let failed = many_want_the_same(&world).await.expect_err("a seat was to be picked twice");
    assert!(failed.to_string().contains("picked twice"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "seat-held-once"), "{found:?}");
    Ok(())
}

/// A fan whose time is over asks for seats.
async fn too_late(world: &World) -> Result<Picked> {
    let fan = &world.shoppers(&[1]).await?[0];
    // Beyond what the checker allows for locks.
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    world.pick(fan, &[0]).await
}

#[tokio::test]
async fn nobody_picks_after_their_time() -> Result {
    let world = World::new(Recipe { shop_ms: 200, ..PICK }).await?;
    assert_eq!(too_late(&world).await?, Picked::Over);
    // The time is by the sale's clock, and the place ends with it.
    assert_eq!(world.store.end_idle().await?.0, 1);
    assert_eq!(world.store.end_idle().await?, (0, None));
    assert_eq!(world.places().await?[&1], "idle");
    world.sound().await
}

#[tokio::test]
async fn nobody_picks_after_their_time_without_shop_time() -> Result {
    let mut world = World::new(Recipe { shop_ms: 200, ..PICK }).await?;
    world.store = world.store.clone().without(Guards { shop_time: false, ..Guards::ALL });
    assert!(matches!(too_late(&world).await?, Picked::Held(_)));
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "picked-in-time"), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn who_holds_seats_or_stands_while_the_clock_does_is_not_idle() -> Result {
    let world = World::new(Recipe { shop_ms: 500, ..PICK }).await?;
    let fans = world.shoppers(&[1, 1]).await?;
    assert!(matches!(world.pick(&fans[0], &[0]).await?, Picked::Held(_)));
    let clock = world.store.clock_now(world.sale).await?.expect("the sale").version();
    let freeze = store::clock::ClockChange::Freeze;
    world.store.change_clock(world.sale, world.account, freeze, "the bank is down", clock).await?;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(world.store.end_idle().await?.0, 0);
    // The first seats may still be taken; and after the first, others.
    assert!(matches!(world.pick(&fans[1], &[1]).await?, Picked::Held(_)));
    assert!(matches!(world.pick(&fans[0], &[2]).await?, Picked::Held(_)));
    assert_eq!(world.store.end_idle().await?, (0, None));
    world.sound().await
}

#[tokio::test]
async fn when_all_is_paid_for_whoever_still_looks_is_told() -> Result {
    let world = World::new(Recipe { rows: 1, standing: 0, ..PICK }).await?;
    let fans = world.shoppers(&[6]).await?;
    let late = world.join(&[1]).await?;
    let Picked::Held(hold) = world.pick(&fans[0], &[0, 1, 2, 3, 4, 5]).await? else { panic!("all seats") };
    // One more comes in while all is held.
    world.sql("update place set state = 'standing', admitted_at = clock_timestamp(), shops_until = clock_timestamp() + interval '1 minute' where entry = 2").await?;
    assert_eq!(world.store.end_idle().await?.0, 0);
    world.pay(hold.booking).await?;
    assert_eq!(world.store.end_idle().await?.0, 1);
    assert_eq!(world.places().await?[&late[0].entry], "sold_out");
    Ok(())
}

#[tokio::test]
async fn a_lapsed_pick_is_on_the_map_again_and_its_seats_let_the_next_one_in() -> Result {
    let world = World::new(Recipe { rows: 1, standing: 0, hold_ttl_ms: 300, extension_ms: 0, ..PICK }).await?;
    let first = world.shoppers(&[6]).await?;
    let Picked::Held(hold) = world.pick(&first[0], &[0, 1, 2, 3, 4, 5]).await? else { panic!("all seats") };
    world.join(&[4]).await?;
    let pacing = world.pacing().await?;
    assert_eq!(world.tick(pacing).await?.admitted, [] as [i64; 0], "no seat is in play");
    world.until_state(hold.booking, "lapsed").await;
    assert_eq!(world.pick(&first[0], &[0]).await?, Picked::NoPlace);
    assert_eq!(world.tick(pacing).await?.admitted, [2]);
    world.sound().await
}

#[tokio::test]
async fn a_pick_and_a_payment_at_once_agree_on_the_price() -> Result {
    let world = World::new(PICK).await?;
    for round in 0..10 {
        let fan = &world.shoppers(&[1]).await?[0];
        let Picked::Held(hold) = world.pick(fan, &[round]).await? else { panic!("free seats") };
        let moved = of(fan, &[12]);
        let (picked, begun) = tokio::join!(
            world.store.pick(world.event, std::slice::from_ref(&moved), &open),
            world.store.begin_payment(hold.booking, fan.fan, Some("fan@example.org"), id()),
        );
        let (picked, begun) = (picked?.remove(0), begun?);
        let Begun::Attempt(attempt) = begun else { panic!("{begun:?}") };
        let amount_minor = if matches!(picked, Picked::Held(_)) { 3_150 } else { 5_150 };
        assert_eq!(attempt.amount_minor, amount_minor, "{picked:?}");
        assert!(matches!(picked, Picked::Held(_) | Picked::Paying), "{picked:?}");
        world.store.payment_cancelled(attempt.id, true).await?;
        world.sound().await?;
    }
    Ok(())
}

#[tokio::test]
async fn one_person_picks_no_more_than_one_may_have() -> Result {
    let world = World::new(PICK).await?;
    let fan = &world.shoppers(&[4]).await?[0];
    let event = world.store.event(world.event).await?.expect("the event");
    let draft = store::events::EventDraft { tickets_per_person: Some(2), ..event.draft };
    world.store.edit_event(world.event, event.version, &draft, world.account).await?;
    assert_eq!(world.pick(fan, &[0, 1, 2]).await?, Picked::Person { most: 2 });
    assert!(matches!(world.pick(fan, &[0, 1]).await?, Picked::Held(_)));
    assert!(matches!(world.pick(fan, &[2, 3]).await?, Picked::Held(_)));
    world.sound().await
}

#[tokio::test]
async fn followers_know_what_was_picked() -> Result {
    let world = World::new(Recipe { shop_ms: 1_000, ..PICK }).await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    let fans = world.shoppers(&[2, 2, 1]).await?;
    for seats in [&[0, 1][..], &[1, 2], &[], &[7]] {
        assert!(matches!(world.pick(&fans[0], seats).await?, Picked::Held(_)));
    }
    assert!(matches!(world.pick(&fans[1], &[0]).await?, Picked::Held(_)));
    eventually(Duration::from_secs(5), async || world.store.end_idle().await.is_ok_and(|(ended, _)| ended == 1)).await;
    eventually(Duration::from_secs(5), async || {
        let fresh = Follower::start(&world.store, world.event).await.expect("a follower");
        follower.next(Duration::from_millis(20)).await.is_ok()
            && differences(follower.mirror(), fresh.mirror()).is_empty()
    })
    .await;
    assert_eq!(follower.mirror().taken, 2);
    world.sound().await
}
