//! The live map of an event in which fans pick: which seats moved, told in one frame to all who look for some.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};

use axum::extract::ws::Utf8Bytes;
use contracts::picking::SeatsMoved;
use contracts::places::Seq;
use contracts::push::{Message, Push, VERSION};
use store::feed::Record;
use store::follow::Follower;
use store::seats_now::SeatsNow;
use store::{Result, Store};
use uuid::Uuid;

/// How often there is a frame, where anything moved, in milliseconds.
pub const EVERY_MS: u64 = 400;
/// Each frame tells what the last so many told, too, so that a page which missed some need not ask.
const OVERLAP: usize = 3;

/// An event's live seats.
#[derive(Debug, Default)]
pub struct LiveSeats {
    /// Nothing while nobody picks in the event.
    now: RwLock<Option<SeatsNow>>,
    frames: Mutex<Frames>,
}

#[derive(Debug, Default)]
struct Frames {
    /// The versions of the last frames, oldest first.
    told: VecDeque<i64>,
    made_ms: u64,
    newest: Option<Frame>,
}

/// A frame for everybody.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The version of the seats lane that it tells up to.
    pub upto: i64,
    /// As it is sent.
    pub text: Utf8Bytes,
}

impl LiveSeats {
    /// Reads what Postgres says, if fans pick in the event and that was not done yet. The follower has begun before.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn begin(&self, store: &Store, event: Uuid, follower: &Follower, anew: bool) -> Result<()> {
        let picks = follower.mirror().sales.values().any(|sale| sale.now.picks);
        let begun = self.now.read().unwrap_or_else(PoisonError::into_inner).is_some();
        if !picks || begun && !anew {
            return Ok(());
        }
        let seats = SeatsNow::new(&store.hall(event).await?, &store.taken_seats(event).await?);
        self.set(seats);
        Ok(())
    }

    /// The first frame tells what moves after this.
    fn set(&self, seats: SeatsNow) {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.told.is_empty() {
            frames.told.push_back(seats.version());
        }
        drop(frames);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Some(seats);
    }

    /// Follows what was applied to the follower's mirror.
    pub fn keep_up(&self, records: &[Record]) {
        if let Some(now) = &mut *self.now.write().unwrap_or_else(PoisonError::into_inner) {
            for record in records {
                now.apply(record);
            }
        }
    }

    /// The newest frame.
    pub fn newest(&self) -> Option<Frame> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).newest.clone()
    }

    /// The newest frame; a new one if it is time and anything moved. Nothing where nobody picks, or nothing moved yet.
    pub fn frame(&self, epoch: i64, now_ms: u64) -> Option<Frame> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        let now = now.as_ref()?;
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = frames.told.back().is_some_and(|told| *told != now.version());
        if moved && (frames.newest.is_none() || now_ms.saturating_sub(frames.made_ms) >= EVERY_MS) {
            frames.made_ms = now_ms;
            let after = frames.told.front().copied();
            frames.told.push_back(now.version());
            if frames.told.len() > OVERLAP {
                frames.told.pop_front();
            }
            frames.newest = after.and_then(|after| frame(epoch, now, after));
        }
        frames.newest.clone()
    }
}

fn frame(epoch: i64, now: &SeatsNow, after: i64) -> Option<Frame> {
    let upto = now.version();
    let moved = now.since(after).map(|moved| SeatsMoved {
        after: moved.after,
        upto: moved.upto,
        taken: moved.taken,
        freed: moved.freed,
    });
    // What is too long ago is asked for.
    let moved = moved.unwrap_or_else(|| SeatsMoved { after: upto, upto, ..SeatsMoved::default() });
    let seq = Seq { seats: upto, ..Seq::default() };
    let text = serde_json::to_string(&Push { v: VERSION, epoch, seq, message: Message::Seats(moved) }).ok()?;
    Some(Frame { upto, text: text.into() })
}

#[cfg(test)]
mod tests {
    use domain::seats::{Area, Hall};
    use store::feed::{Change, Lane, LaneKind};
    use store::seating::TakenSeats;

    use super::*;

    fn taken(version: i64, seat: u32) -> Record {
        let ids = (Uuid::from_u128(1), Uuid::from_u128(2));
        let change = Change::Exchanged { booking: ids.0, sale: ids.1, entry: 1, taken: vec![seat], freed: Vec::new() };
        Record { lane: Lane { scope: ids.0, kind: LaneKind::Seats }, version, at_ms: 0, changes: vec![change] }
    }

    fn told(frame: Option<Frame>) -> Option<(i64, i64, Vec<u32>)> {
        let push: Push = serde_json::from_str(&frame?.text).unwrap();
        let Message::Seats(moved) = push.message else { panic!("{push:?}") };
        assert_eq!((push.epoch, push.seq.seats), (7, moved.upto));
        Some((moved.after, moved.upto, moved.taken))
    }

    #[test]
    fn frames_overlap_and_come_only_when_something_moved() {
        let seats = LiveSeats::default();
        assert!(seats.frame(7, 1).is_none(), "nobody picks");
        let area = Area { tier: 0, first: 0, capacity: 10, quality: 0 };
        let hall = Hall::new(Vec::new(), vec![area]).unwrap();
        seats.set(SeatsNow::new(&hall, &TakenSeats { version: 5, ..TakenSeats::default() }));
        assert!(seats.frame(7, 1).is_none(), "whoever comes asks for all");
        seats.keep_up(&[taken(6, 1)]);
        assert_eq!(told(seats.frame(7, 100)), Some((5, 6, vec![1])));
        assert_eq!(told(seats.frame(7, 5_000)), Some((5, 6, vec![1])), "nothing moved");
        seats.keep_up(&[taken(7, 7)]);
        seats.frame(7, 10_000);
        seats.keep_up(&[taken(8, 8)]);
        assert_eq!(told(seats.frame(7, 10_100)), Some((5, 7, vec![1, 7])), "not yet");
        for (nth, at_ms) in (9..).zip([11_000, 12_000]) {
            seats.keep_up(&[taken(nth, nth as u32)]);
            seats.frame(7, at_ms);
        }
        assert_eq!(told(seats.frame(7, 12_100)), Some((6, 10, vec![7, 8, 9, 10])));
    }
}
