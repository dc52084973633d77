//! One timer per event instead of several per socket: whose number of those ahead changed, who was told or heard nothing for
//! long, who cannot take a frame, whose place is over, and who is there.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use contracts::places::PlaceState;
use metrics::histogram;
use store::mirror::Standing;
use tokio::time::Instant;
use uuid::Uuid;

use crate::board::Board;
use crate::config::Config;
use crate::hub::Hub;
use crate::metrics::SWEEP;
use crate::room::Room;
use crate::slot::{AHEAD, ALIVE, Farewell, PING, SALE, SEATS, Slot};
use crate::view::{Sight, ahead, is_over};

/// How often an event's sockets are looked over.
const EVERY: Duration = Duration::from_millis(200);
/// Sockets looked over at once: then those rung at may write, and changes of single places go first.
const CHUNK: usize = 256;
/// After this part of the idle timeout without a sign the client's network stack is asked for one.
const ASK_SHARE: u64 = 3;

/// Sweeps until the room is over; then closes what is left.
pub async fn sweep(hub: Arc<Hub>, room: Arc<Room>) -> anyhow::Result<()> {
    let mut noted = Instant::now();
    while !room.over.is_cancelled() {
        tokio::select! {
            () = room.over.cancelled() => break,
            () = room.sweep.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
        let started = Instant::now();
        let mut present = (noted.elapsed() >= note_every(&hub, &room)).then(HashMap::new);
        pass(&hub, &room, present.as_mut()).await;
        if let Some(present) = present {
            noted = Instant::now();
            for (sale, entries) in present {
                hub.presence.note(room.event, sale, entries);
            }
        }
        histogram!(SWEEP).record(started.elapsed().as_secs_f64());
    }
    // Whoever is still here comes back: to another room of the event, or to learn that it is over.
    while room.slots().len() > 0 {
        for slot in room.slots().range(0, usize::MAX) {
            slot.dismiss(Farewell::Away);
        }
        tokio::time::sleep(EVERY).await;
    }
    Ok(())
}

/// How often fans behind open sockets are noted: as set, but three times within the shortest presence window of the event's
/// sales, so that an open socket always counts as present.
fn note_every(hub: &Hub, room: &Room) -> Duration {
    let shortest = room.read(|board| board.mirror.sales.values().map(|sale| sale.now.presence_ms).min());
    let third = shortest.flatten().map_or(u64::MAX, |ms| ms.unsigned_abs() / 3);
    Duration::from_millis(hub.config.presence_write_ms.min(third))
}

/// Looks over all sockets once, from the end of the list, so that nobody is missed when one in the middle leaves.
async fn pass(hub: &Hub, room: &Room, mut present: Option<&mut HashMap<Uuid, Vec<i64>>>) {
    let epoch = room.read(|board| board.mirror.epoch).unwrap_or_default();
    let seats = room.seats.frame(epoch, hub.monotonic_ms()).map(|frame| frame.upto);
    let mut to = room.slots().len();
    while to > 0 {
        let from = to.saturating_sub(CHUNK);
        let now_ms = hub.monotonic_ms();
        room.read(|board| {
            for slot in room.slots().range(from, to) {
                if check(slot, board, &hub.config, now_ms) | seats.is_some_and(|upto| is_shown(slot, board, upto)) {
                    slot.bell.notify_one();
                }
                if let Some(present) = present.as_deref_mut()
                    && is_in_line(slot, board)
                {
                    present.entry(slot.sale).or_default().push(slot.entry);
                }
            }
        });
        to = from;
        tokio::task::yield_now().await;
    }
}

fn is_in_line(slot: &Slot, board: &Board) -> bool {
    let Some(sale) = board.mirror.sales.get(&slot.sale) else { return false };
    (sale.order.waits(slot.entry) || sale.order.is_skipped(slot.entry)) && sale.is_with(slot.entry, slot.fan)
}

/// Marks that seats moved up to a version, for a fan who picks some and was not told. Answers whether that is so.
fn is_shown(slot: &Slot, board: &Board, upto: i64) -> bool {
    let picks = board.mirror.sales.get(&slot.sale).is_some_and(|sale| {
        let standing = sale.place(slot.entry).standing;
        sale.now.picks
            && matches!(standing, Standing::Standing | Standing::Holding(_))
            && sale.is_with(slot.entry, slot.fan)
    });
    let due = picks && slot.shown.seats.load(Ordering::Relaxed) < upto;
    if due {
        slot.mark(SEATS);
    }
    due
}

/// Marks what is due at a socket. Answers whether anything is.
fn check(slot: &Slot, board: &Board, config: &Config, now_ms: u64) -> bool {
    let since = |at: u64| if at == 0 { 0 } else { now_ms.saturating_sub(at) };
    let (heard, sent) =
        (since(slot.heard_ms.load(Ordering::Relaxed)), since(slot.shown.sent_ms.load(Ordering::Relaxed)));
    let farewell = if since(slot.stuck_ms.load(Ordering::Relaxed)) > config.slow_ms {
        Some(Farewell::Slow)
    } else if heard > config.idle_timeout_ms {
        Some(Farewell::Silent)
    } else if since(slot.shown.over_ms.load(Ordering::Relaxed)) > config.ended_linger_ms {
        Some(Farewell::Ended)
    } else {
        None
    };
    if let Some(farewell) = farewell {
        slot.dismiss(farewell);
        return true;
    }
    let mut due = 0;
    if board.pulse(slot.sale).is_some_and(|pulse| pulse.turn != slot.shown.turn.load(Ordering::Relaxed)) {
        due |= SALE;
    }
    if board.announced_ms(slot.sale) != slot.shown.announced_ms.load(Ordering::Relaxed) {
        due |= SALE;
    }
    if sent > config.alive_every_ms {
        due |= ALIVE;
    }
    let asked = slot.asked_ms.load(Ordering::Relaxed);
    if heard > config.idle_timeout_ms / ASK_SHARE && (asked == 0 || since(asked) > config.idle_timeout_ms / ASK_SHARE) {
        slot.asked_ms.store(now_ms, Ordering::Relaxed);
        due |= PING;
    }
    let shown = slot.shown.ahead.load(Ordering::Relaxed);
    if let Some(sale) = board.mirror.sales.get(&slot.sale)
        && shown != u64::MAX
        && sent >= interval_ms(shown, slot.phase)
        && is_worth_telling(shown, ahead(sale, slot.entry))
    {
        due |= AHEAD;
    }
    if due != 0 {
        slot.mark(due);
    }
    due != 0
}

/// How often a place is told how many are ahead. The front is within a second with the sweep's own period; farther back the
/// phase drives apart those who were last told at the same moment.
fn interval_ms(ahead: u64, phase: u8) -> u64 {
    let base = match ahead {
        0..500 => return 800,
        500..5_000 => 3_000,
        _ => 10_000,
    };
    base + base * u64::from(phase) / 1_024
}

/// Whether the number shown is worth replacing: any change, or one in a hundred where it is large.
const fn is_worth_telling(shown: u64, ahead: u64) -> bool {
    if shown > 10_000 { shown.abs_diff(ahead) >= shown / 100 } else { shown != ahead }
}

/// What a socket shows from now on.
pub fn showing(slot: &Slot, sight: &Sight, now_ms: u64) {
    let in_line = matches!(sight.view.state, PlaceState::Waiting | PlaceState::Skipped);
    slot.shown.ahead.store(if in_line { sight.view.ahead } else { u64::MAX }, Ordering::Relaxed);
    slot.shown.turn.store(sight.turn, Ordering::Relaxed);
    slot.shown.sent_ms.store(now_ms, Ordering::Relaxed);
    slot.shown.sold_out.store(sight.view.sold_out_for_you, Ordering::Relaxed);
    let since = slot.shown.over_ms.load(Ordering::Relaxed);
    let over = match (is_over(sight.view.state), since) {
        (false, _) => 0,
        (true, 0) => now_ms,
        (true, since) => since,
    };
    slot.shown.over_ms.store(over, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_told_often_and_the_far_end_only_what_is_worth_it() {
        assert!(interval_ms(0, 255) < 1_000 && interval_ms(499, 0) < 1_000);
        assert!((3_000..4_000).contains(&interval_ms(500, 255)) && interval_ms(4_999, 0) == 3_000);
        assert!((10_000..13_000).contains(&interval_ms(1_000_000, 255)));
        assert!(is_worth_telling(10_000, 9_999) && !is_worth_telling(7, 7));
        assert!(!is_worth_telling(20_000, 19_801) && is_worth_telling(20_000, 19_800));
    }
}
