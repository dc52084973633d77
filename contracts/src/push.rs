//! The WebSocket's messages: `{v, type, epoch, seq, data}` from us, `{v, type, data}` from the page.

use serde::{Deserialize, Serialize};

use crate::picking::SeatsMoved;
use crate::places::{Estimate, Seq, View};

/// The protocol's version, sent as `v`.
pub const VERSION: u8 = 1;

/// From the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Push {
    /// [`VERSION`].
    pub v: u8,
    /// The sale's rebuild of its fast copy.
    pub epoch: i64,
    /// What this node had seen when it wrote this.
    pub seq: Seq,
    /// What it says.
    #[serde(flatten)]
    pub message: Message,
}

/// What a push says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Message {
    /// The place as it is now. Only the newest matters.
    Place(Box<View>),
    /// Where fans pick: seats that were taken or came free, for whoever is looking for some. Whoever knows less than its `after` asks for
    /// all of them, `GET /v1/events/{event}/taken-seats`.
    Seats(SeatsMoved),
    /// Something went wrong with what the page sent.
    Problem {
        /// A stable code, as in problem documents.
        code: String,
        /// What to do.
        detail: String,
    },
}

/// From the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// [`VERSION`].
    pub v: u8,
    /// What it says.
    #[serde(flatten)]
    pub message: PullMessage,
}

/// What a page says. Any other frame counts as a sign of life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum PullMessage {
    /// First message: who asks, and the last (epoch, seq) seen, if any.
    Hello {
        /// The place's receipt.
        receipt: String,
        /// The last epoch seen.
        #[serde(default)]
        epoch: Option<i64>,
        /// The last seq seen.
        #[serde(default)]
        seq: Option<Seq>,
        /// The estimate that the page shows, if any, so that it does not jump with the socket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        estimate: Option<Estimate>,
    },
    /// Still here.
    Ping,
}

/// Close codes, and what a page does after each.
pub mod close {
    /// The server stops or moves: come back after `reason` milliseconds, spread out.
    pub const GOING_AWAY: u16 = 1001;
    /// No valid `hello` came in time or the receipt is not ours: do not come back with it.
    pub const BAD_RECEIPT: u16 = 4401;
    /// The place ended and its news are over: no need to come back.
    pub const ENDED: u16 = 4410;
    /// Too many sockets or messages: come back after a minute.
    pub const LIMITED: u16 = 4429;
    /// The reader was too slow: come back at once, the newest state is sent anew.
    pub const SLOW: u16 = 4408;
}
