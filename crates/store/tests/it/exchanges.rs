//! A fan exchanges the seats held once for others: nothing is given up before the others are theirs, and what is paid for, over or
//! exchanged before stays as it is.

use std::time::Duration;

use anyhow::Context as _;
use domain::seats::{self, Free, Standing, Wish, exchange_in_order, seat_in_order};
use store::clock::{ClockChange, ClockChanged};
use store::exchanges::{AskedExchange, EXCHANGE_ASKS_MAX, Exchange, ExchangeNow, Exchanges, OtherSeats};
use store::follow::Follower;
use store::joins::{Accepts, JoinAsk};
use store::leases::{Lease, Office};
use store::payments::{Begun, Verdict};
use store::verify::differences;
use store::{Guards, StoreError};
use uuid::Uuid;

use crate::world::{Recipe, Result, World, id};

/// Other seats of any kind, side by side or not.
const ANY: OtherSeats = OtherSeats {
    tiers: 0,
    accepts: Accepts { other_tiers: false, apart: true, fewer: false, accessible: false },
    elsewhere: false,
};
/// Places to stand, which cost less.
const FLOOR: OtherSeats = OtherSeats { tiers: 0b10, ..ANY };

impl World {
    /// A new party with the best seats there are.
    async fn holds_seats(&self, lease: &Lease, party: u8) -> Result<Uuid> {
        self.join(&[party]).await?;
        self.tick(self.pacing().await?).await?;
        Ok(self.seat(lease).await?.held.pop().context("seats are held")?.booking)
    }

    /// What the holder of the seating finds for those who ask, behind those who stand.
    async fn find_others(&self) -> Result<Vec<Exchange>> {
        let taken = self.store.taken_seats(self.event).await?;
        let (mut free, mut held) = (Free::all(&self.hall), Free::none_of(&self.hall));
        for (seat, paid) in taken.seats {
            free.take(seat);
            if !paid {
                held.give(seat);
            }
        }
        let wish = |party: u8, tiers: u32, accepts: Accepts| {
            let Accepts { other_tiers, apart, fewer, accessible } = accepts;
            Wish { party, tiers, other_tiers, apart, fewer, accessible }
        };
        let line: Vec<Standing> = (0..)
            .zip(self.store.standing_places(self.event).await?)
            .map(|(key, place)| Standing {
                key,
                wish: wish(place.party, place.tiers, place.accepts),
                sale: 0,
                most: u32::MAX,
                gathers: false,
                may_be_asked: false,
            })
            .collect();
        let plan = seat_in_order(&self.hall, &free, &held, &line, &[], 1, 1_000);
        let rows = self.store.exchanges_asked(self.event, 1_000).await?;
        let asking: Vec<seats::Exchanging> = (0..)
            .zip(&rows)
            .map(|(key, row)| seats::Exchanging {
                key,
                wish: wish(1, row.other.tiers, row.other.accepts),
                has: row.seats.clone(),
                elsewhere: row.other.elsewhere,
            })
            .collect();
        let found = exchange_in_order(&self.hall, &free, &held, &plan, &asking);
        Ok(rows
            .iter()
            .zip(found)
            .map(|(row, (_, found))| Exchange { booking: row.booking, asks: row.asks, found })
            .collect())
    }

    async fn exchange(&self, lease: &Lease) -> Result<Exchanges> {
        Ok(self.store.exchange(lease, &self.find_others().await?).await?)
    }

    async fn seats_of(&self, booking: Uuid) -> Result<Vec<u32>> {
        Ok(self.store.booking(booking).await?.context("a booking")?.seats.iter().map(|seat| seat.seat).collect())
    }

    async fn asks(&self, booking: Uuid, other: OtherSeats) -> Result<AskedExchange> {
        Ok(self.store.ask_exchange(booking, other).await?)
    }
}

/// What a follower knows of the exchange, one that begins now as well as one that went along.
async fn told(world: &World, follower: &mut Follower, booking: Uuid) -> Result<ExchangeNow> {
    while !follower.next(Duration::from_millis(50)).await?.is_empty() {}
    let fresh = Follower::start(&world.another_store().await?, world.event).await?;
    let differences = differences(follower.mirror(), fresh.mirror());
    anyhow::ensure!(differences.is_empty(), "{differences:#?}");
    Ok(follower.mirror().holds.get(&booking).context("a hold")?.exchange)
}

