//! The pacing loop: one task per event with a running sale, which for each sale holds or seeks the lease, reads the head of
//! the line and who of it is present, and asks the store for one decision per tick.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::retry::Backoff;
use chassis::tasks::{TaskKind, Tasks};
use domain::pacing::{BrakeRules, Flow, Now, Recent};
use domain::sale::State;
use metrics::{counter, gauge, histogram};
use store::StoreError;
use store::follow::Follower;
use store::leases::{Lease, Office};
use store::mirror::{EventMirror, SaleMirror};
use store::pace::{Measured, PaceAsk};
use tokio::time::Instant;
use uuid::Uuid;

use crate::Admission;
use crate::braking::Braking;
use crate::head::{self, Memories};
use crate::measure::{Measures, SaleMeasure};
use crate::metrics::{ADMITTED, LEASES, LOST, SKIPPED, TICK};

/// Looks for events with running sales and sees to it that each has its task.
pub async fn run(admission: Admission, tasks: Tasks) -> anyhow::Result<()> {
    let running: Arc<Mutex<HashSet<Uuid>>> = Arc::default();
    let stop = tasks.soft();
    while !stop.is_cancelled() {
        match admission.store.running_events().await {
            Ok(events) => {
                for event in events {
                    if running.lock().unwrap_or_else(PoisonError::into_inner).insert(event) {
                        let (admission, running, stop) = (admission.clone(), running.clone(), stop.clone());
                        let jobs = tasks.clone();
                        tasks.spawn(TaskKind::Job, "pacing of an event", async move {
                            let outcome = stop.run_until_cancelled(pace_event(&admission, &jobs, event)).await;
                            running.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
                            give_up(&admission, event).await;
                            outcome.unwrap_or(Ok(()))
                        });
                    }
                }
            }
            Err(fault) => tracing::warn!(%fault, "running sales cannot be read for the moment"),
        }
        drop(tokio::time::timeout(Duration::from_millis(500), stop.cancelled()).await);
    }
    Ok(())
}

/// Lets go of this holder's leases, so that another process need not wait for their end.
async fn give_up(admission: &Admission, event: Uuid) {
    if let Err(fault) = admission.store.give_up_all(Office::Pacing, event, admission.holder).await {
        tracing::info!(%event, %fault, "the pacing leases end by their time");
    }
}

/// What belongs to one turn of office and ends with it.
#[derive(Default)]
struct Held {
    memories: Memories,
    flow: Flow,
    /// Who was let in lately by this process's own clock.
    recent: Recent,
    braking: Braking,
    /// When the lease was last renewed with nothing to decide, in steady milliseconds; nothing after a decision.
    idle_ms: Option<i64>,
}

/// A sale in this process's hands.
#[derive(Default)]
struct Desk {
    lease: Option<Lease>,
    sought: Option<Instant>,
    held: Held,
    backoff: Option<Backoff>,
    /// The term in which the draw of the lobby was begun.
    drawing: Option<i64>,
}

async fn pace_event(admission: &Admission, tasks: &Tasks, event: Uuid) -> anyhow::Result<()> {
    let config = &admission.config;
    let mut follower = loop {
        match Follower::start(&admission.store, event).await {
            Ok(follower) => break follower,
            Err(fault) if fault.is_away() => tokio::time::sleep(Duration::from_millis(300)).await,
            Err(fault) => return Err(fault.into()),
        }
    };
    let mut desks: HashMap<Uuid, Desk> = HashMap::new();
    let mut measures = Measures::new(follower.mirror());
    let mut last_tick = Instant::now();
    loop {
        // News bring the next tick forward, so that a freed seat is offered at once.
        let news = follower.next(Duration::from_millis(config.tick_ms).saturating_sub(last_tick.elapsed())).await?;
        measures.hear(&news, follower.mirror(), admission.clock.monotonic_ms().cast_signed());
        let soonest = last_tick + Duration::from_millis(config.tick_min_ms);
        tokio::time::sleep_until(soonest).await;
        last_tick = Instant::now();
        let now_ms = admission.clock.now_ms();
        let mut over = true;
        for (sale, mirror) in &follower.mirror().sales {
            over &= mirror.course().ends_at_ms() + 3_600_000 < now_ms;
            let course = mirror.course();
            // A second early, so that the lease is in hand when the doors open.
            if now_ms + 1_000 < course.joins_from_ms()
                || course.ends_at_ms() < now_ms
                || course.sold_out && follower.mirror().free_for(*sale) == 0
            {
                continue;
            }
            let desk = desks.entry(*sale).or_default();
            if let Err(fault) =
                attend(admission, tasks, follower.mirror(), *sale, mirror, desk, measures.of(*sale)).await
            {
                match fault {
                    StoreError::Moved(_) => {
                        counter!(LOST).increment(1);
                        gauge!(LEASES).decrement(1.0);
                        desk.lease = None;
                        desk.held = Held::default();
                    }
                    fault => {
                        tracing::warn!(%sale, %fault, "no decision about the pace for the moment");
                        let backoff = desk.backoff.get_or_insert_with(|| Backoff::new(50, 500));
                        tokio::time::sleep(backoff.delay()).await;
                    }
                }
            } else {
                desk.backoff = None;
            }
        }
        if over {
            gauge!(LEASES).decrement(desks.values().filter(|desk| desk.lease.is_some()).count() as f64);
            return Ok(());
        }
    }
}

