//! Places that go over to other fans, change their wishes, and tell what became of them.

use futures_util::future::join_all;
use store::Guards;
use store::entry::{Entry, EntryRefusal};
use store::events::Ordering;
use store::feed::{Change, Lane, LaneKind};
use store::joins::{Accepts, PlaceRow};
use store::place_history::Step;
use store::transfers::{Taken, Taker};
use store::wishes::{NewWishes, Rewished};
use uuid::Uuid;

use crate::entry::{code, hash};
use crate::world::{Recipe, Result, World, ask, id};

impl World {
    async fn offer_place(&self, place: &PlaceRow, words: &str) -> Result {
        let offered = self.store.offer_transfer(place.id, place.fan, &hash(words), 60_000).await?;
        anyhow::ensure!(offered.is_some(), "the place is live");
        Ok(())
    }

    async fn take(&self, words: &str, fan: Uuid) -> Result<Taken> {
        self.take_as(words, Taker { fan, visitor: true }).await
    }

    async fn take_as(&self, words: &str, taker: Taker) -> Result<Taken> {
        Ok(self.store.take_transfer(&hash(words), taker, &hash).await?)
    }

    async fn place_now(&self, place: Uuid) -> Result<PlaceRow> {
        Ok(self.store.place(place).await?.expect("a place"))
    }
}

/// Many try one code at the same time; one has the place then, and nobody else was told so.
async fn codes_move_places_once(world: &World) -> Result {
    for place in world.join(&[1, 2, 1, 3]).await? {
        let words = format!("for place {}", place.entry);
        world.offer_place(&place, &words).await?;
        let takers: Vec<Uuid> = (0..8).map(|_| id()).collect();
        let taken = join_all(takers.iter().map(|fan| world.take(&words, *fan))).await;
        let taken: Vec<Taken> = taken.into_iter().collect::<Result<_>>()?;
        let moved: Vec<Uuid> = (takers.iter().zip(&taken))
            .filter(|(_, taken)| matches!(taken, Taken::Moved { .. }))
            .map(|(fan, _)| *fan)
            .collect();
        anyhow::ensure!(moved.len() == 1, "{} were told that the place is theirs", moved.len());
        anyhow::ensure!(taken.iter().filter(|taken| **taken == Taken::Used).count() == 7, "{taken:?}");
        let now = world.place_now(place.id).await?;
        anyhow::ensure!((now.fan, now.entry) == (moved[0], place.entry));
        anyhow::ensure!(world.store.place_of(world.sale, place.fan).await?.is_none(), "the first fan has none");
    }
    world.sound().await
}

#[tokio::test]
async fn a_transfer_moves_a_place_once() -> Result {
    let world = World::new(Recipe::default()).await?;
    codes_move_places_once(&world).await
}

#[tokio::test]
async fn a_transfer_moves_a_place_once_without_transfer_once() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.store = world.store.clone().without(Guards { transfer_once: false, ..Guards::ALL });
    let failed = codes_move_places_once(&world).await.expect_err("a place was to be given twice");
    assert!(failed.to_string().contains("8 were told"), "{failed}");
    Ok(())
}

#[tokio::test]
async fn refusals_of_transfers_say_why_and_spend_nothing() -> Result {
    let world = World::new(Recipe::default()).await?;
    let places = world.join(&[1, 1, 1]).await?;
    let (fan, other) = (id(), places[1].fan);
    assert_eq!(world.take("never made", fan).await?, Taken::Unknown);
    world.offer_place(&places[0], "first").await?;
    world.offer_place(&places[0], "second").await?;
    assert_eq!(world.take("first", fan).await?, Taken::Unknown, "a newer code replaced it");
    assert_eq!(world.take("second", places[0].fan).await?, Taken::Own);
    assert_eq!(world.take("second", other).await?, Taken::HasPlace);
    world.store.leave(world.event, world.sale, other).await?;
    assert!(matches!(world.take("second", other).await?, Taken::Moved { .. }), "refusals do not spend it");
    assert_eq!(world.take("second", fan).await?, Taken::Used);
    // Who gave it away cannot give it again, and an ended place goes nowhere.
    assert_eq!(world.store.offer_transfer(places[0].id, places[0].fan, &hash("third"), 60_000).await?, None);
    world.offer_place(&places[2], "of an ended place").await?;
    world.store.leave(world.event, world.sale, places[2].fan).await?;
    assert_eq!(world.take("of an ended place", fan).await?, Taken::NotLive);
    let moved = world.place_now(places[0].id).await?;
    world.store.offer_transfer(moved.id, other, &hash("short"), 0).await?;
    assert_eq!(world.take("short", fan).await?, Taken::Expired);
    // On to the next, and back to the first.
    world.offer_place(&moved, "on").await?;
    assert!(matches!(world.take("on", fan).await?, Taken::Moved { .. }));
    world.offer_place(&world.place_now(moved.id).await?, "back").await?;
    assert!(matches!(world.take("back", places[0].fan).await?, Taken::Moved { .. }));
    world.sound().await?;
    // Sales that ask more of fans ask it of takers too.
    world.offer_place(&world.place_now(moved.id).await?, "strict").await?;
    world.enter_by(Entry::Account, Ordering::Fifo).await?;
    assert_eq!(world.take("strict", fan).await?, Taken::AccountNeeded);
    world.enter_by(Entry::Invited, Ordering::Fifo).await?;
    let account = Taker { fan: world.account, visitor: false };
    assert_eq!(world.take_as("strict", account).await?, Taken::NotInvited);
    let invited = store::entry::Invitation {
        hash: hash("operator@example.org"),
        class: domain::order::Class(5),
        reason: "house".to_owned(),
    };
    world.store.invite(world.sale, world.account, &[invited]).await?;
    assert!(matches!(world.take_as("strict", account).await?, Taken::Moved { .. }));
    world.sound().await
}

