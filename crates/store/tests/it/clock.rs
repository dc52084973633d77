//! A sale's clock: operators stop it and put it back, and nobody has less time than they were shown.

use std::time::Duration;

use anyhow::Context as _;
use store::Guards;
use store::clock::{ClockChange, ClockChanged, THAW_EXTRA_MS};
use store::feed::SaleNow;
use store::follow::Follower;
use store::payments::Verdict;
use testkit::eventually;
use uuid::Uuid;

use crate::world::{Recipe, Result, World};

const SHORT: Recipe = Recipe {
    rows: 2,
    standing: 8,
    rate_per_minute: 60_000,
    max_active: 10_000,
    hold_ttl_ms: 1_500,
    extension_ms: 200,
    presence_ms: 120_000,
    gather_ms: 10_000,
    answer_ms: 20_000,
    seating: store::events::Seating::Assign,
    shop_ms: 300_000,
    rejoin: true,
};

impl World {
    async fn change_clock(&self, change: ClockChange) -> Result {
        let now = self.store.clock_now(self.sale).await?.context("the sale")?;
        let done = self.store.change_clock(self.sale, self.account, change, "the bank is down", now.version()).await?;
        anyhow::ensure!(done == ClockChanged::Done, "{done:?}");
        Ok(())
    }

    /// What the fan is told of the deadline, and Postgres's clock then.
    async fn told(&self, booking: Uuid) -> Result<(i64, i64)> {
        let row = self.store.booking(booking).await?.context("a booking")?;
        Ok((row.deadline_ms, row.now_ms))
    }

    /// So many standing places, one hold each.
    async fn holds(&self, parties: &[u8]) -> Result<Vec<Uuid>> {
        self.join(parties).await?;
        self.tick(self.pacing().await?).await?;
        let done = self.seat(&self.seating().await?).await?;
        anyhow::ensure!(done.held.len() == parties.len(), "{done:?}");
        Ok(done.held.into_iter().map(|hold| hold.booking).collect())
    }

    async fn past_raw_deadlines(&self) {
        let late =
            "select count(*) from booking where state = 'held' and deadline > clock_timestamp() - interval '100 ms'";
        eventually(Duration::from_secs(10), async || self.number(late).await.is_ok_and(|left| left == 0)).await;
    }
}

/// Nobody's time runs out while the clock stands, however late it gets; then everybody has what was left.
async fn a_freeze_keeps_holds(world: &World) -> Result {
    let holds = world.holds(&[2, 1]).await?;
    world.change_clock(ClockChange::Freeze).await?;
    let left = async |booking| world.told(booking).await.map(|(deadline_ms, now_ms)| deadline_ms - now_ms);
    let before = left(holds[0]).await?;
    world.past_raw_deadlines().await;
    let (lapsed, pinned, _) = world.store.lapse_due().await?;
    anyhow::ensure!((lapsed, pinned) == (0, 0), "{lapsed} holds lapsed while the clock stood still");
    let after = left(holds[0]).await?;
    anyhow::ensure!((before - after).abs() <= 2, "{before} ms were left, then {after}");
    // Who comes now has the whole time, too, and who pays is not told that it is over.
    let late = world.holds(&[1]).await?[0];
    anyhow::ensure!((1_400..=1_501).contains(&left(late).await?), "{}", left(late).await?);
    world.pay(holds[1]).await?;
    world.sound().await?;
    let (told_ms, _) = world.told(holds[0]).await?;
    world.change_clock(ClockChange::Thaw).await?;
    let (deadline_ms, _) = world.told(holds[0]).await?;
    anyhow::ensure!(deadline_ms >= told_ms + i64::from(THAW_EXTRA_MS) - 1, "the clock went on too early");
    world.until_state(holds[0], "lapsed").await;
    let ended = "select min(to_ms(ended_at)) from booking where state = 'lapsed'";
    anyhow::ensure!(world.number(ended).await? >= deadline_ms, "it ended before its deadline");
    world.until_state(late, "lapsed").await;
    world.sound().await
}

#[tokio::test]
async fn nobodys_time_runs_out_while_the_clock_stands() -> Result {
    a_freeze_keeps_holds(&World::new(SHORT).await?).await
}

#[tokio::test]
async fn nobodys_time_runs_out_while_the_clock_stands_without_freeze_check() -> Result {
    let mut world = World::new(SHORT).await?;
    world.store = world.store.clone().without(Guards { freeze_check: false, ..Guards::ALL });
    let failed = a_freeze_keeps_holds(&world).await.expect_err("holds were to lapse");
    assert!(failed.to_string().contains("2 holds lapsed while the clock stood still"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "no-hold-ends-early"), "{found:?}");
    Ok(())
}

