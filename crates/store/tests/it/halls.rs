//! Seat maps: replaced until a sale is published, then edited, and nobody's place ever becomes another.

use std::pin::pin;
use std::time::Duration;

use store::events::SalePublished;
use store::halls::{Imported, Loss, TierRow, UnitRow, Whose};
use store::joins::JoinAsk;
use store::{Guards, StoreError};
use testkit::eventually;

use crate::world::{Recipe, Result, World, ask, id, seats as recipe_seats};

const SOON: Duration = Duration::from_secs(10);

/// Waits until a statement that begins like this waits for a lock.
async fn stuck(world: &World, statement: &str) {
    let query = "select exists (select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and starts_with(query, $1))";
    eventually(SOON, async || {
        sqlx::query_scalar(query).bind(statement).fetch_one(&world.db.pool).await.is_ok_and(|stuck: bool| stuck)
    })
    .await;
}

/// Imports a floor of so many places.
async fn import(world: &World, capacity: u32) -> Result<Imported> {
    let tier = TierRow { code: "floor".into(), name: "Floor".into(), price_minor: 100, fee_minor: 0, capacity };
    let unit = |n: u32| UnitRow {
        tier: 0,
        stretch: 0,
        section: 0,
        row: 0,
        standing: true,
        accessible: false,
        companion: false,
        quality: None,
        label: format!("floor {n}"),
    };
    let units: Vec<UnitRow> = (0..capacity).map(unit).collect();
    Ok(world.store.import_map(world.event, &serde_json::json!({}), &[tier], &units).await?)
}

/// Seats of the map in force.
async fn seats(world: &World) -> Result<i64> {
    world.number("select count(*) from seat").await
}

/// A fan joins, is let in and is held the map's last seat.
async fn hold_the_last(world: &World) -> Result {
    world.join(&[1]).await?;
    let admitted = world.tick(world.pacing().await?).await?.admitted;
    let last = u32::try_from(seats(world).await?)? - 1;
    world.hold(&world.seating().await?, admitted[0], &[last]).await?;
    Ok(())
}

#[tokio::test]
async fn a_map_is_replaced_until_a_sale_is_published() -> Result {
    let world = World::before_publication(Recipe::default()).await?;
    for capacity in [3, 5] {
        assert_eq!(import(&world, capacity).await?, Imported::Done);
        assert_eq!(seats(&world).await?, i64::from(capacity));
    }
    assert_eq!(world.store.publish_sale(world.sale, world.account).await?, SalePublished::Done);
    let refused = Imported::OtherPlaces { before: 5, after: 7 };
    assert_eq!(import(&world, 7).await?, refused);
    // Nobody holds anything, then somebody does, then it has ended: all the same.
    hold_the_last(&world).await?;
    assert_eq!(import(&world, 7).await?, refused);
    assert_eq!(seats(&world).await?, 5);
    world.sound().await?;
    world.sql("update sale set closes_at = clock_timestamp()").await?;
    assert_eq!(import(&world, 7).await?, refused);
    Ok(())
}

/// The sale is published, and its first seat held if that goes, while an import is at work that found no sale published.
async fn held_seats_are_in_the_map(world: &World) -> Result {
    // Lets seats be read and not replaced: the import stops right behind its judgement.
    let mut wall = world.db.pool.begin().await?;
    sqlx::query("lock table seat in share mode").execute(&mut *wall).await?;
    let meanwhile = async {
        stuck(world, "delete from seat").await;
        let mut publish = pin!(world.store.publish_sale(world.sale, world.account));
        let overtook = tokio::select! {
            done = &mut publish => Some(done?),
            () = stuck(world, "select s.event, s.published") => None,
        };
        if overtook.is_some() {
            hold_the_last(world).await?;
        }
        wall.rollback().await?;
        let published = match overtook {
            Some(published) => published,
            None => publish.await?,
        };
        anyhow::Ok(published)
    };
    let (imported, published) = tokio::join!(import(world, 2), meanwhile);
    assert_eq!((imported?, published?), (Imported::Done, SalePublished::Done));
    let nowhere = world
        .number("select count(*) from hold_seat h where not exists (select from seat s where s.event = h.event and s.seat = h.seat)")
        .await?;
    anyhow::ensure!(nowhere == 0, "{nowhere} held seats are not in the map");
    hold_the_last(world).await?;
    world.sound().await
}

#[tokio::test]
async fn no_map_is_replaced_under_a_hold() -> Result {
    held_seats_are_in_the_map(&World::before_publication(Recipe::default()).await?).await
}

