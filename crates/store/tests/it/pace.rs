//! The pace: never above the rate, whatever happens to it, and always the next one in line.

use store::StoreError;
use store::tuning::{KnobChange, Tune};

use crate::world::{Recipe, Result, World, id};

/// Everything recorded so far happened this much earlier.
async fn time_passes(world: &World, ms: i64) -> Result {
    world
        .sql(format!(
            "update pace_tick set at = at - interval '{ms} ms'; update feed_record set at = at - interval '{ms} ms';
             update audit set at = at - interval '{ms} ms';
             update place set joined_at = joined_at - interval '{ms} ms', admitted_at = admitted_at - interval '{ms} ms'"
        ))
        .await?;
    Ok(())
}

#[tokio::test]
async fn the_rate_is_never_exceeded_and_never_wasted() -> Result {
    let world = World::new(Recipe { rows: 0, standing: 2_000, rate_per_minute: 60, ..Recipe::default() }).await?;
    let lease = world.pacing().await?;
    world.join(&[1; 600]).await?;
    // Half a second a step; admissions by step.
    let mut steps: Vec<usize> = Vec::new();
    let tune = async |tune: Tune| world.store.tune(world.sale, world.account, &tune, "", None).await;
    let rate = |rate| Tune::Knobs(KnobChange::rate(rate));
    for step in 0..480 {
        match step {
            100 => drop(tune(Tune::Pause).await?),
            150 => drop(tune(Tune::Resume).await?),
            200 => drop(tune(rate(120)).await?),
            330 => drop(tune(rate(30)).await?),
            _ => {}
        }
        steps.push(world.tick(lease).await?.admitted.len());
        time_passes(&world, 500).await?;
    }
    world.rewrite_log().await?;
    // What the feed has are copies of the records as they were.
    world.redis.flush().await;
    // Each step took a little longer than half a second: the clock that judges is Postgres's.
    let ticks: Vec<(i64, i32, i32)> =
        sqlx::query_as("select to_ms(at), admitted, rate_per_minute from pace_tick order by version")
            .fetch_all(&world.db.pool)
            .await?;
    for (nth, (at_ms, ..)) in ticks.iter().enumerate() {
        let minute = ticks[..=nth].iter().filter(|(before_ms, ..)| before_ms + 60_000 > *at_ms);
        let (sum, most) = minute.fold((0, 0), |(sum, most), (_, admitted, rate)| (sum + admitted, most.max(*rate)));
        assert!(sum <= most, "{sum} in a minute at {most}");
    }
    let sum = |from: usize, to: usize| steps[from..to].iter().sum::<usize>();
    assert!(steps[0] <= 2, "no burst at the start");
    assert!(sum(0, 100) >= 60, "a whole minute's worth within fifty seconds: {}", sum(0, 100));
    assert_eq!(sum(100, 150), 0, "nobody while paused");
    assert!(sum(200, 320) >= 116, "and so at the new rate: {}", sum(200, 320));
    world.sound().await
}

#[tokio::test]
async fn a_change_names_the_version_it_saw_and_is_audited_first() -> Result {
    let world = World::new(Recipe::default()).await?;
    let knobs = Tune::Knobs(KnobChange { max_active: Some(1), ..KnobChange::default() });
    let version = world.store.tune(world.sale, world.account, &knobs, "a hunch", Some(1)).await?;
    assert_eq!(version, 2);
    let stale = world.store.tune(world.sale, world.account, &Tune::Pause, "", Some(1)).await;
    assert!(matches!(stale, Err(StoreError::Moved(_))), "{stale:?}");
    let audit = world.store.audit_of(world.sale, 10).await?;
    let actions: Vec<_> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["admission.tune", "sale.publish", "event.publish"]);
    assert_eq!((audit[0].reason.as_str(), &audit[0].change["to"]["max_active"]), ("a hunch", &1.into()));
    // The cap holds at once, and goes on when somebody is through.
    let lease = world.pacing().await?;
    let places = world.join(&[1, 1, 1]).await?;
    assert_eq!(world.tick(lease).await?.admitted, [1]);
    assert_eq!(world.tick(lease).await?.admitted, [0; 0]);
    world.store.leave(world.event, world.sale, places[0].fan).await?;
    assert_eq!(world.tick(lease).await?.admitted, [2]);
    world.sound().await
}

