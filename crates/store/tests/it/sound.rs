//! A sound system gives no cause for complaint.

use std::collections::HashSet;

use store::events::SalePublished;

use crate::history::history;
use crate::world::{Recipe, Result, World};

#[tokio::test]
async fn a_history_with_everything_in_it_is_sound() -> Result {
    let (world, cast) = history().await?;
    world.sound().await?;
    let states = world.places().await?;
    assert_eq!(states[&cast.skipped], "skipped");
    assert_eq!(states[&cast.waiting], "waiting");
    assert!(cast.standing.iter().all(|entry| states[entry] == "standing"), "{states:?}");
    let report = world.verify().await?;
    assert_eq!(report.checked.iter().collect::<HashSet<_>>().len(), report.checked.len());
    assert!(report.checked.len() > 50, "{:?}", report.checked);
    Ok(())
}

#[tokio::test]
async fn without_redis_the_record_is_checked_all_the_same() -> Result {
    let (world, _) = history().await?;
    let all = world.verify().await?;
    world.redis.kill().await;
    let rest = world.verify().await?;
    assert_eq!(rest.violations, []);
    assert_eq!(rest.checked.len(), all.checked.len() - 3);
    Ok(())
}

#[tokio::test]
async fn who_waited_at_the_close_may_be_let_in_until_the_wait_ends() -> Result {
    let world = World::before_publication(Recipe::default()).await?;
    let window = "closes_at = now() + interval '300 ms', wait_ends_at = now() + interval '1 h'";
    world.sql(&format!("update sale set {window}")).await?;
    anyhow::ensure!(world.store.publish_sale(world.sale, world.account).await? == SalePublished::Done);
    world.join(&[1, 1]).await?;
    // Longer than a change takes to be felt, and than the checks let clocks differ.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    let lease = world.pacing().await?;
    assert_eq!(world.tick(lease).await?.admitted.len(), 2);
    let report = world.store.verify().await?;
    assert!(report.checked.contains(&"admitted-while-open"));
    assert_eq!(report.violations, []);
    // As if there were no such end.
    world.sql("update feed_record set changes = regexp_replace(changes::text, '\"wait_ends_at_ms\":\\d+', '\"wait_ends_at_ms\":null')::json").await?;
    let named = |name| move |violation: &store::verify::Violation| violation.check == name;
    assert!(world.store.verify().await?.violations.iter().any(named("admitted-while-open")));
    Ok(())
}
