//! A sound system gives no cause for complaint.

use std::collections::HashSet;

use crate::history::history;
use crate::world::Result;

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