#[tokio::test]
async fn a_fan_gives_up_nothing_before_the_others_are_theirs() -> Result {
    let world = World::new(Recipe::default()).await?;
    let seating = world.seating().await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    let booking = world.holds_seats(&seating, 2).await?;
    let before = world.store.booking(booking).await?.context("a booking")?;
    assert_eq!(world.seats_of(booking).await?, [0, 1]);
    assert_eq!(told(&world, &mut follower, booking).await?, ExchangeNow::Not);

    assert_eq!(world.asks(booking, FLOOR).await?, AskedExchange::Looking);
    assert_eq!(told(&world, &mut follower, booking).await?, ExchangeNow::Asked);
    assert_eq!(world.seats_of(booking).await?, [0, 1]);
    world.sound().await?;

    let done = world.exchange(&seating).await?;
    assert_eq!(done, Exchanges { done: vec![(booking, world.sale, vec![12, 13])], ..Exchanges::default() });
    assert_eq!(told(&world, &mut follower, booking).await?, ExchangeNow::Done);
    let after = world.store.booking(booking).await?.context("a booking")?;
    assert_eq!(world.seats_of(booking).await?, [12, 13]);
    assert_eq!((before.amount_minor, after.amount_minor), (2 * 5_150, 2 * 3_150));
    assert_eq!(
        (before.deadline_ms, before.reference, before.extended),
        (after.deadline_ms, after.reference, after.extended)
    );
    assert_eq!(world.number("select count(*) from outbox where kind = 'hold.changed'").await?, 1);
    world.sound().await?;

    // What was given up is the next one's, and what was got is sold.
    let next = world.holds_seats(&seating, 2).await?;
    assert_eq!(world.seats_of(next).await?, [0, 1]);
    world.pay(booking).await?;
    assert_eq!(world.number("select count(*) from ticket where seat in (12, 13)").await?, 2);
    world.sound().await
}

#[tokio::test]
async fn who_asks_in_vain_keeps_the_seats_and_may_ask_a_few_times() -> Result {
    let world = World::new(Recipe { standing: 1, ..Recipe::default() }).await?;
    let seating = world.seating().await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    let booking = world.holds_seats(&seating, 2).await?;
    for nth in 1..=EXCHANGE_ASKS_MAX {
        // Once more while they are looked for is no more than once.
        for _ in 0..2 {
            assert_eq!(world.asks(booking, FLOOR).await?, AskedExchange::Looking, "{nth}");
        }
        assert_eq!(world.exchange(&seating).await?, Exchanges { nothing: 1, ..Exchanges::default() });
        assert_eq!(told(&world, &mut follower, booking).await?, ExchangeNow::Nothing);
        assert_eq!(world.exchange(&seating).await?, Exchanges::default());
    }
    assert_eq!(world.asks(booking, FLOOR).await?, AskedExchange::TooOften);
    assert_eq!(world.seats_of(booking).await?, [0, 1]);
    world.sound().await
}

#[tokio::test]
async fn nothing_goes_past_who_stands_and_what_is_given_back_is_theirs_first() -> Result {
    let world = World::new(Recipe { standing: 0, ..Recipe::default() }).await?;
    let seating = world.seating().await?;
    // Four stand who would sit side by side, where nowhere four are free; there are for one.
    world.join(&[2, 2, 1]).await?;
    world.join_as(&[JoinAsk { accepts: Accepts::default(), ..crate::world::ask(id(), 4) }]).await?;
    world.tick(world.pacing().await?).await?;
    world.hold(&seating, 1, &[1, 2]).await?;
    let gives_back = world.hold(&seating, 2, &[7, 8]).await?.booking;
    let asks = world.hold(&seating, 3, &[4]).await?.booking;
    assert_eq!(world.seat(&seating).await?.held.len(), 0);
    for _ in 0..2 {
        assert_eq!(world.asks(asks, ANY).await?, AskedExchange::Looking);
        assert_eq!(world.exchange(&seating).await?.nothing, 1);
    }
    assert!(world.store.give_back(gives_back).await?);
    assert_eq!(world.seat(&seating).await?.held[0].entry, 4);
    // Nobody stands any more.
    assert_eq!(world.asks(asks, ANY).await?, AskedExchange::Looking);
    assert_eq!(world.exchange(&seating).await?.done.len(), 1);
    assert_ne!(world.seats_of(asks).await?, [4]);
    world.sound().await
}