/// Whether there may be something to decide: people are let in, or a refund may have brought a seat back. Otherwise the office
/// is only kept, which costs a row each third of the lease. That this is asked of this process's clock and copy loosens
/// nothing: a decision is judged anew in its transaction, and a pause that ends is heard of like all news.
const fn decides(state: State) -> bool {
    state.admits() || matches!(state, State::SoldOut)
}

async fn attend(
    admission: &Admission,
    tasks: &Tasks,
    event: &EventMirror,
    sale: Uuid,
    mirror: &SaleMirror,
    desk: &mut Desk,
    measure: &mut SaleMeasure,
) -> Result<(), StoreError> {
    let config = &admission.config;
    let Some(lease) = desk.lease else {
        // Another holder is alive: look again at a quarter of its lease.
        let pause = Duration::from_millis(config.lease_ttl_ms.unsigned_abs() / 4);
        if desk.sought.is_none_or(|at| at.elapsed() >= pause) {
            desk.sought = Some(Instant::now());
            desk.lease =
                admission.store.take_lease(Office::Pacing, sale, admission.holder, config.lease_ttl_ms).await?;
            if let Some(lease) = desk.lease {
                gauge!(LEASES).increment(1.0);
                desk.held = Held::default();
                tracing::info!(%sale, term = lease.term, "pacing this sale");
            }
        }
        return Ok(());
    };
    if mirror.course().awaits_draw() && desk.drawing != Some(lease.term) {
        desk.drawing = Some(lease.term);
        let (drawer, event, stop) = (admission.drawer.clone(), event.event, tasks.soft());
        tasks.spawn(TaskKind::Job, "the draw of a lobby", async move {
            stop.run_until_cancelled(drawer.run(event, lease)).await;
            Ok(())
        });
    }
    let started = Instant::now();
    let now = Now { wall_ms: admission.clock.now_ms(), steady_ms: admission.clock.monotonic_ms().cast_signed() };
    let held = &mut desk.held;
    if !decides(mirror.state(now.wall_ms)) {
        // Who is absent now need not be when it goes on.
        held.memories = Memories::default();
        if held.idle_ms.is_none_or(|at_ms| now.steady_ms - at_ms >= config.lease_ttl_ms / 3) {
            admission.store.renew_lease(&lease).await?;
            held.idle_ms = Some(now.steady_ms);
        }
        held.braking.read(mirror.now.brake.map(BrakeRules::from), measure, event.free_for(sale), now.steady_ms);
        return held.braking.tell(&admission.store, &lease).await;
    }
    held.idle_ms = None;
    let rate = mirror.now.tuning()?.in_force(now.wall_ms, 1.0, 1.0).knobs.rate_per_minute;
    let rules = head::rules(mirror, rate, config.window, config.clock_slack_ms);
    let found = head::read(&admission.store, event, sale, mirror, rules, now, &mut held.memories).await;
    let ask = PaceAsk {
        lease,
        event: event.event,
        drawn: mirror.drawn,
        candidates: found.candidates,
        skip: found.skip,
        passed_over: found.passed_over,
        joins_seen: mirror.joins,
        measured: Measured {
            show_up: measure.show_up(now.steady_ms),
            brake: held.braking.factor(),
            flow: held.flow,
            lately: held.recent.window(now.steady_ms),
            now_ms: Some(now.wall_ms),
        },
    };
    let asked = Instant::now();
    let outcome = admission.store.pace(&ask).await;
    let took_ms = asked.elapsed().as_millis() as u32;
    let failed = outcome.as_ref().is_err_and(|fault| !matches!(fault, StoreError::Moved(_)));
    measure.ticked(now.steady_ms, took_ms, failed);
    held.braking.read(mirror.now.brake.map(BrakeRules::from), measure, event.free_for(sale), now.steady_ms);
    let done = outcome?;
    held.flow = done.flow;
    if let Some(last) = done.admitted.last() {
        held.memories.note_through(mirror.order.rank(*last), *last);
    }
    held.recent.let_in(admission.clock.monotonic_ms().cast_signed(), done.admitted.len() as u32);
    histogram!(TICK).record(started.elapsed().as_secs_f64());
    counter!(ADMITTED).increment(done.admitted.len() as u64);
    counter!(SKIPPED).increment(done.skipped.len() as u64);
    held.braking.tell(&admission.store, &lease).await
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn the_defaults_keep_their_promises() {
        let config = Config::default();
        assert!(config.tick_ms <= 1_000, "a change must take effect within a second");
        assert!(config.lease_ttl_ms + config.tick_ms.cast_signed() < 5_000, "and within five after a holder died");
    }
}
