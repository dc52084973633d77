//! Seat maps: replaced until a sale is published, and never under one that is.

use std::pin::pin;
use std::time::Duration;

use store::Guards;
use store::events::SalePublished;
use store::halls::{Imported, TierRow, UnitRow};
use testkit::eventually;

use crate::world::{Recipe, Result, World};

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
    assert_eq!(import(&world, 7).await?, Imported::SalePublished);
    // Nobody holds anything, then somebody does, then it has ended: all the same.
    hold_the_last(&world).await?;
    assert_eq!(import(&world, 7).await?, Imported::SalePublished);
    assert_eq!(seats(&world).await?, 5);
    world.sound().await?;
    world.sql("update sale set closes_at = clock_timestamp()").await?;
    assert_eq!(import(&world, 7).await?, Imported::SalePublished);
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
    world.store = world.store.clone().without(Guards { map_lock: false, ..Guards::ALL });
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
    assert_eq!(imported?, Imported::SalePublished);
    Ok(())
}