/// The freeze is written, but not committed, when a hold's time comes.
async fn a_freeze_and_a_lapse_at_once(world: &World) -> Result {
    let hold = world.holds(&[1]).await?[0];
    let mut lane = world.db.pool.begin().await?;
    sqlx::query("select from lane where scope = $1 and kind = 'pace' for update")
        .bind(world.sale)
        .execute(&mut *lane)
        .await?;
    let freeze = world.change_clock(ClockChange::Freeze);
    let lapse = async {
        let waits =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        eventually(Duration::from_secs(5), async || world.number(waits).await.is_ok_and(|waiting| waiting > 0)).await;
        world.past_raw_deadlines().await;
        let lapse = world.store.lapse_due();
        let release = async {
            // The lapse has come as far as it gets.
            let far = "select (select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())
                              + (select 2 * count(*) from booking where state = 'lapsed')";
            eventually(Duration::from_secs(5), async || world.number(far).await.is_ok_and(|far| far >= 2)).await;
            lane.rollback().await
        };
        let (lapsed, released) = tokio::join!(lapse, release);
        released?;
        anyhow::Ok(lapsed?)
    };
    let (frozen, lapsed) = tokio::join!(freeze, lapse);
    frozen?;
    anyhow::ensure!(lapsed?.0 == 0, "a hold lapsed after the clock had been stopped");
    anyhow::ensure!(world.state_of(hold).await? == "held");
    world.sound().await
}

#[tokio::test]
async fn a_lapse_in_the_instant_of_a_freeze_waits_for_it() -> Result {
    a_freeze_and_a_lapse_at_once(&World::new(Recipe { hold_ttl_ms: 600, ..SHORT }).await?).await
}