#[tokio::test]
async fn no_map_is_replaced_under_a_hold_without_map_lock() -> Result {
    let mut world = World::before_publication(Recipe::default()).await?;
    // The end of the seating's turn would keep the hold away, too.
    world.store = world.store.clone().without(Guards { map_lock: false, map_term: false, ..Guards::ALL });
    let failed = held_seats_are_in_the_map(&world).await.expect_err("a held seat was to vanish");
    assert!(failed.to_string().contains("not in the map"), "{failed}");
    Ok(())
}

/// The other way round: the sale is being published, and an import that comes then finds it so.
#[tokio::test]
async fn an_import_waits_for_a_publication_at_work() -> Result {
    let world = World::before_publication(Recipe::default()).await?;
    let mut publishing = world.db.pool.begin().await?;
    sqlx::query("update sale set published = true").execute(&mut *publishing).await?;
    let commit = async {
        stuck(&world, "select published from sale").await;
        publishing.commit().await
    };
    let (imported, committed) = tokio::join!(import(&world, 2), commit);
    committed?;
    assert_eq!(imported?, Imported::OtherTiers);
    Ok(())
}

/// Sends the event's map with a change.
async fn edit(world: &World, change: impl FnOnce(&mut Vec<TierRow>, &mut Vec<UnitRow>)) -> Result<Imported> {
    let (mut tiers, mut units) = recipe_seats(&Recipe::default());
    change(&mut tiers, &mut units);
    for (nth, tier) in tiers.iter_mut().enumerate() {
        tier.capacity = units.iter().filter(|unit| usize::from(unit.tier) == nth).count() as u32;
    }
    let judged = world.store.judge_map(world.event, &tiers, &units).await?;
    let imported = world.store.import_map(world.event, &serde_json::json!({"edited": true}), &tiers, &units).await?;
    assert_eq!(judged, imported);
    Ok(imported)
}

/// Places 0 and 1 are sold, 2 and 3 held, 4 and 6 were held once.
async fn with_places_held() -> Result<World> {
    let world = World::new(Recipe::default()).await?;
    world.join(&[2, 2, 2]).await?;
    let admitted = world.tick(world.pacing().await?).await?.admitted;
    let lease = world.seating().await?;
    let sold = world.hold(&lease, admitted[0], &[0, 1]).await?.booking;
    world.pay(sold).await?;
    let past = world.hold(&lease, admitted[1], &[4, 6]).await?.booking;
    world.hold(&lease, admitted[2], &[2, 3]).await?;
    anyhow::ensure!(world.store.give_back(past).await?);
    Ok(world)
}

/// What an edit would strand: label, whose, and what becomes of it.
fn strands(imported: Imported) -> Vec<(String, Whose, Loss)> {
    let Imported::Strands { count, first } = imported else { panic!("{imported:?}") };
    assert_eq!(count, first.len());
    first.into_iter().map(|place| (place.label, place.whose, place.loss)).collect()
}

#[tokio::test]
async fn an_edit_keeps_what_is_sold_held_or_was_held_and_says_what_it_would_strand() -> Result {
    let world = with_places_held().await?;
    let found = strands(
        edit(&world, |_, units| {
            units[0].label = "row 1 seat 1a".into();
            units[3].tier = 1;
            units[4].accessible = true;
            units.swap(1, 6);
        })
        .await?,
    );
    let moved = |from, to| Loss::Moved { from, to };
    let tier = Loss::Tier { from: "seated".into(), to: "standing".into() };
    assert_eq!(
        found,
        [
            ("row 1 seat 1".to_owned(), Whose::Sold, Loss::Gone),
            ("row 1 seat 2".to_owned(), Whose::Sold, moved(1, 6)),
            ("row 1 seat 4".to_owned(), Whose::Held, tier),
            ("row 1 seat 5".to_owned(), Whose::Past, Loss::Accessible),
            ("row 2 seat 1".to_owned(), Whose::Past, moved(6, 1)),
        ]
    );
    // A row less moves those behind it, too.
    let found = strands(edit(&world, |_, units| drop(units.drain(..6))).await?);
    assert_eq!(found.len(), 6);
    assert_eq!(found[5], ("row 2 seat 1".to_owned(), Whose::Past, moved(6, 0)));
    // Nobody loses anything, but the hall would be another.
    let before = usize::try_from(seats(&world).await?)?;
    assert_eq!(edit(&world, |_, units| drop(units.pop())).await?, Imported::OtherPlaces { before, after: before - 1 });
    assert_eq!(edit(&world, |tiers, _| tiers.swap(0, 1)).await?, Imported::OtherTiers);
    assert_eq!(world.number("select count(*) from event where seat_map ? 'edited'").await?, 0);
    world.sound().await
}

