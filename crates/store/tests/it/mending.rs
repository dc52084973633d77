//! Mending single places: what it does, what it refuses, and that the checks accept it.

use store::feed::{Lane, LaneKind};
use store::follow::Follower;
use store::inserts::{Insert, Inserted};
use store::mending::{Mend, Mended};
use store::pace::Leave;
use store::place_history::Step;
use store::verify::differences;
use uuid::Uuid;

use crate::world::{Recipe, Result, World, ask, id};

fn mend(world: &World, place: Uuid) -> Mend<'_> {
    Mend { sale: world.sale, place, account: world.account, reason: "the fan called" }
}

#[tokio::test]
async fn places_are_found_removed_and_put_back_and_the_checks_accept_it() -> Result {
    let world = World::new(Recipe::default()).await?;
    let store = &world.store;
    let places = world.join(&[1, 1, 1, 1, 1, 1]).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    // Entry 2 is skipped, entry 1 holds and lapses, entry 3 holds on.
    let ask = world.pace_ask(pacing, &[2].into()).await?;
    let ask = store::pace::PaceAsk { candidates: vec![1, 3], ..ask };
    assert_eq!(store.pace(&ask).await?.admitted, [1, 3]);
    world.holds_last(1, 0).await?;
    let lapsed = world.hold(&seating, 1, &[0]).await?.booking;
    world.until_state(lapsed, "lapsed").await;
    world.holds_last(60_000, 0).await?;
    let held = world.hold(&seating, 3, &[1]).await?.booking;
    assert_eq!(store.leave(world.event, world.sale, places[3].fan).await?, Leave::Left);
    world.sound().await?;

    // Found by the end of its identifier, with its history.
    let tail = places[0].id.simple().to_string().split_off(22);
    let found = store.places_ending_in(world.sale, &tail).await?;
    assert_eq!((found.len(), found[0].place, found[0].state.as_str()), (1, places[0].id, "lapsed"));
    assert_eq!(store.places_ending_in(world.event, &tail).await?, []);
    let kinds = async |place: Uuid| -> Result<Vec<String>> {
        let history = store.place_history(place).await?.expect("a place");
        let kind = |step: &Step| match step {
            Step::Joined => "joined".to_owned(),
            Step::Skipped { .. } => "skipped".to_owned(),
            Step::Admitted => "admitted".to_owned(),
            Step::Held { .. } => "held".to_owned(),
            Step::BookingEnded { state, .. } => format!("booking {state}"),
            Step::Removed { by, reason } => {
                assert_eq!((*by, reason.as_str()), (world.account, "the fan called"));
                "removed".to_owned()
            }
            Step::PutBack { from, front, .. } => {
                format!("put back from {from}{}", if *front { " to the head" } else { "" })
            }
            Step::Ended { state } => format!("ended {state}"),
            Step::Transferred => "transferred".to_owned(),
        };
        Ok(history.steps.iter().map(|(_, step)| kind(step)).collect())
    };
    assert_eq!(kinds(places[0].id).await?, ["joined", "admitted", "held", "booking lapsed", "ended lapsed"]);
    assert_eq!(kinds(places[1].id).await?, ["joined", "skipped"]);

    // The skipped to its own place, the lapsed to the head, the last waiting to the head, one that waits out.
    assert_eq!(store.put_back(&mend(&world, places[1].id), false).await?, Mended::Done);
    world.sound().await?;
    assert_eq!(store.put_back(&mend(&world, places[0].id), true).await?, Mended::Done);
    world.sound().await?;
    assert_eq!(store.put_back(&mend(&world, places[5].id), true).await?, Mended::Done);
    assert_eq!(store.remove_place(&mend(&world, places[4].id)).await?, Mended::Done);
    world.sound().await?;
    assert_eq!(
        kinds(places[0].id).await?,
        ["joined", "admitted", "held", "booking lapsed", "put back from lapsed to the head"]
    );
    assert_eq!(kinds(places[4].id).await?, ["joined", "removed"]);

    // Refused: seats held, ended, another sale's, nothing to do.
    assert_eq!(store.remove_place(&mend(&world, places[2].id)).await?, Mended::Holding(held));
    assert_eq!(store.put_back(&mend(&world, places[2].id), true).await?, Mended::Holding(held));
    assert_eq!(store.remove_place(&mend(&world, places[4].id)).await?, Mended::NotNow("removed".to_owned()));
    assert_eq!(store.put_back(&mend(&world, places[0].id), true).await?, Mended::NotNow("waiting".to_owned()));
    assert_eq!(store.remove_place(&mend(&world, id())).await?, Mended::NoPlace);
    let elsewhere = Mend { sale: world.event, ..mend(&world, places[0].id) };
    assert_eq!(store.put_back(&elsewhere, true).await?, Mended::NoPlace);

    // They are let in again in the new order: the head first, by number, then the rest; and the place may hold again.
    let line = store::pace::PaceAsk { candidates: vec![1, 6, 2], ..world.pace_ask(pacing, &[].into()).await? };
    assert_eq!(store.pace(&line).await?.admitted, [1, 6, 2]);
    world.sound().await?;
    let again = world.hold(&seating, 1, &[2]).await?.booking;
    world.sound().await?;
    world.pay(again).await?;
    assert_eq!(store.put_back(&mend(&world, places[0].id), true).await?, Mended::NotNow("booked".to_owned()));
    world.sound().await?;
    // Left, put back, left again.
    assert_eq!(store.put_back(&mend(&world, places[3].id), false).await?, Mended::Done);
    assert_eq!(store.leave(world.event, world.sale, places[3].fan).await?, Leave::Left);
    world.sound().await
}

