//! Who was let in and has no seats yet: what is kept for them and for how long, what they are asked, and how they answer.

use std::time::Duration;

use store::Guards;
use store::feed::{Change, Question};
use store::follow::Follower;
use store::joins::{Accepts, JoinAsk, PlaceRow};
use store::leases::Lease;
use store::mending::{Mend, Mended};
use store::wishes::{NewWishes, Rewished};
use testkit::eventually;
use uuid::Uuid;

use crate::world::{Recipe, Result, World};

const TOGETHER: Accepts = Accepts { other_tiers: false, apart: false, fewer: false, accessible: false };

/// A hall of two rows of six, and nothing else.
async fn world(recipe: Recipe) -> Result<World> {
    World::new(Recipe { standing: 0, ..recipe }).await
}

fn join_together(party: u8) -> JoinAsk {
    JoinAsk { accepts: TOGETHER, ..crate::world::ask(crate::world::id(), party) }
}

/// Lets in parties who sit together or not at all.
async fn let_in(world: &World, parties: &[u8]) -> Result<Vec<PlaceRow>> {
    let asks = parties.iter().map(|party| join_together(*party));
    let places = world.join_as(&asks.collect::<Vec<_>>()).await?;
    world.tick(world.pacing().await?).await?;
    Ok(places)
}

/// What a follower that begins now knows of the sale, and that one which went along knows the same.
async fn told(world: &World, follower: &mut Follower, entry: i64) -> Result<(Option<i64>, Option<Question>)> {
    while !follower.next(Duration::from_millis(50)).await?.is_empty() {}
    let fresh = Follower::start(&world.another_store().await?, world.event).await?;
    let told = [&*follower, &fresh].map(|follower| {
        let told = follower.mirror().sales[&world.sale].told.get(&entry).cloned().unwrap_or_default();
        (told.gathers_until_ms, told.question)
    });
    assert_eq!(told[0], told[1], "what was told and what is stored");
    Ok(told[0].clone())
}

/// A world in which these were let in and seated, and the first of them, whom nothing fits, is asked what else it would take.
async fn asked(parties: &[u8]) -> Result<(World, Lease, Follower, Vec<PlaceRow>)> {
    let world = world(Recipe { answer_ms: 60_000, ..Recipe::default() }).await?;
    let seating = world.seating().await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    let places = let_in(&world, parties).await?;
    world.seat(&seating).await?;
    anyhow::ensure!(told(&world, &mut follower, 1).await?.1.is_some(), "nobody is asked");
    Ok((world, seating, follower, places))
}

#[tokio::test]
async fn a_party_gathers_once_and_then_the_seats_go_past() -> Result {
    let world = world(Recipe { gather_ms: 400, ..Recipe::default() }).await?;
    let seating = world.seating().await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    // All but the first two of the front row is held, and the next party is three.
    let_in(&world, &[3, 4, 3]).await?;
    for (entry, seats) in [(1, &[2, 3, 4][..]), (2, &[6, 7, 8, 9]), (3, &[5, 10, 11])] {
        world.hold(&seating, entry, seats).await?;
    }
    let_in(&world, &[3]).await?;
    let done = world.seat(&seating).await?;
    assert_eq!((done.held.len(), done.unserved.len()), (0, 0));
    let (until_ms, question) = told(&world, &mut follower, 4).await?;
    assert!(until_ms.is_some() && question.is_none());
    // Nobody is let in for seats that are kept.
    world.join(&[2]).await?;
    assert!(world.tick(world.pacing().await?).await?.admitted.is_empty());
    eventually(Duration::from_secs(5), async || {
        let pacing = world.pacing().await.unwrap();
        world.tick(pacing).await.unwrap().admitted == [5]
    })
    .await;
    // It goes past the party that stands, which is not kept anything for again.
    let done = world.seat(&seating).await?;
    assert_eq!(done.held.iter().map(|hold| (hold.entry, hold.seats.clone())).collect::<Vec<_>>(), [(5, vec![0, 1])]);
    assert_eq!(told(&world, &mut follower, 4).await?.0, until_ms);
    // And comes first once all that it needs is free.
    world.store.give_back(done.held[0].booking).await?;
    let first = sqlx::query_scalar("select id from booking where entry = 1").fetch_one(&world.db.pool).await?;
    world.store.give_back(first).await?;
    let done = world.seat(&seating).await?;
    assert_eq!(done.held.iter().map(|hold| hold.entry).collect::<Vec<_>>(), [4]);
    assert_eq!(told(&world, &mut follower, 4).await?, (None, None));
    world.sound().await
}