#[tokio::test]
async fn a_lapse_in_the_instant_of_a_freeze_waits_for_it_without_freeze_lock() -> Result {
    let mut world = World::new(Recipe { hold_ttl_ms: 600, ..SHORT }).await?;
    world.store = world.store.clone().without(Guards { freeze_lock: false, ..Guards::ALL });
    let failed = a_freeze_and_a_lapse_at_once(&world).await.expect_err("a hold was to lapse");
    assert!(failed.to_string().contains("after the clock had been stopped"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "no-hold-ends-early"), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn an_operators_extension_is_not_the_fans_own() -> Result {
    let world = World::new(Recipe::default()).await?;
    let holds = world.holds(&[2, 2, 1]).await?;
    let kept = "select sum(to_ms(deadline))::bigint from booking";
    let (before, raw) = (world.told(holds[0]).await?.0, world.number(kept).await?);
    world.change_clock(ClockChange::Extend { by_ms: 60_000 }).await?;
    assert_eq!(world.told(holds[0]).await?.0, before + 60_000);
    assert_eq!(world.number(kept).await?, raw, "however many hold seats, none of them is written");
    // Again, and while it stands still: each counts.
    world.change_clock(ClockChange::Freeze).await?;
    world.change_clock(ClockChange::Extend { by_ms: 5_000 }).await?;
    assert!(world.told(holds[0]).await?.0 >= before + 65_000);
    world.change_clock(ClockChange::Thaw).await?;
    // The fan's one extension is still to be had, once.
    assert!(world.store.extend_hold(holds[0]).await?);
    assert!(!world.store.extend_hold(holds[0]).await?);
    // Who comes after has the usual time.
    let late = world.holds(&[1]).await?[0];
    let (deadline_ms, now_ms) = world.told(late).await?;
    assert!((59_000..=60_000).contains(&(deadline_ms - now_ms)), "{}", deadline_ms - now_ms);
    let report = world.store.fairness(world.sale).await?;
    let acts: Vec<_> = report.clock_acts.iter().map(|act| (act.kind.as_str(), act.extra_ms)).collect();
    assert_eq!(acts, [("extend", 60_000), ("freeze", THAW_EXTRA_MS), ("extend", 5_000)]);
    let audit = world.store.audit_of(world.sale, 10).await?;
    let lines: Vec<_> = audit.iter().rev().map(|line| (line.action.as_str(), line.reason.as_str())).collect();
    let why = "the bank is down";
    let expected = ["deadlines.extend", "deadlines.freeze", "deadlines.extend", "deadlines.thaw"].map(|act| (act, why));
    assert_eq!(lines[lines.len() - 4..], expected);
    world.sound().await
}

/// With the provider away a payment is neither in time nor late: its seats are kept until the clock goes on.
#[tokio::test]
async fn pins_and_payments_wait_for_the_clock() -> Result {
    let world = World::new(Recipe { hold_ttl_ms: 500, extension_ms: 0, ..SHORT }).await?;
    let holds = world.holds(&[1, 1]).await?;
    let (pinned, paying) = (holds[0], holds[1]);
    let payments = [world.begin(pinned).await?, world.begin(paying).await?];
    eventually(Duration::from_secs(5), async || world.store.lapse_due().await.is_ok_and(|(_, pins, _)| pins > 0)).await;
    world.change_clock(ClockChange::Freeze).await?;
    let kept = "select count(*) from booking where state = 'paying'";
    // Cancelled in time by the clock that stood still, or kept: the pin's own end does not come.
    world
        .sql("update booking set pinned_until = clock_timestamp() + interval '200 ms' where pinned_until is not null")
        .await?;
    let over = "select count(*) from booking where pinned_until > clock_timestamp()";
    eventually(Duration::from_secs(5), async || world.number(over).await.is_ok_and(|left| left == 0)).await;
    assert!(!world.store.pin_over(payments[0].id).await?, "a pin ended while the clock stood still");
    assert_eq!(world.number(kept).await?, 2);
    for due in world.store.due_payments(10).await? {
        assert!(due.pin_left_ms > 0, "{due:?}");
    }
    assert_eq!(world.store.payment_authorised(payments[1].id).await?, Verdict::Capture);
    assert!(world.capture(&payments[1]).await?);
    world.change_clock(ClockChange::Thaw).await?;
    eventually(Duration::from_secs(5), async || world.store.pin_over(payments[0].id).await.is_ok_and(|over| over))
        .await;
    assert_eq!([world.state_of(pinned).await?, world.state_of(paying).await?], ["lapsed", "paid"]);
    Ok(())
}

#[tokio::test]
async fn followers_and_previews_know_the_clock() -> Result {
    let world = World::new(Recipe::default()).await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    let hold = world.holds(&[2]).await?[0];
    world.change_clock(ClockChange::Extend { by_ms: 30_000 }).await?;
    world.change_clock(ClockChange::Freeze).await?;
    eventually(Duration::from_secs(5), async || {
        follower.next(Duration::from_millis(50)).await.is_ok() && now(&follower, world.sale).frozen.is_some()
    })
    .await;
    let told = now(&follower, world.sale);
    assert_eq!(told.frozen.as_ref().map(|frozen| frozen.reason.as_str()), Some("the bank is down"));
    let raw = follower.mirror().holds[&hold].deadline_ms;
    let (deadline_ms, now_ms) = world.told(hold).await?;
    assert!((told.told_deadline_ms(raw, now_ms) - deadline_ms).abs() <= 1);
    let left = world.store.situation(world.sale, 10).await?.context("published")?.holding[0].remaining_ms;
    assert!((85_000..=90_000).contains(&left), "{left}");
    world.sound().await
}

fn now(follower: &Follower, sale: Uuid) -> SaleNow {
    follower.mirror().sales[&sale].now.clone()
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_looked_at_again() -> Result {
    let world = World::before_publication(Recipe::default()).await?;
    let change = async |change, seen| world.store.change_clock(world.sale, world.account, change, "why", seen).await;
    assert_eq!(change(ClockChange::Freeze, (0, false)).await?, ClockChanged::Draft);
    world.store.publish_sale(world.sale, world.account).await?;
    assert_eq!(change(ClockChange::Thaw, (0, false)).await?, ClockChanged::Moved);
    assert_eq!(change(ClockChange::Freeze, (0, false)).await?, ClockChanged::Done);
    assert_eq!(change(ClockChange::Extend { by_ms: 1 }, (0, false)).await?, ClockChanged::Moved);
    assert_eq!(change(ClockChange::Freeze, (1, true)).await?, ClockChanged::Moved);
    assert_eq!(change(ClockChange::Thaw, (1, true)).await?, ClockChanged::Done);
    let now = world.store.clock_now(world.sale).await?.context("the sale")?;
    assert_eq!((now.version(), now.frozen_by), ((1, false), None));
    assert_eq!(world.number("select count(*) from audit where action like 'deadlines.%'").await?, 2);
    world.sound().await
}