/// A hold is exchanged, and its fan asks again.
async fn exchanged_once(world: &World) -> Result {
    let seating = world.seating().await?;
    let booking = world.holds_seats(&seating, 2).await?;
    for _ in 0..2 {
        world.asks(booking, ANY).await?;
        world.exchange(&seating).await?;
    }
    let times = world.number("select count(*) from feed_record where changes::text like '%\"exchanged\"%'").await?;
    anyhow::ensure!(times == 1, "exchanged {times} times");
    assert_eq!(world.asks(booking, ANY).await?, AskedExchange::Already);
    assert_eq!(world.seats_of(booking).await?, [2, 3]);
    world.sound().await
}

#[tokio::test]
async fn seats_are_exchanged_once() -> Result {
    exchanged_once(&World::new(Recipe::default()).await?).await
}

#[tokio::test]
async fn seats_are_exchanged_once_without_exchange_once() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.store = world.store.clone().without(Guards { exchange_once: false, ..Guards::ALL });
    let failed = exchanged_once(&world).await.expect_err("they were to be exchanged twice");
    assert!(failed.to_string().contains("exchanged 2 times"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "exchanged-once-at-most"), "{found:?}");
    Ok(())
}

/// Other seats are found, and before they are the fan's, paying begins.
async fn what_is_paid_for_stays(world: &World) -> Result {
    let seating = world.seating().await?;
    let booking = world.holds_seats(&seating, 2).await?;
    world.asks(booking, FLOOR).await?;
    let found = world.find_others().await?;
    let payment = world.begin(booking).await?;
    let done = world.store.exchange(&seating, &found).await?;
    anyhow::ensure!(done == Exchanges::default(), "exchanged while it was paid for: {done:?}");
    anyhow::ensure!(world.asks(booking, FLOOR).await? == AskedExchange::Paying);
    let mut follower = Follower::start(&world.store, world.event).await?;
    anyhow::ensure!(told(world, &mut follower, booking).await? == ExchangeNow::Not);
    anyhow::ensure!(world.seats_of(booking).await? == [0, 1]);
    anyhow::ensure!(world.store.payment_authorised(payment.id).await? == Verdict::Capture);
    anyhow::ensure!(world.capture(&payment).await?);
    anyhow::ensure!(world.asks(booking, FLOOR).await? == AskedExchange::Paying);
    world.sound().await
}

#[tokio::test]
async fn what_is_paid_for_is_not_exchanged() -> Result {
    what_is_paid_for_stays(&World::new(Recipe::default()).await?).await
}

#[tokio::test]
async fn what_is_paid_for_is_not_exchanged_without_exchange_held() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.store = world.store.clone().without(Guards { exchange_held: false, ..Guards::ALL });
    let failed = what_is_paid_for_stays(&world).await.expect_err("it was to be exchanged");
    assert!(failed.to_string().contains("exchanged while it was paid for"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "exchanged-while-held"), "{found:?}");
    Ok(())
}

/// Other seats are found, and before they are the fan's, the hold lapses.
async fn what_lapsed_stays_so(world: &World) -> Result {
    let seating = world.seating().await?;
    world.holds_last(300, 0).await?;
    let booking = world.holds_seats(&seating, 2).await?;
    world.asks(booking, ANY).await?;
    let found = world.find_others().await?;
    world.until_state(booking, "lapsed").await;
    let done = world.store.exchange(&seating, &found).await?;
    anyhow::ensure!(done == Exchanges::default(), "exchanged after it lapsed: {done:?}");
    anyhow::ensure!(world.asks(booking, ANY).await? == AskedExchange::Over);
    world.sound().await
}

#[tokio::test]
async fn what_has_lapsed_is_not_exchanged() -> Result {
    what_lapsed_stays_so(&World::new(Recipe::default()).await?).await
}

