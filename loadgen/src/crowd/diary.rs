//! What a fan writes down. The checker judges from these alone.

use std::sync::{Arc, Mutex, PoisonError};

use chassis::clock::Clock;
use contracts::bookings::{Booking, BookingState};
use contracts::ids::{BookingId, PlaceId, TicketId};
use contracts::log::ToldHead;
use contracts::places::{HoldView, PlaceState, Seq, View};
use contracts::sales::SaleState;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::api::caller::{Ears, Refusal};

/// One person's whole sale.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Story {
    /// The fan's number.
    pub fan: u32,
    /// Who they are.
    pub plan: Plan,
    /// Whether it came to an end by itself.
    pub ended: bool,
    /// What happened, in the order it was noticed.
    pub records: Vec<Record>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// When it was noticed here, in milliseconds since 1970.
    pub at_ms: i64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum What {
    /// A join was answered.
    Joined {
        /// Which of the fan's devices asked.
        device: u8,
        /// The place in the answer.
        place: PlaceId,
        /// Its entry.
        entry: i64,
        /// When the server says it joined.
        joined_at_ms: i64,
        /// From the intended sending to the answer, in microseconds.
        took_us: u64,
    },
    /// A socket is open and has greeted, or polling began.
    Connected {
        /// Which of the fan's windows.
        eye: u8,
        /// For which place.
        place: PlaceId,
    },
    /// That socket is gone, or polling ended.
    Gone {
        /// Which of the fan's windows.
        eye: u8,
        /// For which place.
        place: PlaceId,
    },
    /// A view of the place came.
    Saw {
        /// Which of the fan's windows.
        eye: u8,
        /// How it came.
        via: Via,
        /// Of which place.
        place: PlaceId,
        /// The sale's epoch.
        epoch: i64,
        /// What the node had seen.
        seq: Seq,
        /// What it said.
        sight: Sight,
    },
    /// A view told a head of the sale's log.
    TheHead(ToldHead),
    /// The booking was looked at.
    Booking(BookingSeen),
    /// Seats were picked, and the server said that they are held.
    Picked {
        /// In which booking.
        booking: BookingId,
        /// Which, all of them.
        seats: Vec<u32>,
        /// When, by the server's clock.
        server_now_ms: i64,
    },
    /// The fan did something, and the server said yes.
    Did {
        /// Of which place.
        place: PlaceId,
        /// What.
        act: Act,
    },
    /// A payment attempt was given.
    Attempt {
        /// For which booking.
        booking: BookingId,
        /// The provider's intent.
        intent: String,
    },
    /// The provider answered a confirm.
    Confirmed {
        /// For which booking.
        booking: BookingId,
        /// Which intent.
        intent: String,
        /// The intent's status, or the refusal's code.
        status: String,
        /// Whether the provider took it: authorised or working on it.
        taken: bool,
    },
    /// An answer came that is no success.
    Refused(Refusal),
    /// Looked back: the server knows the fan's place.
    Found {
        /// Whose receipt was shown.
        asked: PlaceId,
        /// The place it answered.
        place: PlaceId,
        /// Its entry.
        entry: i64,
        /// Where it is.
        state: PlaceState,
    },
    /// Looked back: the server does not know the place.
    Lost {
        /// Whose receipt was shown.
        place: PlaceId,
        /// The problem's code.
        code: String,
    },
}

/// How a view came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Via {
    /// The first on a socket, which tells what is, not what changed.
    First,
    /// Pushed over an open socket.
    Push,
    /// Polled.
    Poll,
}

/// What the fan did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Left the line.
    Leave,
    /// Gave the seats back.
    GiveBack,
    /// Extended the hold.
    Extend,
    /// Asked for other seats than those held. Noted before the answer: it may have been heard without one.
    Exchange,
    /// Asked to hold picked seats, and got no answer: it may have happened.
    Pick,
    /// Agreed to take what was offered instead.
    Agree,
    /// Asked to pay.
    Pay,
    /// Asked to leave or to give back, and got no answer: it may have happened.
    Unsure,
}

/// A view, without what no check needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contract's `View`")]
pub struct Sight {
    pub state: PlaceState,
    pub ahead: u64,
    pub sale: SaleState,
    pub hold: Option<HoldView>,
    pub booking: Option<BookingId>,
    pub changed_at_ms: i64,
    pub server_now_ms: i64,
}

impl From<&View> for Sight {
    fn from(view: &View) -> Self {
        Self {
            state: view.state,
            ahead: view.ahead,
            sale: view.sale,
            hold: view.hold.clone(),
            booking: view.booking_id,
            changed_at_ms: view.changed_at_ms,
            server_now_ms: view.server_now_ms,
        }
    }
}

/// A booking, without pictures and prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contract's `Booking`")]
pub struct BookingSeen {
    pub booking: BookingId,
    pub place: PlaceId,
    pub state: BookingState,
    pub seats: Vec<u32>,
    pub amount_minor: i64,
    pub deadline_ms: i64,
    pub tickets: Vec<TicketSeen>,
    pub server_now_ms: i64,
}

/// A ticket, without its picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contract's `Ticket`")]
pub struct TicketSeen {
    pub ticket: TicketId,
    pub seat: u32,
    pub code: String,
    pub valid: bool,
}

impl From<&Booking> for BookingSeen {
    fn from(booking: &Booking) -> Self {
        Self {
            booking: booking.booking_id,
            place: booking.place_id,
            state: booking.state,
            seats: booking.seats.iter().map(|seat| seat.seat).collect(),
            amount_minor: booking.amount_minor,
            deadline_ms: booking.deadline_ms,
            tickets: booking
                .tickets
                .iter()
                .map(|t| TicketSeen { ticket: t.ticket_id, seat: t.seat, code: t.code.clone(), valid: t.valid })
                .collect(),
            server_now_ms: booking.server_now_ms,
        }
    }
}

/// A diary being written, by the fan and all of its windows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Diary {
    clock: Clock,
    /// Nobody will read it: a crowd that only has to be there would fill the memory otherwise.
    idle: bool,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Diary {
    /// An empty one.
    pub fn new(clock: Clock) -> Self {
        Self { clock, idle: false, records: Arc::default() }
    }

    /// One that forgets at once.
    pub fn idle(clock: Clock) -> Self {
        Self { idle: true, ..Self::new(clock) }
    }

    /// Notes something as of now.
    pub fn note(&self, what: What) {
        self.note_at(self.clock.now_ms(), what);
    }

    /// Notes something as of a moment already taken.
    pub fn note_at(&self, at_ms: i64, what: What) {
        if !self.idle {
            self.records.lock().unwrap_or_else(PoisonError::into_inner).push(Record { at_ms, what });
        }
    }

    /// Closes the diary and hands out what is in it.
    pub fn close(&self) -> Vec<Record> {
        std::mem::take(&mut *self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ears for Diary {
    fn refused(&self, refusal: Refusal) {
        self.note(What::Refused(refusal));
    }
}