#[tokio::test]
async fn a_fan_who_joined_again_is_not_put_back_into_a_second_place() -> Result {
    let world = World::new(Recipe::default()).await?;
    let places = world.join(&[1, 1]).await?;
    world.store.leave(world.event, world.sale, places[0].fan).await?;
    let new = world.join_as(&[ask(places[0].fan, 1)]).await?;
    assert_eq!(world.store.put_back(&mend(&world, places[0].id), true).await?, Mended::LivesElsewhere);
    assert_eq!(world.number("select count(*) from audit where action like 'place.%'").await?, 0, "nothing was done");
    assert_eq!(world.store.remove_place(&mend(&world, new[0].id)).await?, Mended::Done);
    assert_eq!(world.store.put_back(&mend(&world, places[0].id), true).await?, Mended::Done);
    world.sound().await
}

#[tokio::test]
async fn a_fan_who_joined_again_is_not_put_back_without_the_index() -> Result {
    let world = World::new(Recipe::default()).await?;
    let places = world.join(&[1]).await?;
    world.store.leave(world.event, world.sale, places[0].fan).await?;
    world.join_as(&[ask(places[0].fan, 1)]).await?;
    world.sql("drop index place_live_unique").await?;
    assert_eq!(world.store.put_back(&mend(&world, places[0].id), true).await?, Mended::Done);
    let found: Vec<&str> = world.verify().await?.violations.into_iter().map(|found| found.check).collect();
    assert_eq!(found, ["one-live-place"]);
    Ok(())
}

#[tokio::test]
async fn unsettled_money_keeps_a_place_from_being_put_back() -> Result {
    let world = World::new(Recipe::default()).await?;
    let places = world.join(&[1]).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.tick(pacing).await?;
    let booking = world.hold(&seating, 1, &[0]).await?.booking;
    let payment = world.begin(booking).await?;
    world.sql("update place set state = 'lapsed', ended_at = clock_timestamp()").await?;
    assert_eq!(world.store.put_back(&mend(&world, places[0].id), false).await?, Mended::Paying, "{payment:?}");
    Ok(())
}

async fn insert(world: &World, email: &str, party: u8, to_the_front: bool) -> Result<(Uuid, Inserted)> {
    let place = id();
    let insert = Insert { mend: mend(world, place), email, party, to_the_front };
    Ok((place, world.store.insert_place(&insert).await?))
}