/// In a sale that gives each fan one place, whoever had one takes no other over.
async fn one_place_is_one_place(world: &World) -> Result {
    let places = world.join(&[1, 1]).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.tick(pacing).await?;
    let booking = world.hold(&seating, 1, &[0]).await?.booking;
    let buyer = places[0].fan;
    world.offer_place(&places[1], "second").await?;
    assert!(matches!(world.take("second", buyer).await?, Taken::HadPlace | Taken::HasPlace), "it lives");
    world.pay(booking).await?;
    let taken = world.take("second", buyer).await?;
    anyhow::ensure!(taken == Taken::HadPlace, "who bought took another place over: {taken:?}");
    anyhow::ensure!(matches!(world.take("second", id()).await?, Taken::Moved { .. }), "the refusals spent it");
    world.sound().await
}

#[tokio::test]
async fn a_fan_with_one_place_for_ever_takes_no_other_over() -> Result {
    one_place_is_one_place(&World::new(Recipe { rejoin: false, ..Recipe::default() }).await?).await
}

#[tokio::test]
async fn a_fan_with_one_place_for_ever_takes_no_other_over_without_rejoin_check() -> Result {
    let mut world = World::new(Recipe { rejoin: false, ..Recipe::default() }).await?;
    world.store = world.store.clone().without(Guards { rejoin_check: false, ..Guards::ALL });
    let failed = one_place_is_one_place(&world).await.expect_err("a buyer was to take another place over");
    assert!(failed.to_string().contains("who bought took another place over"), "{failed}");
    Ok(())
}

#[tokio::test]
async fn a_hold_goes_over_with_its_place_unless_it_is_being_paid() -> Result {
    let world = World::new(Recipe::default()).await?;
    let places = world.join(&[1, 1]).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.tick(pacing).await?;
    let booking = world.hold(&seating, 1, &[0]).await?.booking;
    let fan = id();
    world.offer_place(&places[0], "with a hold").await?;
    assert!(matches!(world.take("with a hold", fan).await?, Taken::Moved { .. }));
    assert_eq!(world.fan_of(booking).await?, fan);
    // The new fan pays; while that goes on, the place stays.
    let payment = world.begin(booking).await?;
    world.offer_place(&world.place_now(places[0].id).await?, "while paying").await?;
    assert_eq!(world.take("while paying", id()).await?, Taken::Paying);
    assert_eq!(world.fan_of(booking).await?, fan, "nothing moved");
    world.store.payment_cancelled(payment.id, false).await?;
    world.sound().await
}