#[tokio::test]
async fn whom_nothing_fits_is_asked_and_gets_what_is_kept() -> Result {
    let (world, seating, mut follower, places) = asked(&[8, 1]).await?;
    // No row has eight; they are asked whether they would sit apart, and who is behind gets another seat.
    let held = world.number("select entry from booking").await?;
    assert_eq!(held, 2);
    let question = told(&world, &mut follower, 1).await?.1.expect("a question");
    assert_eq!((question.seats, question.apart, &question.tiers[..]), (8, true, &["seated".to_owned()][..]));
    // Asked again it is not, and who agrees gets them.
    assert_eq!(world.store.tell_standing(&seating, &[], &world.choose().await?.asks).await?, Vec::<Change>::new());
    let agreed = NewWishes { party: 8, tiers: 0, accepts: Accepts { apart: true, ..TOGETHER } };
    assert_eq!(world.store.change_wishes(places[0].id, places[0].fan, agreed).await?, Rewished::Done);
    let done = world.seat(&seating).await?;
    assert_eq!(done.held.iter().map(|hold| (hold.entry, hold.seats.len())).collect::<Vec<_>>(), [(1, 8)]);
    assert_eq!(world.store.change_wishes(places[0].id, places[0].fan, agreed).await?, Rewished::TooLate);
    assert_eq!(told(&world, &mut follower, 1).await?, (None, None));
    world.sound().await
}

#[tokio::test]
async fn a_change_of_wishes_closes_the_question() -> Result {
    let (world, seating, mut follower, places) = asked(&[8]).await?;
    // Seven side by side are no more to be had than eight were; who was asked once is not asked again.
    let seven = NewWishes { party: 7, tiers: 0, accepts: TOGETHER };
    assert_eq!(world.store.change_wishes(places[0].id, places[0].fan, seven).await?, Rewished::Done);
    assert_eq!(told(&world, &mut follower, 1).await?.1, None);
    world.sound().await?;
    assert_eq!(world.seat(&seating).await?.unserved, [(world.sale, 1)]);
    world.sound().await
}

#[tokio::test]
async fn who_was_put_back_is_asked_again() -> Result {
    let (world, seating, mut follower, places) = asked(&[8]).await?;
    world.store.leave(world.event, world.sale, places[0].fan).await?;
    assert_eq!(told(&world, &mut follower, 1).await?.1, None);
    let mend = Mend { sale: world.sale, place: places[0].id, account: world.account, reason: "a slip" };
    assert_eq!(world.store.put_back(&mend, false).await?, Mended::Done);
    world.tick(world.pacing().await?).await?;
    world.seat(&seating).await?;
    assert!(told(&world, &mut follower, 1).await?.1.is_some());
    // Also where one lane is heard long before the other.
    world.sound().await
}

/// Whom everybody asked refuses: how many were let in and how many of them are asked, after so many rounds of refusals.
async fn waves(world: &World, rounds: usize) -> Result<Vec<(usize, usize)>> {
    let seating = world.seating().await?;
    // All but one seat of the two rows is held, and everybody else is two who sit together.
    let_in(world, &[6, 5]).await?;
    for (entry, seats) in [(1, &[0, 1, 2, 3, 4, 5][..]), (2, &[6, 7, 8, 9, 10])] {
        let hold = world.hold(&seating, entry, seats).await?;
        world.pay(hold.booking).await?;
    }
    let line = std::iter::repeat_with(|| join_together(2)).take(40);
    world.join_as(&line.collect::<Vec<_>>()).await?;
    let mut seen = Vec::new();
    for _ in 0..rounds {
        // One goes in at a tick, and is asked before the next.
        while !world.tick(world.pacing().await?).await?.admitted.is_empty() {
            world.seat(&seating).await?;
        }
        let standing = world.store.standing_places(world.event).await?;
        seen.push((standing.len(), standing.iter().filter(|place| place.asked_until_ms.is_some()).count()));
        for place in standing {
            let fan = sqlx::query_scalar("select fan from place where sale = $1 and entry = $2")
                .bind(place.sale)
                .bind(place.entry)
                .fetch_one(&world.db.pool)
                .await?;
            world.store.leave(world.event, world.sale, fan).await?;
        }
    }
    Ok(seen)
}

#[tokio::test]
async fn while_all_refuse_the_last_seat_twice_as_many_are_asked_each_time() -> Result {
    let world = world(Recipe { answer_ms: 60_000, ..Recipe::default() }).await?;
    assert_eq!(waves(&world, 5).await?, [(1, 1), (2, 2), (4, 4), (8, 8), (16, 16)]);
    world.sound().await
}

