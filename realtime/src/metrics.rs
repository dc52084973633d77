//! Names of this role's metrics, and handles for those on the path of every push.

use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Sockets that have said hello. (All open ones are `usher_sockets`.)
pub const LISTENING: &str = "usher_sockets_listening";
/// Frames with a place pushed. Label: `kind` (`first`, `own`, `sale`, `ahead`, `alive`).
pub const PUSHES: &str = "usher_pushes_total";
/// From a change's commit until the frame that tells it was handed to the system. Label: `kind` (`own`, `sale`).
pub const PUSH_DELAY: &str = "usher_push_delay_seconds";
/// Sockets closed. Label: `reason`.
pub const CLOSED: &str = "usher_sockets_closed_total";
/// Sockets that were refused before or at hello. Label: `reason` (`origin`, `full`, `stopping`, `silent`, `receipt`, `behind`, `over`).
pub const REFUSED: &str = "usher_hellos_refused_total";
/// Polls answered. Label: `from` (`mirror`, `record`, `nothing`).
pub const POLLS: &str = "usher_polls_total";
/// How long one sweep over an event's sockets took.
pub const SWEEP: &str = "usher_sweep_seconds";
/// Events followed by this process.
pub const FOLLOWED: &str = "usher_followed_events";
/// Followers that failed and were started again.
pub const RESTARTS: &str = "usher_follower_restarts_total";
/// Signs of life written.
pub const SEEN: &str = "usher_presence_notes_total";
/// Signs of life not written, because the queue was full or Redis away.
pub const UNSEEN: &str = "usher_presence_lost_total";

/// Fans whose wishes were not read because too many were asked for or known; they are told no chances.
pub const UNREAD: &str = "usher_wishes_unread_total";

const KINDS: [Kind; 5] = [Kind::First, Kind::Own, Kind::Sale, Kind::Ahead, Kind::Alive];

/// Why a frame is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// After hello.
    First,
    /// The place itself changed.
    Own,
    /// The sale's state changed.
    Sale,
    /// The number of those ahead changed.
    Ahead,
    /// Nothing was sent for a while.
    Alive,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Own => "own",
            Self::Sale => "sale",
            Self::Ahead => "ahead",
            Self::Alive => "alive",
        }
    }
}

/// Handles looked up once, since a lookup per push would cost more than the counting.
#[derive(Debug)]
pub struct Meters {
    pushes: [Counter; 5],
    own_delay: Histogram,
    sale_delay: Histogram,
}

impl Meters {
    /// Describes all metrics, makes them visible before they first happen, and takes the handles.
    pub fn install() -> Self {
        describe_gauge!(LISTENING, "Sockets that have said hello");
        describe_counter!(PUSHES, "Frames with a place pushed, by what caused them");
        describe_histogram!(
            PUSH_DELAY,
            Unit::Seconds,
            "From a change's commit until its frame was handed to the system"
        );
        describe_counter!(CLOSED, "Sockets closed, by reason");
        describe_counter!(REFUSED, "Sockets refused before or at hello, by reason");
        describe_counter!(POLLS, "Polls answered, by where the answer came from");
        describe_histogram!(SWEEP, Unit::Seconds, "How long one sweep over an event's sockets took");
        describe_gauge!(FOLLOWED, "Events followed by this process");
        describe_counter!(RESTARTS, "Followers that failed and were started again");
        describe_counter!(SEEN, "Signs of life written");
        describe_counter!(UNSEEN, "Signs of life not written");
        describe_counter!(UNREAD, "Wishes not read because there were too many");
        gauge!(LISTENING).set(0.0);
        gauge!(FOLLOWED).set(0.0);
        for name in [RESTARTS, SEEN, UNSEEN, UNREAD] {
            counter!(name).absolute(0);
        }
        for reason in ["origin", "full", "stopping", "silent", "receipt", "behind", "over"] {
            counter!(REFUSED, "reason" => reason).absolute(0);
        }
        for reason in crate::slot::Farewell::ALL {
            counter!(CLOSED, "reason" => reason.name()).absolute(0);
        }
        for from in ["mirror", "record", "nothing"] {
            counter!(POLLS, "from" => from).absolute(0);
        }
        Self {
            pushes: KINDS.map(|kind| counter!(PUSHES, "kind" => kind.name())),
            own_delay: histogram!(PUSH_DELAY, "kind" => Kind::Own.name()),
            sale_delay: histogram!(PUSH_DELAY, "kind" => Kind::Sale.name()),
        }
    }

    /// A frame was handed to the system; `delay_ms` after the change that it tells, where one is meant.
    pub fn pushed(&self, kind: Kind, delay_ms: Option<i64>) {
        self.pushes[kind as usize].increment(1);
        if let Some(ms) = delay_ms {
            let histogram = if kind == Kind::Own { &self.own_delay } else { &self.sale_delay };
            histogram.record(ms.max(0) as f64 / 1_000.0);
        }
    }
}
