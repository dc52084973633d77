//! A limit of tickets per person over all sales of an event: judged at the join, at the hold and at the till.

use store::entry::EntryRefusal;
use store::events::{EventDraft, EventEdit, SalePublished};
use store::joins::{JoinAsk, JoinBatch, PlaceRow};
use store::payments::{Begun, Verdict};
use store::{Guards, Store};
use uuid::Uuid;

use crate::world::{Recipe, Result, World, ask, id};

/// One person may have so many tickets of the world's event, in which two sales run at the same time. Answers the other sale.
async fn limited(most: Option<u16>) -> Result<(World, Uuid)> {
    let world = World::before_publication(Recipe::default()).await?;
    limit(&world, most).await?;
    let row = world.store.sale(world.sale).await?.expect("the sale");
    let other = id();
    world.store.create_sale(other, world.event, &row.draft).await?;
    world.sql("update sale set allotment = 10").await?;
    for sale in [world.sale, other] {
        anyhow::ensure!(world.store.publish_sale(sale, world.account).await? == SalePublished::Done);
    }
    Ok((world, other))
}

async fn limit(world: &World, most: Option<u16>) -> Result {
    let event = world.store.event(world.event).await?.expect("the event");
    let draft = EventDraft { tickets_per_person: most, ..event.draft };
    anyhow::ensure!(
        world.store.edit_event(world.event, event.version, &draft, world.account).await? == EventEdit::Done
    );
    Ok(())
}

/// What comes of one fan's join in a sale.
async fn join(store: &Store, sale: Uuid, ask: JoinAsk) -> Result<std::result::Result<PlaceRow, EntryRefusal>> {
    let done = store.join_entitled(sale, &[ask], &[None], &|_| [0; 32]).await?;
    let JoinBatch::Placed(mut placed, _) = done.batch else { anyhow::bail!("{:?}", done.batch) };
    Ok(match done.refused[0] {
        Some(refusal) => Err(refusal),
        None => Ok(placed.pop().expect("a place").0),
    })
}

/// Lets everybody of both sales in.
async fn let_in(world: &mut World, other: Uuid) -> Result {
    for sale in [other, world.sale] {
        let own = std::mem::replace(&mut world.sale, sale);
        world.tick(world.pacing().await?).await?;
        world.sale = own;
    }
    Ok(())
}

/// A fan stands in both sales with parties of four, and may have six.
async fn a_person_stands_twice(world: &mut World, other: Uuid) -> Result<Vec<usize>> {
    let seating = world.seating().await?;
    let fan = id();
    let first = join(&world.store, world.sale, ask(fan, 4)).await?.expect("a place");
    let second = join(&world.store, other, ask(fan, 4)).await?.expect("a place");
    let_in(world, other).await?;
    // Whoever chose did not know of the other.
    let offers = [
        world.offer(first.entry, &[0, 1, 2, 3]),
        store::holds::Offer { sale: other, ..world.offer(second.entry, &[6, 7, 8, 9]) },
    ];
    let held = world.store.offer(&seating, &offers, &[]).await?.held;
    Ok(held.iter().map(|hold| hold.seats.len()).collect())
}

#[tokio::test]
async fn nobody_holds_more_than_one_person_may_have() -> Result {
    let (mut world, other) = limited(Some(6)).await?;
    assert_eq!(a_person_stands_twice(&mut world, other).await?, [4]);
    // The second is asked whether it takes the two that are left to it.
    let standing = world.store.standing_places(world.event).await?;
    assert_eq!(standing.iter().map(|place| (place.sale, place.most)).collect::<Vec<_>>(), [(other, Some(2))]);
    world.sound().await
}