#[tokio::test]
async fn a_fan_without_a_place_is_inserted_and_everybody_is_told() -> Result {
    let world = World::new(Recipe::default()).await?;
    let fans = [id(), id()];
    for (fan, email) in fans.iter().zip(["kim@example.org", "lee@example.org"]) {
        assert!(world.store.create_account(*fan, email, "").await?);
    }
    let mut before = Follower::start(&world.store, world.event).await?;
    let places = world.join(&[1, 1]).await?;
    let (back, done) = insert(&world, "kim@example.org", 2, false).await?;
    assert_eq!(done, Inserted::Done(3));
    let (front, done) = insert(&world, "lee@example.org", 1, true).await?;
    assert_eq!(done, Inserted::Done(4));
    world.sound().await?;
    // The lanes may be heard in any order.
    let mut records = Vec::new();
    for kind in [LaneKind::Pace, LaneKind::Joins] {
        let lane = Lane { scope: world.sale, kind };
        let known = before.mirror().version(lane).expect("a lane");
        records.extend(world.store.records_after(lane, known, 100).await?);
    }
    let fresh = Follower::start(&world.store, world.event).await?;
    let mut heard = before.mirror().clone();
    heard.keep_up(fresh.mirror(), &records);
    assert_eq!(differences(&heard, fresh.mirror()), Vec::<String>::new());
    let order = &heard.sales[&world.sale].order;
    let early: Vec<i64> = (1..=4).filter(|entry| order.class(*entry) == domain::order::Class::FRONT).collect();
    assert_eq!((early, order.waiting()), (vec![4], 4));
    before.next(std::time::Duration::from_millis(1)).await?;

    // They are told why, and the report names both.
    for (place, front) in [(back, false), (front, true)] {
        let steps = world.store.place_history(place).await?.expect("a place").steps;
        let told: Vec<Step> = steps.into_iter().map(|(_, step)| step).collect();
        let (by, reason, from) = (world.account, "the fan called".to_owned(), "none".to_owned());
        assert_eq!(told, [Step::Joined, Step::PutBack { by, reason, from, front }]);
    }
    let exceptions = world.store.fairness(world.sale).await?.exceptions;
    let told: Vec<_> = exceptions.iter().map(|one| (one.entry, one.action.as_str(), one.class)).collect();
    assert_eq!(told, [(3, "insert", 10), (4, "insert", 0)]);

    // Whoever has or had a place gets no other.
    assert_eq!(insert(&world, "lee@example.org", 1, true).await?.1, Inserted::HasPlace(front));
    assert_eq!(world.join_as(&[ask(fans[0], 1)]).await?[0].id, back, "a join finds the place");
    world.store.leave(world.event, world.sale, fans[0]).await?;
    assert_eq!(insert(&world, "kim@example.org", 1, true).await?.1, Inserted::HasPlace(back));
    assert_eq!(insert(&world, "nobody@example.org", 1, true).await?.1, Inserted::NoAccount);

    let line = world.pace_ask(world.pacing().await?, &[].into()).await?;
    let line = store::pace::PaceAsk { candidates: vec![4, 1, 2], ..line };
    assert_eq!(world.store.pace(&line).await?.admitted, [4, 1, 2]);
    assert_eq!(places.len(), 2);
    world.sound().await
}

#[tokio::test]
async fn nobody_is_inserted_where_nobody_can_be() -> Result {
    let world = World::new(Recipe::default()).await?;
    assert!(world.store.create_account(id(), "kim@example.org", "").await?);
    let told = async || -> Result<Inserted> { Ok(insert(&world, "kim@example.org", 5, true).await?.1) };
    world.sql("update sale set party_max = 4").await?;
    assert_eq!(told().await?, Inserted::PartyTooLarge(4));
    world.sql("update sale set party_max = 8, lobby_opens_at = opens_at - interval '1 s', opens_at = now() + interval '1 h'").await?;
    world.sql("update sale set lobby_opens_at = now() + interval '1 min'").await?;
    assert_eq!(told().await?, Inserted::TooEarly);
    world.sql("update sale set lobby_opens_at = null, opens_at = now() - interval '2 h', closes_at = now() - interval '1 h'").await?;
    assert_eq!(told().await?, Inserted::Over);
    assert_eq!(world.number("select count(*) from place").await?, 0);
    assert_eq!(world.number("select count(*) from audit where action like 'place.%'").await?, 0);
    world.sql("update sale set closes_at = now() + interval '1 h'").await?;
    assert_eq!(told().await?, Inserted::Done(1), "the same once it can be");
    Ok(())
}