#[tokio::test]
async fn what_has_lapsed_is_not_exchanged_without_exchange_held() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.store = world.store.clone().without(Guards { exchange_held: false, ..Guards::ALL });
    let failed = what_lapsed_stays_so(&world).await.expect_err("it was to be exchanged");
    assert!(failed.to_string().contains("exchanged after it lapsed"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "ended-booking-has-no-seats"), "{found:?}");
    Ok(())
}

/// Paying and the exchange meet in the booking's row: whoever is first decides which seats are paid for, and at what price.
#[tokio::test]
async fn paying_and_exchanging_at_once_agree_on_the_price() -> Result {
    let world = World::new(Recipe { rows: 4, standing: 60, ..Recipe::default() }).await?;
    let seating = world.seating().await?;
    let (mut paid_old, mut paid_new) = (0, 0);
    for round in 0..24_u64 {
        let booking = world.holds_seats(&seating, 2).await?;
        world.asks(booking, FLOOR).await?;
        let found = world.find_others().await?;
        let fan = world.fan_of(booking).await?;
        let begin = async {
            tokio::time::sleep(Duration::from_micros(round % 8 * 300)).await;
            world.store.begin_payment(booking, fan, Some("fan@example.org"), id()).await
        };
        let (begun, done) = tokio::join!(begin, world.store.exchange(&seating, &found));
        let Begun::Attempt(attempt) = begun? else { anyhow::bail!("paying did not begin") };
        let row = world.store.booking(booking).await?.context("a booking")?;
        assert_eq!(attempt.amount_minor, row.amount_minor, "round {round}");
        let exchanged = done?.done.len();
        assert_eq!(row.amount_minor, if exchanged == 1 { 2 * 3_150 } else { 2 * 5_150 });
        assert_eq!(row.seats.iter().all(|seat| seat.seat >= 24), exchanged == 1);
        *if exchanged == 1 { &mut paid_new } else { &mut paid_old } += 1;
        world.store.payment_cancelled(attempt.id, true).await?;
        assert_eq!(world.state_of(booking).await?, "released");
    }
    eprintln!("{paid_old} were paid for as they were, {paid_new} exchanged before");
    world.sound().await
}

#[tokio::test]
async fn a_lapse_and_an_exchange_at_once_leave_nothing_behind() -> Result {
    let world = World::new(Recipe { standing: 40, ..Recipe::default() }).await?;
    let seating = world.seating().await?;
    let mut exchanged = 0;
    for round in 0..12 {
        world.holds_last(40, 0).await?;
        let booking = world.holds_seats(&seating, 2).await?;
        if world.asks(booking, ANY).await? == AskedExchange::Over {
            world.until_state(booking, "lapsed").await;
            continue;
        }
        let found = world.find_others().await?;
        let row = world.store.booking(booking).await?.context("a booking")?;
        let left_ms = (row.deadline_ms - row.now_ms - i64::from(round % 4)).clamp(0, 100);
        tokio::time::sleep(Duration::from_millis(left_ms.unsigned_abs())).await;
        let (lapsed, done) = tokio::join!(world.store.lapse_due(), world.store.exchange(&seating, &found));
        lapsed?;
        exchanged += done?.done.len();
        world.until_state(booking, "lapsed").await;
        assert_eq!(world.number("select count(*) from hold_seat where live").await?, 0, "round {round}");
    }
    eprintln!("{exchanged} were exchanged first");
    world.sound().await
}

#[tokio::test]
async fn whose_other_seats_somebody_has_got_keeps_theirs_and_is_chosen_for_again() -> Result {
    let world = World::new(Recipe::default()).await?;
    let seating = world.seating().await?;
    let [one, other] = [world.holds_seats(&seating, 2).await?, world.holds_seats(&seating, 2).await?];
    world.asks(one, ANY).await?;
    world.asks(other, FLOOR).await?;
    let found = world.find_others().await?;
    let wanted = |found: &Exchange| found.found.as_ref().map(|choice| choice.seats.clone());
    assert_eq!(found.iter().map(wanted).collect::<Vec<_>>(), [Some(vec![6, 7]), Some(vec![12, 13])]);
    // Somebody else is held one of the seats that were found for the first.
    world.join(&[1]).await?;
    let entry = world.tick(world.pacing().await?).await?.admitted[0];
    world.hold(&seating, entry, &[7]).await?;
    let done = world.store.exchange(&seating, &found).await?;
    assert_eq!(done, Exchanges { done: vec![(other, world.sale, vec![12, 13])], refused: 1, ..Exchanges::default() });
    assert_eq!(world.seats_of(one).await?, [0, 1]);
    world.sound().await?;
    // By now the best are those that the other one gave up.
    assert_eq!(world.exchange(&seating).await?.done, [(one, world.sale, vec![2, 3])]);
    world.sound().await
}