#[tokio::test]
async fn a_taker_who_joins_at_the_same_time_has_one_place() -> Result {
    let world = World::new(Recipe::default()).await?;
    let store = world.another_store().await?;
    let (mut moved, mut refused) = (0, 0);
    for round in 0..30 {
        let place = world.join(&[1]).await?.remove(0);
        let (fan, words) = (id(), format!("round {round}"));
        world.offer_place(&place, &words).await?;
        let asks = [ask(fan, 1)];
        let (joined, taken) = tokio::join!(store.join_batch(world.sale, &asks), world.take(&words, fan));
        joined?;
        match taken? {
            Taken::Moved { .. } => moved += 1,
            Taken::HasPlace => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(moved + refused, 30);
    world.sound().await
}

#[tokio::test]
async fn a_code_goes_over_with_the_place() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.enter_by(Entry::Code, Ordering::Fifo).await?;
    world.make_code(code("good once", 1)).await?;
    let (giver, taker) = (id(), id());
    let place = world.join_by(giver, Some("good once")).await?.unwrap();
    world.offer_place(&place, "over").await?;
    assert!(matches!(world.take("over", taker).await?, Taken::Moved { .. }));
    assert_eq!(world.join_by(giver, Some("good once")).await?.unwrap_err(), EntryRefusal::CodeUsedUp);
    world.store.leave(world.event, world.sale, taker).await?;
    assert_eq!(world.join_by(giver, Some("good once")).await?.unwrap_err(), EntryRefusal::CodeUsedUp);
    assert!(world.join_by(taker, Some("good once")).await?.is_ok());
    world.sound().await
}

fn wishes(party: u8) -> NewWishes {
    NewWishes { party, tiers: 1, accepts: Accepts { fewer: true, ..Accepts::default() } }
}

#[tokio::test]
async fn wishes_change_until_seats_are_held() -> Result {
    let world = World::new(Recipe::default()).await?;
    let places = world.join(&[1, 2]).await?;
    let [first, second] = [&places[0], &places[1]];
    let pacing = world.pacing().await?;
    assert_eq!(world.store.change_wishes(first.id, second.fan, wishes(3)).await?, Rewished::NotLive);
    assert_eq!(world.store.change_wishes(first.id, first.fan, wishes(3)).await?, Rewished::Done);
    let now = world.place_now(first.id).await?;
    assert_eq!((now.entry, now.party, now.tiers, now.accepts.fewer), (1, 3, 1, true));
    // Passed over: still possible.
    world.tick_without(pacing, &[1]).await?;
    assert_eq!(world.place_now(first.id).await?.state, "skipped");
    assert_eq!(world.store.change_wishes(first.id, first.fan, wishes(4)).await?, Rewished::Done);
    // Let in, and so is it then.
    assert_eq!(world.store.change_wishes(second.id, second.fan, wishes(2)).await?, Rewished::Done);
    assert_eq!(world.seat(&world.seating().await?).await?.held.len(), 1);
    assert_eq!(world.store.change_wishes(second.id, second.fan, wishes(4)).await?, Rewished::TooLate);
    world.tick(pacing).await?;
    assert_eq!(world.store.change_wishes(first.id, first.fan, wishes(2)).await?, Rewished::Done);
    world.store.leave(world.event, world.sale, first.fan).await?;
    assert_eq!(world.store.change_wishes(first.id, first.fan, wishes(2)).await?, Rewished::NotLive);
    world.sound().await
}

#[tokio::test]
async fn a_change_is_counted_by_the_admission_or_comes_after_it() -> Result {
    let world = World::new(Recipe { rows: 40, ..Recipe::default() }).await?;
    let pacing = world.pacing().await?;
    for _ in 0..40 {
        let place = world.join(&[1]).await?.remove(0);
        let (changed, ticked) =
            tokio::join!(world.store.change_wishes(place.id, place.fan, wishes(2)), world.tick(pacing));
        assert_eq!(ticked?.admitted, [place.entry]);
        assert_eq!(changed?, Rewished::Done);
        assert_eq!(world.place_now(place.id).await?.party, 2);
        let records = world.store.records_after(Lane { scope: world.sale, kind: LaneKind::Pace }, 0, 1_000).await?;
        let at = |change: &Change| records.iter().position(|record| record.changes.contains(change));
        let wished = at(&Change::Wished { entry: place.entry });
        let let_in = [1, 2].map(|party| {
            at(&Change::Admitted { entries: vec![place.entry], parties: vec![party], shops_until_ms: None })
        });
        // Whoever lets in the party counts it as it is by then.
        let [as_one, as_two] = let_in;
        assert!(as_one.is_some() && as_one < wished || as_two.is_some() && wished < as_two, "{records:?}");
        world.store.leave(world.event, world.sale, place.fan).await?;
    }
    world.sound().await
}

#[tokio::test]
async fn a_place_tells_what_became_of_it() -> Result {
    let world = World::new(Recipe::default()).await?;
    let place = world.join(&[1, 1]).await?.remove(0);
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.tick_without(pacing, &[1]).await?;
    world.tick(pacing).await?;
    world.offer_place(&place, "over").await?;
    world.take("over", id()).await?;
    let booking = world.hold(&seating, 1, &[0]).await?.booking;
    world.store.give_back(booking).await?;
    let history = world.store.place_history(place.id).await?.expect("a place");
    let steps: Vec<Step> = history.steps.iter().map(|(_, step)| step.clone()).collect();
    let Step::Held { deadline_ms, .. } = steps[4] else { panic!("{steps:?}") };
    let told = [
        Step::Joined,
        Step::Skipped { seen_ms: Some(0) },
        Step::Admitted,
        Step::Transferred,
        Step::Held { booking, deadline_ms },
        Step::BookingEnded { booking, state: "released".to_owned() },
        Step::Ended { state: "released".to_owned() },
    ];
    assert_eq!(steps, told);
    assert!(history.steps.is_sorted_by_key(|(at, _)| *at) && history.draw.is_none());
    assert_eq!(world.store.place_history(id()).await?, None);
    Ok(())
}