#[tokio::test]
async fn nobody_holds_more_than_one_person_may_have_without_person_check() -> Result {
    let (mut world, other) = limited(Some(6)).await?;
    world.store = world.store.clone().without(Guards { person_check: false, ..Guards::ALL });
    assert_eq!(a_person_stands_twice(&mut world, other).await?, [4, 4]);
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "tickets-per-person-kept"), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn who_has_all_they_may_have_joins_no_other_line() -> Result {
    let (world, other) = limited(Some(6)).await?;
    let seating = world.seating().await?;
    let fan = id();
    let first = join(&world.store, world.sale, ask(fan, 5)).await?.expect("a place");
    world.tick(world.pacing().await?).await?;
    let booking = world.hold(&seating, first.entry, &[0, 1, 2, 3, 4]).await?.booking;
    let too_many = |left| Err(EntryRefusal::TooMany { left, most: 6 });
    assert_eq!(join(&world.store, other, ask(fan, 2)).await?, too_many(1));
    assert!(join(&world.store, other, ask(fan, 1)).await?.is_ok());
    assert!(join(&world.store, other, ask(id(), 6)).await?.is_ok(), "others are others");
    world.pay(booking).await?;
    assert_eq!(join(&world.store, world.sale, ask(fan, 2)).await?, too_many(1));
    // A lower limit takes nothing away, and a refund gives room again.
    limit(&world, Some(3)).await?;
    assert_eq!(join(&world.store, world.sale, ask(fan, 1)).await?, Err(EntryRefusal::TooMany { left: 0, most: 3 }));
    world.sound().await?;
    limit(&world, None).await?;
    assert!(join(&world.store, world.sale, ask(fan, 8)).await?.is_ok());
    world.sound().await
}

#[tokio::test]
async fn one_address_buys_no_more_than_one_person_may_have() -> Result {
    let (world, _) = limited(Some(3)).await?;
    let seating = world.seating().await?;
    let (one, another) = (id(), id());
    let mut bookings = Vec::new();
    for (fan, seats) in [(one, [0, 1]), (another, [6, 7])] {
        let place = join(&world.store, world.sale, ask(fan, 2)).await?.expect("a place");
        world.tick(world.pacing().await?).await?;
        bookings.push(world.hold(&seating, place.entry, &seats).await?.booking);
    }
    let begin = |booking, fan, email| world.store.begin_payment(booking, fan, Some(email), id());
    let both = tokio::join!(begin(bookings[0], one, "Fan@example.org"), begin(bookings[1], another, "fan@example.org"));
    let both = [both.0?, both.1?];
    assert_eq!(both.iter().filter(|begun| **begun == Begun::TooMany { most: 3 }).count(), 1, "{both:?}");
    let refused = both.iter().position(|begun| *begun == Begun::TooMany { most: 3 }).expect("one");
    let begun = begin(bookings[refused], [one, another][refused], "other@example.org").await?;
    assert!(matches!(begun, Begun::Attempt(_)), "{begun:?}");
    world.sound().await
}

/// A hold of four lapses with its payment under way, its fan gets four in the other sale, and then the payment succeeds after all.
async fn a_late_payment_of_who_has_others(world: &World, other: Uuid) -> Result<Verdict> {
    let seating = world.seating().await?;
    let fan = id();
    let first = join(&world.store, world.sale, ask(fan, 4)).await?.expect("a place");
    world.tick(world.pacing().await?).await?;
    let booking = world.hold(&seating, first.entry, &[0, 1, 2, 3]).await?.booking;
    let late = world.begin(booking).await?;
    world.store.payment_cancelled(late.id, false).await?;
    world.sql("update booking set deadline = clock_timestamp()").await?;
    world.until_state(booking, "lapsed").await;
    let second = join(&world.store, other, ask(fan, 4)).await?.expect("a place");
    world
        .sql(format!("update place set state = 'standing', admitted_at = clock_timestamp() where id = '{}'", second.id))
        .await?;
    let offer = store::holds::Offer { sale: other, ..world.offer(second.entry, &[6, 7, 8, 9]) };
    anyhow::ensure!(world.store.offer(&seating, &[offer], &[]).await?.held.len() == 1);
    Ok(world.store.payment_authorised(late.id).await?)
}

#[tokio::test]
async fn a_late_payment_gives_nobody_more_than_one_person_may_have() -> Result {
    let (world, other) = limited(Some(6)).await?;
    assert_eq!(a_late_payment_of_who_has_others(&world, other).await?, Verdict::Void);
    Ok(())
}

#[tokio::test]
async fn a_late_payment_gives_nobody_more_than_one_person_may_have_without_person_check() -> Result {
    let (mut world, other) = limited(Some(6)).await?;
    world.store = world.store.clone().without(Guards { person_check: false, ..Guards::ALL });
    assert_eq!(a_late_payment_of_who_has_others(&world, other).await?, Verdict::Capture);
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "tickets-per-person-kept"), "{found:?}");
    Ok(())
}
