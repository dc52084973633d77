//! Seats over time, added up from the seats lane.

use std::time::Duration;

use store::availability::Counts;

use crate::world::{Recipe, Result, World, id};

#[tokio::test]
async fn every_moment_is_as_it_was() -> Result {
    let world = World::new(Recipe { rows: 1, standing: 2, ..Recipe::default() }).await?;
    assert_eq!(world.store.availability_over_time(world.event, 10).await?.points, []);
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.join(&[2, 1]).await?;
    world.tick(pacing).await?;
    let held = world.hold(&seating, 1, &[0, 1]).await?;
    let pause = Duration::from_millis(1_100);
    tokio::time::sleep(pause).await;
    world.pay(held.booking).await?;
    world.hold(&seating, 2, &[6]).await?;
    tokio::time::sleep(pause).await;
    let new = store::blocks::NewBlock {
        id: id(),
        event: world.event,
        label: "Crew",
        note: "",
        frees_at_ms: None,
        seats: &[5],
    };
    world.store.block_seats(&new, world.account).await?;
    let told = world.store.availability_over_time(world.event, 1_000).await?;
    let parts: Vec<_> = told.parts.iter().map(|part| (part.tier.as_str(), part.section, part.standing)).collect();
    assert_eq!(parts, [("seated", 0, false), ("standing", 1, true)]);
    let counts = |free, held, sold, blocked| Counts { free, held, sold, blocked };
    let mut moments: Vec<_> = told.points.iter().map(|point| point.counts.clone()).collect();
    moments.dedup();
    assert_eq!(
        moments,
        [
            [counts(4, 2, 0, 0), counts(2, 0, 0, 0)],
            [counts(4, 0, 2, 0), counts(1, 1, 0, 0)],
            [counts(3, 0, 2, 1), counts(1, 1, 0, 0)],
        ]
    );
    assert!(told.points.is_sorted_by_key(|point| point.at_ms));
    // Fewer moments, the same end; and the end is what the tables say.
    let few = world.store.availability_over_time(world.event, 1).await?.points;
    assert!(few.len() <= 2 && few.last().unwrap().counts == moments[2], "{few:?}");
    let (tiers, _) = world.store.tier_counts(world.event).await?;
    assert_eq!((tiers[0].held, tiers[0].sold, tiers[0].blocked, tiers[1].held), (0, 2, 1, 1));
    Ok(())
}
