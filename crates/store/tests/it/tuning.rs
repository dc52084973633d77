//! The knobs beyond the rate: ramps, targets, the brake and the emergency stop.

use std::time::Duration;

use domain::order::Class;
use domain::pacing::Flow;
use store::Guards;
use store::joins::JoinBatch;
use store::pace::Measured;
use store::tuning::{BrakeNow, KnobChange, RampNow, RampStep, Tune};
use tokio::time::Instant;

use crate::world::{Recipe, Result, World, ask, id};

fn recipe(rate_per_minute: u32) -> Recipe {
    Recipe { rows: 0, standing: 4_000, rate_per_minute, ..Recipe::default() }
}

async fn tune(world: &World, change: KnobChange) -> Result {
    world.store.tune(world.sale, world.account, &Tune::Knobs(change), "a test", None).await?;
    Ok(())
}

/// The rate rises in a straight line and then falls; the decisions name it, and `verify` agrees.
async fn a_ramp_is_followed(world: &World) -> Result {
    let lease = world.pacing().await?;
    world.join(&[1; 800]).await?;
    let now_ms = world.number("select to_ms(clock_timestamp())").await?;
    let steps = [(0, 60), (1_500, 1_500), (2_500, 120)];
    let steps = steps.map(|(after, rate_per_minute)| RampStep { at_ms: now_ms + after, rate_per_minute });
    let ramp = RampNow { steps: steps.to_vec(), linear: true };
    tune(world, KnobChange { ramp: Some(Some(ramp)), ..KnobChange::rate(2_000) }).await?;
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        world.tick(lease).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rates: Vec<i32> =
        sqlx::query_scalar("select rate_per_minute from pace_tick order by version").fetch_all(&world.db.pool).await?;
    anyhow::ensure!(rates.iter().any(|rate| *rate > 200), "the ramp did not rise: {rates:?}");
    world.sound().await
}

#[tokio::test]
async fn no_minute_exceeds_the_ramp() -> Result {
    let world = World::new(recipe(30)).await?;
    a_ramp_is_followed(&world).await
}

