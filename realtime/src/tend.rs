//! Which events this node follows, and following each.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chassis::retry::Backoff;
use chassis::tasks::{TaskKind, Tasks};
use metrics::{counter, gauge};
use store::StoreError;
use store::follow::Follower;
use uuid::Uuid;

use crate::hub::Hub;
use crate::metrics::{FOLLOWED, RESTARTS};
use crate::odds::look_out;
use crate::room::Room;
use crate::sweep::sweep;

/// How long a follower waits for news before we look at the clock.
const PATIENCE_MS: i64 = 100;

/// Looks for events to follow, and sees to it that each that runs has its room and its tasks, until the soft stop.
pub async fn look(hub: Arc<Hub>, tasks: Tasks) -> anyhow::Result<()> {
    let stop = tasks.soft();
    while !stop.is_cancelled() {
        match hub.store.running_events().await {
            Ok(events) => {
                tend(&hub, &tasks, &events.into_iter().collect());
                hub.looks.send_modify(|looks| *looks += 1);
            }
            Err(fault) => tracing::warn!(%fault, "running events cannot be read for the moment"),
        }
        let pause = tokio::time::sleep(Duration::from_millis(hub.config.look_every_ms));
        let _stopped = stop.run_until_cancelled(pause).await;
    }
    Ok(())
}

/// Opens rooms for events that have none, and closes those of events that run no longer.
fn tend(hub: &Arc<Hub>, tasks: &Tasks, running: &HashSet<Uuid>) {
    let new: Vec<Arc<Room>> = hub.with_rooms(|rooms| {
        rooms.retain(|event, room| {
            // A room whose task broke is over as well; its sockets come back to a new one.
            let stays = running.contains(event) && !room.over.is_cancelled();
            if !stays {
                room.over.cancel();
            }
            stays
        });
        let mut new = Vec::new();
        for event in running {
            rooms.entry(*event).or_insert_with(|| {
                let room = Arc::new(Room::new(*event, hub.estimates.clone(), tasks.hard().child_token()));
                new.push(room.clone());
                room
            });
        }
        gauge!(FOLLOWED).set(rooms.len() as f64);
        new
    });
    for room in new {
        tasks.spawn(TaskKind::Job, "follower", follow(hub.clone(), room.clone(), tasks.clone()));
        tasks.spawn(TaskKind::Job, "what remains", look_out(hub.clone(), room.clone()));
        tasks.spawn(TaskKind::Job, "sweeper", sweep(hub.clone(), room));
    }
}

/// Follows an event until its room is over or the process stops; starts again whenever following fails.
async fn follow(hub: Arc<Hub>, room: Arc<Room>, tasks: Tasks) -> anyhow::Result<()> {
    // However this task ends, even by a panic, its room does not go on without it.
    let _over = room.over.clone().drop_guard();
    let stop = tasks.soft();
    let mut backoff = Backoff::new(100, 3_000);
    loop {
        let following = stop.run_until_cancelled(session(&hub, &room, &mut backoff));
        let Some(Some(fault)) = Box::pin(room.over.run_until_cancelled(following)).await else { break };
        counter!(RESTARTS).increment(1);
        tracing::warn!(event = %room.event, %fault, "following failed; starting again");
        if !fault.is_away() {
            room.settle();
        }
        let pause = stop.run_until_cancelled(tokio::time::sleep(backoff.delay()));
        let _stopped = room.over.run_until_cancelled(pause).await;
    }
    // While the process stops, sockets may still be open: they keep the last that was known until they are closed.
    if tasks.is_stopping() {
        room.over.run_until_cancelled(hub.sockets.drained(Duration::from_hours(1))).await;
    }
    Ok(())
}

/// Follows from a snapshot on, until something fails.
async fn session(hub: &Hub, room: &Room, backoff: &mut Backoff) -> StoreError {
    let mut follower = match Follower::start(&hub.store, room.event).await {
        Ok(follower) => follower,
        Err(fault) => return fault,
    };
    room.load(follower.mirror().clone(), hub.clock.now_ms());
    if let Err(fault) = room.seats.begin(&hub.store, room.event, &follower, true).await {
        return fault;
    }
    backoff.reset();
    let mut patience_ms = PATIENCE_MS;
    loop {
        match follower.next(Duration::from_millis(patience_ms.unsigned_abs())).await {
            Ok(records) => {
                room.seats.keep_up(&records);
                if let Err(fault) = room.seats.begin(&hub.store, room.event, &follower, false).await {
                    return fault;
                }
                let next_ms = room.keep_up(follower.mirror(), &records, hub.clock.now_ms());
                // Doors open and close by the clock: be there.
                let until = next_ms.map_or(PATIENCE_MS, |at| at - hub.clock.now_ms());
                patience_ms = until.clamp(1, PATIENCE_MS);
            }
            Err(fault) => return fault,
        }
    }
}
