//! The choice of seats as it is kept and told: the rule for kept seats, and what the report says of it.

use domain::seats::{Release, Rung};
use store::events::{EventDraft, EventEdit};
use store::halls::{Imported, Loss};
use store::joins::{Accepts, JoinAsk, JoinBatch, PlaceRow};
use store::report::Found;
use store::{Guards, StoreError};
use uuid::Uuid;

use crate::world::{Recipe, Result, World, ask, id, seats as recipe_seats};

async fn release_by(world: &World, accessible_release: Release) -> Result {
    let event = world.store.event(world.event).await?.expect("an event");
    let draft = EventDraft { accessible_release: Some(accessible_release), ..event.draft };
    let edited = world.store.edit_event(world.event, event.version, &draft, world.account).await?;
    anyhow::ensure!(edited == EventEdit::Done);
    let event = world.store.event(world.event).await?.expect("an event");
    anyhow::ensure!(event.draft.accessible_release == Some(accessible_release));
    Ok(())
}

/// Somebody is let in, and before seats are held the promoter changes when kept seats are released.
async fn a_hold_meets_another_rule(world: &World) -> Result {
    world.join(&[1]).await?;
    let admitted = world.tick(world.pacing().await?).await?.admitted;
    let lease = world.seating().await?;
    release_by(world, Release::Never).await?;
    let offered = world.store.offer(&lease, &[world.offer(admitted[0], &[0])], &[]).await;
    anyhow::ensure!(matches!(offered, Err(StoreError::Moved(_))), "held by the rule before: {offered:?}");
    // Another edit does not disturb the seating.
    let lease = world.seating().await?;
    release_by(world, Release::Never).await?;
    anyhow::ensure!(world.store.offer(&lease, &[world.offer(admitted[0], &[0])], &[]).await?.held.len() == 1);
    world.sound().await
}

#[tokio::test]
async fn nobody_is_seated_by_the_rule_before() -> Result {
    a_hold_meets_another_rule(&World::new(Recipe::default()).await?).await
}

#[tokio::test]
async fn nobody_is_seated_by_the_rule_before_without_map_term() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.store = world.store.clone().without(Guards { map_term: false, ..Guards::ALL });
    let failed = a_hold_meets_another_rule(&world).await.expect_err("the rule was to come too late");
    assert!(failed.to_string().contains("the rule before"), "{failed}");
    Ok(())
}

#[tokio::test]
async fn the_hall_has_the_event_s_rule_and_previews_count_by_it() -> Result {
    // Two rows with a wheelchair place each, and no standing area beside.
    let world = World::new(Recipe { standing: 1, ..Recipe::default() }).await?;
    world.join(&[5, 5]).await?;
    world.tick(world.pacing().await?).await?;
    world.seat(&world.seating().await?).await?;
    let left = async || {
        let seen = world.store.situation(world.sale, 9).await?.expect("published");
        anyhow::Ok((seen.free, seen.accessible))
    };
    assert_eq!(left().await?, (1, 2));
    world.sql("update booking set state = 'paid'").await?;
    // The section's other seats are sold, the house's are not.
    for (release, expected) in
        [(Release::House, (1, 2)), (Release::Section, (3, 0)), (Release::Tier, (3, 0)), (Release::Never, (1, 0))]
    {
        release_by(&world, release).await?;
        assert_eq!(left().await?, expected, "{release:?}");
    }
    let kept: Vec<u32> = world.store.stock(world.event).await?.tiers.iter().map(|tier| tier.kept).collect();
    assert_eq!(kept, [2, 0]);
    Ok(())
}

/// One row of six that never releases its last seat, a wheelchair place, nor the one before, if that is a companion's.
async fn one_row_that_releases_nothing(companion: bool) -> Result<World> {
    let recipe = Recipe { rows: 1, standing: 0, ..Recipe::default() };
    let world = World::new(recipe).await?;
    let (tiers, mut units) = recipe_seats(&recipe);
    units[4].companion = companion;
    let imported = world.store.import_map(world.event, &serde_json::json!({}), &tiers, &units).await?;
    anyhow::ensure!(imported == Imported::Done, "{imported:?}");
    release_by(&world, Release::Never).await?;
    let hall = world.store.hall(world.event).await?;
    Ok(World { hall, ..world })
}

async fn join_needing_one(world: &World) -> Result<PlaceRow> {
    let accepts = Accepts { accessible: true, ..Accepts::default() };
    Ok(world.join_as(&[JoinAsk { accepts, ..ask(id(), 1) }]).await?.remove(0))
}

/// Lets in whoever is next, and seats them: who was let in, who has seats, and who was told that nothing is left.
async fn next(world: &World) -> Result<(Vec<i64>, Vec<Uuid>, Vec<i64>)> {
    let admitted = world.tick(world.pacing().await?).await?.admitted;
    let done = world.seat(&world.seating().await?).await?;
    let bookings = done.held.into_iter().map(|hold| hold.booking).collect();
    Ok((admitted, bookings, done.unserved.into_iter().map(|(_, entry)| entry).collect()))
}