#[tokio::test]
async fn who_agrees_waits_until_those_before_have_said_no() -> Result {
    let world = world(Recipe { answer_ms: 60_000, ..Recipe::default() }).await?;
    waves(&world, 2).await?;
    let seating = world.seating().await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    while !world.tick(world.pacing().await?).await?.admitted.is_empty() {
        world.seat(&seating).await?;
    }
    let mut asked = world.store.standing_places(world.event).await?;
    asked.sort_by_key(|place| place.entry);
    let [first, second, ..] = &asked[..] else { panic!("{asked:?}") };
    for place in [first, second] {
        assert_eq!(told(&world, &mut follower, place.entry).await?.1.expect("a question").seats, 1);
    }
    let of = async |entry: i64| -> Result<(Uuid, Uuid)> {
        let row = sqlx::query_as("select id, fan from place where sale = $1 and entry = $2");
        Ok(row.bind(world.sale).bind(entry).fetch_one(&world.db.pool).await?)
    };
    let ((id, fan), (_, before)) = (of(second.entry).await?, of(first.entry).await?);
    let agreed = NewWishes { party: 1, tiers: 0, accepts: TOGETHER };
    assert_eq!(world.store.change_wishes(id, fan, agreed).await?, Rewished::Done);
    assert!(world.seat(&seating).await?.held.is_empty(), "the first may take it yet");
    // Nor when the holder's clock, not Postgres's, says that the first's time is over.
    let early = world.choose_at(first.asked_until_ms.expect("asked") + 1).await?;
    assert_eq!((early.offers.len(), early.unserved.len()), (0, 1));
    let done = world.store.offer(&seating, &early.offers, &early.unserved).await?;
    assert_eq!((done.held.len(), done.unserved.len()), (0, 0));
    world.store.leave(world.event, world.sale, before).await?;
    let held = world.seat(&seating).await?.held;
    assert_eq!(
        held.iter().map(|hold| (hold.entry, hold.seats.clone())).collect::<Vec<_>>(),
        [(second.entry, vec![11])]
    );
    world.sound().await
}

/// A holder's clock is ahead: it takes the time to answer for over.
async fn a_question_stays_open(world: &World) -> Result {
    let seating = world.seating().await?;
    let_in(world, &[8]).await?;
    world.seat(&seating).await?;
    let late = store::holds::Unserved { unanswered: true, ..world.unserved(1) };
    let ended = world.store.offer(&seating, &[], &[late]).await?.unserved;
    anyhow::ensure!(ended.is_empty(), "{ended:?} ended before the time to answer was over");
    Ok(())
}

#[tokio::test]
async fn a_question_is_open_until_its_time() -> Result {
    let world = world(Recipe { answer_ms: 1_000, ..Recipe::default() }).await?;
    a_question_stays_open(&world).await?;
    // Then it ends, without another word.
    let seating = world.seating().await?;
    eventually(Duration::from_secs(5), async || !world.seat(&seating).await.unwrap().unserved.is_empty()).await;
    world.sound().await
}

#[tokio::test]
async fn a_question_is_open_until_its_time_without_answer_time() -> Result {
    let mut world = world(Recipe { answer_ms: 60_000, ..Recipe::default() }).await?;
    world.store = world.store.without(Guards { answer_time: false, ..Guards::ALL });
    let failed = a_question_stays_open(&world).await.expect_err("the question was to end early");
    assert!(failed.to_string().contains("before the time to answer was over"), "{failed}");
    Ok(())
}

/// Seats were chosen by what the party wanted a moment ago.
async fn nobody_is_seated_by_old_wishes(world: &World) -> Result {
    let seating = world.seating().await?;
    let places = let_in(world, &[3]).await?;
    let chosen = world.choose().await?;
    let two = NewWishes { party: 2, tiers: 0, accepts: TOGETHER };
    anyhow::ensure!(world.store.change_wishes(places[0].id, places[0].fan, two).await? == Rewished::Done);
    let held = world.store.offer(&seating, &chosen.offers, &[]).await?.held;
    anyhow::ensure!(held.is_empty(), "two are offered {} seats", held[0].seats.len());
    let held = world.seat(&seating).await?.held;
    anyhow::ensure!(held.len() == 1 && held[0].seats.len() == 2, "{held:?}");
    // Who is sent away is so by the wishes known, too.
    let places = let_in(world, &[8]).await?;
    let changed = world.store.change_wishes(places[0].id, places[0].fan, two).await?;
    let ended = world.store.offer(&seating, &[], &[world.unserved(places[0].entry)]).await?.unserved;
    anyhow::ensure!(changed == Rewished::Done && ended.is_empty(), "{ended:?}");
    world.sound().await
}

#[tokio::test]
async fn a_changed_wish_is_seen_or_comes_too_late() -> Result {
    nobody_is_seated_by_old_wishes(&world(Recipe::default()).await?).await
}

#[tokio::test]
async fn a_changed_wish_is_seen_or_comes_too_late_without_wish_check() -> Result {
    let mut world = world(Recipe::default()).await?;
    world.store = world.store.without(Guards { wish_check: false, ..Guards::ALL });
    let failed = nobody_is_seated_by_old_wishes(&world).await.expect_err("an old wish was to be served");
    assert!(failed.to_string().contains("two are offered 3 seats"), "{failed}");
    Ok(())
}