#[tokio::test]
async fn an_edit_changes_prices_to_come_and_places_that_nobody_had_and_ends_the_turn_of_office() -> Result {
    let world = with_places_held().await?;
    let lease = world.seating().await?;
    let edited = edit(&world, |tiers, units| {
        tiers[0].price_minor = 7_000;
        tiers[1].name = "Terrace".into();
        units[5].accessible = false;
        units[5].label = "row 1 seat 6, aisle".into();
        units[8].tier = 1;
        units[9..12].iter_mut().for_each(|unit| unit.stretch = 40);
        units[12..].iter_mut().for_each(|unit| unit.stretch = 41);
    });
    assert_eq!(edited.await?, Imported::Done);
    world.sound().await?;
    assert_eq!(world.number("select capacity::bigint from tier where code = 'standing'").await?, 9);
    let hall = world.store.hall(world.event).await?;
    assert_eq!((hall.tier_of(8), hall.capacity()), (1, world.hall.capacity()));
    // Whoever chose by the hall before is out of office; the next one holds at the new price.
    world.join(&[1]).await?;
    let admitted = world.tick(world.pacing().await?).await?.admitted;
    let late = world.store.offer(&lease, &[world.offer(admitted[0], &[5])], &[]).await;
    assert!(matches!(late, Err(StoreError::Moved(_))), "{late:?}");
    let held = world.hold(&world.seating().await?, admitted[0], &[5]).await?;
    let price = "select price_minor from hold_seat where seat = 5";
    assert_eq!((world.number(price).await?, held.seats), (7_000, vec![5]));
    assert_eq!(world.number("select distinct price_minor from hold_seat where seat < 4").await?, 5_000);
    world.sound().await
}

/// An aisle between two that were held apart stays: past decisions went by it.
#[tokio::test]
async fn what_was_held_apart_does_not_come_together() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.join(&[2]).await?;
    let admitted = world.tick(world.pacing().await?).await?.admitted;
    world.hold(&world.seating().await?, admitted[0], &[5, 6]).await?;
    let joined = edit(&world, |_, units| units[..12].iter_mut().for_each(|unit| unit.stretch = 0));
    assert_eq!(strands(joined.await?), [("row 1 seat 6".to_owned(), Whose::Held, Loss::Neighbour)]);
    Ok(())
}

/// A fan who wishes tier 0 is offered a place of it while an edit is at work that gives the place another tier.
async fn a_hold_meets_an_edit(world: &World) -> Result {
    world.join_as(&[JoinAsk { tiers: 1, ..ask(id(), 1) }]).await?;
    let admitted = world.tick(world.pacing().await?).await?.admitted;
    let lease = world.seating().await?;
    // Lets seats be read and not changed: the edit stops right behind its judgement.
    let mut wall = world.db.pool.begin().await?;
    sqlx::query("lock table seat in share mode").execute(&mut *wall).await?;
    let (mut tiers, mut units) = recipe_seats(&Recipe::default());
    units[0].tier = 1;
    (tiers[0].capacity, tiers[1].capacity) = (tiers[0].capacity - 1, tiers[1].capacity + 1);
    let map = serde_json::json!({});
    let edit = world.store.import_map(world.event, &map, &tiers, &units);
    let meanwhile = async {
        stuck(world, "update seat").await;
        let offers = [world.offer(admitted[0], &[0])];
        let mut offer = pin!(world.store.offer(&lease, &offers, &[]));
        let overtook = tokio::select! {
            done = &mut offer => Some(done),
            () = stuck(world, "update lease set until") => None,
            () = stuck(world, "select id, allotment from sale") => None,
        };
        wall.rollback().await?;
        let offered = match overtook {
            Some(offered) => offered,
            None => offer.await,
        };
        anyhow::Ok(offered)
    };
    let (edited, offered) = tokio::join!(edit, meanwhile);
    assert_eq!(edited?, Imported::Done);
    let offered = offered?;
    world.sound().await?;
    let unwished = "select count(*) from hold_seat h join booking b on b.id = h.booking join place p on p.id = b.place
        where h.live and p.tiers >> h.tier & 1 = 0";
    anyhow::ensure!(world.number(unwished).await? == 0, "somebody has a place of a tier not wished");
    anyhow::ensure!(matches!(offered, Err(StoreError::Moved(_))), "{offered:?}");
    Ok(())
}

#[tokio::test]
async fn nobody_is_seated_by_the_hall_before_an_edit() -> Result {
    a_hold_meets_an_edit(&World::new(Recipe::default()).await?).await
}

#[tokio::test]
async fn nobody_is_seated_by_the_hall_before_an_edit_without_map_term() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.store = world.store.clone().without(Guards { map_term: false, ..Guards::ALL });
    let failed = a_hold_meets_an_edit(&world).await.expect_err("a fan was to get another tier");
    assert!(failed.to_string().contains("not wished"), "{failed}");
    Ok(())
}