#[tokio::test]
async fn a_place_that_is_never_released_is_waited_for_by_none_but_who_needs_it() -> Result {
    let world = one_row_that_releases_nothing(false).await?;
    world.join(&[5]).await?;
    for booking in next(&world).await?.1 {
        world.pay(booking).await?;
    }
    // All is paid but the wheelchair place: the sale goes on, and the line of those who do not need it ends at the pace.
    world.join(&[1, 2]).await?;
    join_needing_one(&world).await?;
    assert_eq!(next(&world).await?, (vec![2], vec![], vec![2]));
    assert_eq!(next(&world).await?, (vec![3], vec![], vec![3]));
    let (admitted, bookings, unserved) = next(&world).await?;
    assert_eq!((admitted, bookings.len(), unserved), (vec![4], 1, vec![]));
    // Held, it may come back.
    assert!(!world.tick(world.pacing().await?).await?.sold_out);
    world.pay(bookings[0]).await?;
    world.join(&[1]).await?;
    assert!(world.tick(world.pacing().await?).await?.sold_out);
    let refused = world.store.join_batch(world.sale, &[ask(id(), 1)]).await?;
    assert_eq!(refused, JoinBatch::SoldOut);
    world.sound().await
}

#[tokio::test]
async fn a_companion_s_seat_that_nobody_can_be_given_leaves_the_sale_sold_out() -> Result {
    let world = one_row_that_releases_nothing(true).await?;
    world.join(&[4]).await?;
    join_needing_one(&world).await?;
    let (_, bookings, _) = next(&world).await?;
    assert_eq!(bookings.len(), 2);
    world.pay(bookings[0]).await?;
    let tick = async || world.tick(world.pacing().await?).await;
    assert!(!tick().await?.sold_out);
    world.pay(bookings[1]).await?;
    world.join_as(&[]).await?;
    for _ in 0..2 {
        let done = tick().await?;
        assert_eq!((done.sold_out, done.free_seats), (true, 0));
    }
    // By another rule it is somebody's; and by this one again once the wheelchair place is given back.
    release_by(&world, Release::House).await?;
    let done = tick().await?;
    assert_eq!((done.sold_out, done.free_seats), (false, 1));
    release_by(&world, Release::Never).await?;
    assert!(tick().await?.sold_out);
    assert!(world.store.refund_booking(bookings[1], id(), world.account, "a mistake").await?);
    let done = tick().await?;
    assert_eq!((done.sold_out, done.free_seats), (false, 2));
    world.sound().await
}

#[tokio::test]
async fn a_change_of_the_rule_is_in_the_log_and_one_that_is_not_named_stays() -> Result {
    let world = World::new(Recipe::default()).await?;
    release_by(&world, Release::Never).await?;
    let event = world.store.event(world.event).await?.expect("an event");
    let renamed = EventDraft { name: "Another night".to_owned(), accessible_release: None, ..event.draft };
    let lease = world.seating().await?;
    let edit = async || world.store.edit_event(world.event, event.version, &renamed, world.account).await;
    assert_eq!(edit().await?, EventEdit::Done);
    assert!(matches!(edit().await?, EventEdit::Moved { .. }));
    let fresh = world.store.event(world.event).await?.expect("an event").draft;
    assert_eq!((fresh.name.as_str(), fresh.accessible_release), ("Another night", Some(Release::Never)));
    // Nobody's turn of office ended by that.
    world.join(&[1]).await?;
    world.tick(world.pacing().await?).await?;
    assert_eq!(world.seat(&lease).await?.held.len(), 1);
    let audit = world.store.audit_of(world.sale, 10).await?;
    let told = |nth: usize, field: &str| {
        let row = &audit[nth];
        assert_eq!((row.action.as_str(), row.account), ("event.edit", world.account));
        (row.change["from"][field].clone(), row.change["to"][field].clone())
    };
    assert_eq!(told(0, "name"), ("A night".into(), "Another night".into()));
    assert_eq!(told(0, "accessible_release"), ("never".into(), "never".into()));
    assert_eq!(told(1, "accessible_release"), ("house".into(), "never".into()));
    assert_eq!(audit[2].action, "sale.publish");
    Ok(())
}

#[tokio::test]
async fn the_report_tells_how_parties_were_seated() -> Result {
    let world = World::new(Recipe::default()).await?;
    let seated = |party| JoinAsk { tiers: 0b01, ..ask(id(), party) };
    world.join_as(&[seated(5), seated(2)]).await?;
    world.tick(world.pacing().await?).await?;
    world.seat(&world.seating().await?).await?;
    let seating = world.store.fairness(world.sale).await?.seating;
    let found = |rung, new_singles, quality| Found { rung, parties: 1, split: 0, groups: 1, new_singles, quality };
    // Five of a row leave its wheelchair place alone, wherever they sit.
    assert_eq!(seating.found, [found(Rung::TogetherNoSingle, 0, 6 + 7), found(Rung::Together, 1, 10)]);
    assert_eq!((seating.capacity, seating.free, seating.lone), (20, 13, 1));
    Ok(())
}

#[tokio::test]
async fn a_seat_that_was_held_does_not_become_a_companion_s() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.join(&[1]).await?;
    let admitted = world.tick(world.pacing().await?).await?.admitted;
    world.hold(&world.seating().await?, admitted[0], &[3]).await?;
    let (tiers, mut units) = recipe_seats(&Recipe::default());
    let map = serde_json::json!({});
    units[4].companion = true;
    assert_eq!(world.store.import_map(world.event, &map, &tiers, &units).await?, Imported::Done);
    units[3].companion = true;
    let refused = world.store.import_map(world.event, &map, &tiers, &units).await?;
    let Imported::Strands { count: 1, first } = refused else { anyhow::bail!("{refused:?}") };
    assert_eq!(first[0].loss, Loss::Accessible);
    let hall = world.store.hall(world.event).await?;
    assert_eq!((0..12).filter(|seat| hall.reserves(*seat)).collect::<Vec<_>>(), [4, 5, 11]);
    Ok(())
}