#[tokio::test]
async fn who_was_skipped_and_comes_back_is_next() -> Result {
    let world = World::new(Recipe { max_active: 2, ..Recipe::default() }).await?;
    let lease = world.pacing().await?;
    let places = world.join(&[1; 6]).await?;
    assert_eq!(world.tick_without(lease, &[1, 2]).await?.admitted, [3, 4]);
    let states = world.places().await?;
    assert_eq!([1, 2, 5].map(|entry| states[&entry].as_str()), ["skipped", "skipped", "waiting"]);
    // One of them is back.
    world.store.leave(world.event, world.sale, places[2].fan).await?;
    world.store.leave(world.event, world.sale, places[3].fan).await?;
    assert_eq!(world.tick_without(lease, &[2]).await?.admitted, [1, 5]);
    world.sound().await?;
    // The other left for good: a later tick that still names it lets nobody in for it.
    let mut ask = world.pace_ask(lease, &[].into()).await?;
    world.store.leave(world.event, world.sale, places[1].fan).await?;
    world.store.leave(world.event, world.sale, places[0].fan).await?;
    ask.candidates.sort_unstable();
    assert_eq!(world.store.pace(&ask).await?.admitted, [6]);
    world.sound().await
}

#[tokio::test]
async fn no_more_are_let_in_than_the_seats_can_serve() -> Result {
    let world = World::new(Recipe { rows: 0, standing: 6, ..Recipe::default() }).await?;
    let (lease, seating) = (world.pacing().await?, world.seating().await?);
    world.join(&[2, 2, 2, 2]).await?;
    assert_eq!(world.tick(lease).await?.admitted, [1, 2, 3]);
    let held = world.seat(&seating).await?.held;
    assert_eq!(world.tick(lease).await?.admitted, [0; 0]);
    // A seat that comes free lets the next one in.
    world.store.give_back(held[0].booking).await?;
    assert_eq!(world.tick(lease).await?.admitted, [4]);
    world.sound().await?;
    let held = [held, world.seat(&seating).await?.held].concat();
    for hold in &held[1..] {
        world.pay(hold.booking).await?;
    }
    // Nothing is left, and nothing can come back: the sale says so.
    assert!(world.tick(lease).await?.sold_out);
    assert_eq!(world.number("select count(*) from sale where sold_out_at is not null").await?, 1);
    world.sound().await?;
    // Until a refund gives seats back: then the sale goes on.
    assert!(world.store.refund_booking(held[1].booking, id(), world.account, "a mistake").await?);
    let done = world.tick(lease).await?;
    assert_eq!((done.sold_out, done.admitted.len()), (false, 0));
    world.join(&[2]).await?;
    assert_eq!(world.tick(lease).await?.admitted, [5]);
    world.sound().await
}

#[tokio::test]
async fn what_an_emptied_redis_forgot_is_no_absence() -> Result {
    let world = World::new(Recipe::default()).await?;
    let (event, sale) = (world.event, world.sale);
    let first = world.store.tend_epoch(event).await?;
    world.store.note_seen(event, sale, &[1, 2], 5_000).await?;
    let seen = world.store.last_seen(event, sale, &[1, 2, 3]).await?;
    assert_eq!((seen.since_ms, seen.seen_ms), (Some(first.since_ms), vec![5_000, 5_000, 0]));
    world.redis.flush().await;
    // A sign of life comes before anybody has noticed: what is said of the others must not be believed.
    world.store.note_seen(event, sale, &[2], 6_000).await?;
    assert_eq!(world.store.last_seen(event, sale, &[1, 2]).await?.since_ms, None);
    let second = world.store.tend_epoch(event).await?;
    let seen = world.store.last_seen(event, sale, &[1, 2]).await?;
    assert_eq!((seen.since_ms, seen.seen_ms), (Some(second.since_ms), vec![0, 6_000]));
    assert!(second.since_ms > first.since_ms);
    Ok(())
}
