//! What the crowd has seen so far, in numbers: for progress lines, and for choosing the moment of a kill.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

/// Running numbers. Every field is a plain sum of changes.
#[derive(Debug, Default)]
pub struct Live {
    /// Fans with a token, waiting for the opening or further.
    pub ready: AtomicI64,
    /// Places given.
    pub joined: AtomicI64,
    /// Places let in.
    pub admitted: AtomicI64,
    /// Holds open as fans see them.
    pub holding: AtomicI64,
    /// Seats in paid bookings.
    pub sold: AtomicI64,
    /// Stories ended.
    pub ended: AtomicI64,
    /// When the line last moved: the server's time of the newest admission, hold, end or booking.
    pub moved_at_ms: AtomicI64,
    /// Everybody should look back now: the sale is over.
    pub closing: AtomicBool,
}

/// A moment's numbers, as they travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `Live`")]
pub struct Numbers {
    pub ready: i64,
    pub joined: i64,
    pub admitted: i64,
    pub holding: i64,
    pub sold: i64,
    pub ended: i64,
    pub moved_at_ms: i64,
}

impl Live {
    /// Adds to one of the numbers.
    pub fn add(number: &AtomicI64, change: i64) {
        number.fetch_add(change, Ordering::Relaxed);
    }

    /// The line moved at this time of the server's.
    pub fn moved(&self, at_ms: i64) {
        self.moved_at_ms.fetch_max(at_ms, Ordering::Relaxed);
    }

    /// The numbers now.
    pub fn numbers(&self) -> Numbers {
        let get = |number: &AtomicI64| number.load(Ordering::Relaxed);
        Numbers {
            ready: get(&self.ready),
            joined: get(&self.joined),
            admitted: get(&self.admitted),
            holding: get(&self.holding),
            sold: get(&self.sold),
            ended: get(&self.ended),
            moved_at_ms: get(&self.moved_at_ms),
        }
    }
}

impl Numbers {
    /// Of two parts of a crowd together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            ready: self.ready + other.ready,
            joined: self.joined + other.joined,
            admitted: self.admitted + other.admitted,
            holding: self.holding + other.holding,
            sold: self.sold + other.sold,
            ended: self.ended + other.ended,
            moved_at_ms: self.moved_at_ms.max(other.moved_at_ms),
        }
    }
}
