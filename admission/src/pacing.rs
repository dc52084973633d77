//! The pacing loop: one task per event with a running sale, which for each sale holds or seeks the lease, reads the head of
//! the line and who of it is present, and asks the store for one decision per tick.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::retry::Backoff;
use chassis::tasks::{TaskKind, Tasks};
use metrics::{counter, gauge, histogram};
use store::StoreError;
use store::follow::Follower;
use store::leases::{Lease, Office};
use store::mirror::{EventMirror, SaleMirror};
use store::pace::{PaceAsk, PassedOver};
use tokio::time::Instant;
use uuid::Uuid;

use crate::Admission;
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

/// A sale in this process's hands.
#[derive(Default)]
struct Desk {
    lease: Option<Lease>,
    sought: Option<Instant>,
    /// When Redis could last not be read, in milliseconds since 1970.
    blind_ms: i64,
    /// Since when each absent place has stood at the head.
    absent: HashMap<i64, Instant>,
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
    let mut last_tick = Instant::now();
    loop {
        // News bring the next tick forward, so that a freed seat is offered at once.
        follower.next(Duration::from_millis(config.tick_ms).saturating_sub(last_tick.elapsed())).await?;
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
                || course.sold_out && follower.mirror().free() == 0
            {
                continue;
            }
            let desk = desks.entry(*sale).or_default();
            if let Err(fault) = attend(admission, tasks, follower.mirror(), *sale, mirror, desk).await {
                match fault {
                    StoreError::Moved(_) => {
                        counter!(LOST).increment(1);
                        gauge!(LEASES).decrement(1.0);
                        desk.lease = None;
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

async fn attend(
    admission: &Admission,
    tasks: &Tasks,
    event: &EventMirror,
    sale: Uuid,
    mirror: &SaleMirror,
    desk: &mut Desk,
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
                desk.absent.clear();
                tracing::info!(%sale, term = lease.term, "pacing this sale");
            }
        }
        return Ok(());
    };
    if mirror.course().awaits_draw() && desk.drawing != Some(lease.term) {
        desk.drawing = Some(lease.term);
        let (drawer, event) = (admission.drawer.clone(), event.event);
        tasks.spawn(TaskKind::Job, "the draw of a lobby", async move {
            drawer.run(event, lease).await;
            Ok(())
        });
    }
    let started = Instant::now();
    let ask = head(admission, event, sale, mirror, desk, lease).await;
    let done = admission.store.pace(&ask).await?;
    histogram!(TICK).record(started.elapsed().as_secs_f64());
    counter!(ADMITTED).increment(done.admitted.len() as u64);
    counter!(SKIPPED).increment(done.skipped.len() as u64);
    for entry in done.skipped {
        desk.absent.remove(&entry);
    }
    Ok(())
}

/// Reads the head of the line: who of it is present, who is absent and since when.
async fn head(
    admission: &Admission,
    event: &EventMirror,
    sale: Uuid,
    mirror: &SaleMirror,
    desk: &mut Desk,
    lease: Lease,
) -> PaceAsk {
    let config = &admission.config;
    // Twice the pace's share of a second, and those who may be absent.
    let wanted = (mirror.now.rate_per_minute as usize / 30 + 8).min(config.window);
    let mut ask = PaceAsk {
        lease,
        event: event.event,
        candidates: Vec::new(),
        skip: Vec::new(),
        passed_over: Vec::new(),
        joins_seen: mirror.joins,
    };
    let mut seen_absent = HashSet::new();
    let mut line = mirror.order.iter();
    let now_ms = admission.clock.now_ms();
    let presence_ms = mirror.now.presence_ms;
    // Only waiting places count against the window: however many were skipped, the line behind them is reached.
    let mut looked = 0;
    loop {
        let chunk: Vec<i64> = line.by_ref().take(wanted).collect();
        if chunk.is_empty() || looked >= config.window {
            break;
        }
        looked += chunk.iter().filter(|entry| !mirror.order.is_skipped(**entry)).count();
        // Redis being away makes everybody unknown, and unknown present.
        let seen = admission.store.last_seen(event.event, sale, &chunk).await.ok();
        // The copy may have been lost, and even made anew, before this process heard of it: what the notes themselves say counts.
        let since_ms = seen.as_ref().and_then(|seen| seen.since_ms).unwrap_or_else(|| {
            desk.blind_ms = now_ms;
            now_ms
        });
        // What was noted before the copy was made anew, or before Redis could be read again, says nothing; for a presence
        // window after that, unknown means present.
        let known_since_ms = since_ms.max(event.epoch_since_ms).max(desk.blind_ms);
        let trusting = known_since_ms + presence_ms > now_ms;
        for (nth, entry) in chunk.iter().enumerate() {
            let last_seen = seen.as_ref().and_then(|seen| seen.seen_ms.get(nth)).copied();
            let present = match last_seen {
                None => true,
                Some(at) if at < known_since_ms => trusting,
                Some(at) => at + 1_000 + presence_ms > now_ms,
            };
            if present {
                ask.candidates.push(*entry);
                continue;
            }
            ask.passed_over.push(PassedOver {
                entry: *entry,
                seen_ms: last_seen.unwrap_or(0),
                before: ask.candidates.len(),
            });
            if !mirror.order.is_skipped(*entry) {
                let since = *desk.absent.entry(*entry).or_insert_with(Instant::now);
                seen_absent.insert(*entry);
                if since.elapsed() >= Duration::from_millis(mirror.now.grace_ms.unsigned_abs()) {
                    ask.skip.push(*entry);
                }
            }
        }
        if ask.candidates.len() >= wanted {
            break;
        }
    }
    desk.absent.retain(|entry, _| seen_absent.contains(entry));
    ask
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