#[tokio::test]
async fn what_is_given_back_is_not_exchanged() -> Result {
    let world = World::new(Recipe::default()).await?;
    let seating = world.seating().await?;
    let booking = world.holds_seats(&seating, 2).await?;
    world.asks(booking, ANY).await?;
    let found = world.find_others().await?;
    assert!(world.store.give_back(booking).await?);
    assert_eq!(world.store.exchange(&seating, &found).await?, Exchanges::default());
    assert_eq!(world.store.exchanges_asked(world.event, 9).await?, []);
    assert_eq!(world.asks(booking, ANY).await?, AskedExchange::Over);
    assert_eq!(world.asks(id(), ANY).await?, AskedExchange::Over);
    world.sound().await
}

#[tokio::test]
async fn a_replaced_holder_exchanges_nothing() -> Result {
    let world = World::new(Recipe::default()).await?;
    let old = world.seating().await?;
    let booking = world.holds_seats(&old, 2).await?;
    world.asks(booking, ANY).await?;
    let found = world.find_others().await?;
    world.store.give_up_lease(&old).await?;
    let new = world.store.take_lease(Office::Seating, world.event, id(), 60_000).await?.context("the office")?;
    assert!(matches!(world.store.exchange(&old, &found).await, Err(StoreError::Moved(_))));
    assert_eq!(world.seats_of(booking).await?, [0, 1]);
    assert_eq!(world.store.exchange(&new, &found).await?.done.len(), 1);
    world.sound().await
}

#[tokio::test]
async fn while_the_clock_stands_seats_are_exchanged_beyond_the_deadline_first_shown() -> Result {
    let world = World::new(Recipe { hold_ttl_ms: 2_000, ..Recipe::default() }).await?;
    let seating = world.seating().await?;
    let booking = world.holds_seats(&seating, 2).await?;
    let clock = world.store.clock_now(world.sale).await?.context("the sale")?;
    let frozen =
        world.store.change_clock(world.sale, world.account, ClockChange::Freeze, "the bank is down", clock.version());
    assert_eq!(frozen.await?, ClockChanged::Done);
    let past = "select count(*) from booking where deadline < clock_timestamp()";
    testkit::eventually(Duration::from_secs(10), async || world.number(past).await.is_ok_and(|past| past == 1)).await;
    assert_eq!(world.asks(booking, ANY).await?, AskedExchange::Looking);
    assert_eq!(world.exchange(&seating).await?.done.len(), 1);
    world.sound().await
}

/// The bank cancels a payment, the seats are exchanged for cheaper ones, and then the payment succeeds after all.
#[tokio::test]
async fn a_late_payment_for_the_seats_before_buys_and_ends_nothing() -> Result {
    let world = World::new(Recipe::default()).await?;
    let seating = world.seating().await?;
    let booking = world.holds_seats(&seating, 2).await?;
    let late = world.begin(booking).await?;
    world.store.payment_cancelled(late.id, false).await?;
    assert_eq!(world.state_of(booking).await?, "held");
    assert_eq!(world.asks(booking, FLOOR).await?, AskedExchange::Looking);
    assert_eq!(world.exchange(&seating).await?.done.len(), 1);
    assert_eq!(world.store.payment_authorised(late.id).await?, Verdict::Void);
    world.sound().await?;
    // The provider took the money whatever we said: it goes back, and the hold goes on.
    assert!(!world.capture(&late).await?);
    assert_eq!(world.state_of(booking).await?, "held");
    assert_eq!(world.store.due_refunds(10).await?.len(), 1);
    world.sound().await?;
    world.pay(booking).await?;
    assert_eq!(world.seats_of(booking).await?, [12, 13]);
    world.sound().await
}