#[tokio::test]
async fn no_minute_exceeds_the_ramp_without_rate_check() -> Result {
    let mut world = World::new(recipe(30)).await?;
    world.store = world.store.clone().without(Guards { rate_check: false, ..Guards::ALL });
    drop(a_ramp_is_followed(&world).await.expect_err("the rate was to be exceeded"));
    let found = world.verify().await?.violations;
    for check in ["pace-within-rate", "pace-within-a-seconds-share"] {
        assert!(found.iter().any(|violation| violation.check == check), "{check}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_lower_rate_slows_whatever_the_ramp_says() -> Result {
    let world = World::new(recipe(6_000)).await?;
    let lease = world.pacing().await?;
    world.join(&[1; 300]).await?;
    let now_ms = world.number("select to_ms(clock_timestamp())").await?;
    let ramp = RampNow { steps: vec![RampStep { at_ms: now_ms, rate_per_minute: 3_000 }], linear: false };
    tune(&world, KnobChange { ramp: Some(Some(ramp)), ..KnobChange::default() }).await?;
    world.tick(lease).await?;
    tune(&world, KnobChange::rate(30)).await?;
    assert_eq!(world.tick(lease).await?.admitted, [0; 0], "more went in within this minute already");
    let rates: Vec<i32> =
        sqlx::query_scalar("select rate_per_minute from pace_tick order by version").fetch_all(&world.db.pool).await?;
    assert_eq!(rates, [3_000]);
    let now = world.store.tuned(world.sale).await?.unwrap();
    assert_eq!(now.knobs.tuning()?.highest_pace(now_ms, i64::MAX), 30);
    world.sound().await
}

#[tokio::test]
async fn a_target_and_the_brake_slow_evenly_below_the_rate() -> Result {
    let world = World::new(recipe(60_000)).await?;
    let lease = world.pacing().await?;
    world.join(&[1; 500]).await?;
    tune(&world, KnobChange { target_per_minute: Some(Some(1_200)), ..KnobChange::default() }).await?;
    // Twenty a second should come, half do, and the brake halves that.
    let mut measured = Measured { show_up: 0.5, brake: 0.5, flow: Flow::default(), ..Measured::default() };
    let (begun, mut admitted, mut most) = (Instant::now(), 0, 0);
    while begun.elapsed() < Duration::from_secs(2) {
        let mut ask = world.pace_ask(lease, &[].into()).await?;
        ask.measured = measured;
        let done = world.store.pace(&ask).await?;
        measured.flow = done.flow;
        admitted += done.admitted.len();
        most = most.max(done.admitted.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let share = begun.elapsed().as_secs_f64() * 20.0;
    // A second's worth may come at once.
    assert!(admitted as f64 <= share + 21.0 && admitted as f64 >= share / 2.0, "{admitted} of {share}");
    assert!(most <= 20, "{most} at once");
    world.sound().await
}

#[tokio::test]
async fn a_holders_own_witness_counts_too() -> Result {
    let world = World::new(recipe(60)).await?;
    let lease = world.pacing().await?;
    world.join(&[1; 5]).await?;
    let mut ask = world.pace_ask(lease, &[].into()).await?;
    ask.measured.lately.last_minute = 60;
    assert_eq!(world.store.pace(&ask).await?.admitted, [0; 0]);
    ask.measured.lately.last_minute = 59;
    assert_eq!(world.store.pace(&ask).await?.admitted, [1]);
    world.sound().await
}

#[tokio::test]
async fn an_emergency_stop_keeps_everything_and_lets_nobody_in() -> Result {
    let world = World::new(Recipe::default()).await?;
    let lease = world.pacing().await?;
    let places = world.join(&[1, 1]).await?;
    let tune = async |tune: Tune, reason| world.store.tune(world.sale, world.account, &tune, reason, None).await;
    tune(Tune::Pause, "a queue at the door").await?;
    tune(Tune::Stop, "smoke in the hall").await?;
    assert_eq!(world.tick(lease).await?.admitted, [0; 0]);
    // Who stands in line is told so; nobody new comes.
    let mut asks = vec![ask(places[0].fan, 1)];
    let again = world.store.join_batch(world.sale, &asks).await?;
    assert!(matches!(&again, JoinBatch::Placed(placed, _) if placed[0].0.id == places[0].id), "{again:?}");
    asks.push(ask(id(), 1));
    let refused = world.store.join_batch(world.sale, &asks).await?;
    assert_eq!(refused, JoinBatch::Stopped { reason: "smoke in the hall".to_owned() });
    // The stop's reason is what fans are told, then the pause's.
    let told = async || anyhow::Ok(world.store.sale(world.sale).await?.and_then(|sale| sale.pause_reason));
    assert_eq!(told().await?.as_deref(), Some("smoke in the hall"));
    tune(Tune::Start, "a false alarm").await?;
    assert_eq!(told().await?.as_deref(), Some("a queue at the door"));
    assert_eq!(world.tick(lease).await?.admitted, [0; 0]);
    tune(Tune::Resume, "").await?;
    assert_eq!(world.tick(lease).await?.admitted, [1, 2]);
    world.join(&[1]).await?;
    world.sound().await
}

#[tokio::test]
async fn the_last_change_can_be_undone_and_done_again() -> Result {
    let world = World::new(recipe(600)).await?;
    let store = &world.store;
    let untouched = store.tuned(world.sale).await?.unwrap();
    assert_eq!(untouched.before, None);
    let first = untouched.knobs;
    let brake = BrakeNow {
        p99_ms: 1,
        errors_per_mille: 2,
        least_samples: 3,
        hold_off_ms: 4_000,
        halvings_max: 5,
        recover_every_ms: 6_000,
        recover_percent: 107,
    };
    let change = KnobChange { rate_per_minute: Some(60), brake: Some(Some(brake)), ..KnobChange::default() };
    tune(&world, change.clone()).await?;
    let second = change.of(&first);
    store.tune(world.sale, world.account, &Tune::Pause, "not a knob", None).await?;
    for expected in [&first, &second, &first] {
        store.tune(world.sale, world.account, &Tune::Undo, "a mistake", None).await?;
        let now = store.tuned(world.sale).await?.unwrap();
        assert_eq!((&now.knobs, now.pause_reason.as_deref()), (expected, Some("not a knob")));
    }
    world.sound().await
}

#[tokio::test]
async fn an_undo_takes_back_the_last_change_and_never_an_earlier_one_with_it() -> Result {
    let world = World::new(recipe(600)).await?;
    let (store, sale, account) = (&world.store, world.sale, world.account);
    tune(&world, KnobChange::rate(60)).await?;
    // One operator looks, and another is quicker: whoever named what was seen is told so.
    let seen = store.tuned(sale).await?.unwrap();
    tune(&world, KnobChange { max_active: Some(7), ..KnobChange::default() }).await?;
    let late = store.tune(sale, account, &Tune::Undo, "a mistake", Some(seen.version)).await;
    assert!(matches!(late, Err(store::StoreError::Moved(_))), "{late:?}");
    // An undo that waits for a change to commit goes back behind that one.
    let from = store.tuned(sale).await?.unwrap();
    let mut lock = world.db.pool.begin().await?;
    sqlx::query("select from sale where id = $1 for update").bind(sale).execute(&mut *lock).await?;
    let another = world.another_store().await?;
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let change = async {
        testkit::eventually(Duration::from_secs(10), async || world.number(waits).await.is_ok_and(|n| n == 1)).await;
        sqlx::query(
            "insert into audit (sale, account, action, reason, change)
             values ($1, $2, 'admission.tune', 'x', jsonb_build_object('from', $3::jsonb))",
        )
        .bind(sale)
        .bind(account)
        .bind(serde_json::to_value(&from.knobs)?)
        .execute(&mut *lock)
        .await?;
        let patient = "update sale set grace_ms = 9999, rate_version = rate_version + 1 where id = $1";
        sqlx::query(patient).bind(sale).execute(&mut *lock).await?;
        anyhow::Ok(lock.commit().await?)
    };
    let (undone, changed) = tokio::join!(another.tune(sale, account, &Tune::Undo, "a mistake", None), change);
    changed?;
    assert_eq!(undone?, from.version + 2);
    assert_eq!(store.tuned(sale).await?.unwrap().knobs, from.knobs, "the grace is back and nothing else");
    Ok(())
}

#[tokio::test]
async fn a_preview_sees_the_line_in_order() -> Result {
    let world = World::new(Recipe { max_active: 2, ..Recipe::default() }).await?;
    let (lease, seating) = (world.pacing().await?, world.seating().await?);
    world.join(&[1, 2, 3, 4, 5]).await?;
    let invited = store::joins::JoinAsk { class: Class(3), ..ask(id(), 6) };
    world.join_as(&[invited]).await?;
    assert_eq!(world.tick(lease).await?.admitted, [1, 2]);
    world.hold(&seating, 1, &[0]).await?;
    let seen = world.store.situation(world.sale, 100).await?.unwrap();
    assert_eq!((seen.waiting, seen.standing, seen.cut), (vec![6, 3, 4, 5], vec![2], false));
    assert_eq!((seen.holding.len(), seen.holding[0].seats, seen.free, seen.accessible), (1, 1, 17, 2));
    assert_eq!(seen.recent.iter().map(|(_, n)| n).sum::<u32>(), 2);
    Ok(())
}

#[tokio::test]
async fn a_preview_goes_by_how_fans_behaved() -> Result {
    let world =
        World::new(Recipe { rows: 6, standing: 0, hold_ttl_ms: 1_500, extension_ms: 0, ..Recipe::default() }).await?;
    let (lease, seating) = (world.pacing().await?, world.seating().await?);
    let behaviour = async || anyhow::Ok(world.store.situation(world.sale, 100).await?.unwrap().behaviour);
    let default = domain::preview::Behaviour::default();
    assert_eq!(behaviour().await?.paid_after, default.paid_after);
    world.join(&[1; 31]).await?;
    world.tick(lease).await?;
    for (entry, seat) in (1..=30).zip(0..) {
        let held = world.hold(&seating, entry, &[seat]).await?.booking;
        world.pay(held).await?;
    }
    assert_eq!(behaviour().await?.paid_after, default.paid_after, "who is slower may still pay");
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let measured = behaviour().await?;
    assert!(measured.paid_after.0[10] < default.paid_after.0[0], "{measured:?}");
    assert!(measured.paid_after.0.is_sorted() && measured.paid_after.0[10] > 0, "{measured:?}");
    assert_eq!(measured.released_after, default.released_after);
    assert_eq!(measured.lapsed_after.0, [1_500; 11]);
    assert!((measured.conversion - 1.0).abs() < 1e-9, "{measured:?}");
    Ok(())
}
