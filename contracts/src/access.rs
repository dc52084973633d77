//! Who may enter: access codes, invitations, places handed over, wishes changed, and what became of a place.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{AccountId, BookingId, CodeId, PlaceId, SaleId};
use crate::places::Wishes;

/// A code that opens something: a secret, so it is never shown in logs. Capitals, dashes, spaces and letters that look alike
/// (`O` and `0`; `I`, `L` and `1`) do not matter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SecretCode(pub String);

impl fmt::Debug for SecretCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretCode(…)")
    }
}

/// `POST /v1/sales/{sale}/codes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCode {
    /// 6 to 64 letters and digits; without it one of 60 random bits is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<SecretCode>,
    /// In how many places it may be used: 1 to 1,000,000.
    #[serde(default = "one")]
    pub uses_max: u32,
    /// When it stops, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// The class of places that come by it, 1 to 9, where the sale's ordering is `invited_first`; smaller goes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<u8>,
    /// What it is for; at most 100 characters.
    #[serde(default)]
    pub label: String,
}

const fn one() -> u32 {
    1
}

/// A code that was just made: the only time that it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MadeCode {
    /// Its identifier.
    pub code_id: CodeId,
    /// The code.
    pub code: SecretCode,
}

/// A code as members see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Code {
    /// Its identifier.
    pub code_id: CodeId,
    /// How its normal form begins.
    pub prefix: String,
    /// What it is for.
    pub label: String,
    /// The class of places that come by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<u8>,
    /// In how many places it may be used.
    pub uses_max: u32,
    /// In how many it was.
    pub uses: u32,
    /// When it stops, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
}

/// `GET /v1/sales/{sale}/codes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Codes {
    /// Oldest first.
    pub codes: Vec<Code>,
}

/// What came of importing a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// Lines that were imported.
    pub imported: u64,
    /// Lines that were left out, with `partial=true`.
    pub refused: u64,
    /// Why, by line and column; at most 100 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// `DELETE /v1/sales/{sale}/invitations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Uninvite {
    /// The address, as it was invited; capitals do not matter.
    pub email: String,
}

/// `GET /v1/sales/{sale}/entry`: who came by what, and how many of them went ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// Codes made.
    pub codes: u64,
    /// In how many places they may be used, together.
    pub uses_max: u64,
    /// In how many they were.
    pub uses: u64,
    /// Addresses on the list. Nobody has checked yet that an account's address is its owner's: codes are for what must not be
    /// taken by others.
    pub invited: u64,
    /// By class and reason, first class first; at most 500 of them.
    pub classes: Vec<EntryClass>,
}

/// Places of one class and reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryClass {
    /// 0 put to the head by an operator, 1 to 9 invited, 10 everybody else.
    pub class: u8,
    /// The list's reason or the code's label; empty for those who came like anybody.
    pub reason: String,
    /// How many joined.
    pub joined: u64,
    /// How many of them were let in.
    pub admitted: u64,
}

/// A one-time code by which another fan takes the place over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferCode {
    /// The code. Making another makes this one worthless.
    pub code: SecretCode,
    /// Until when it is good, in milliseconds since 1970.
    pub expires_at_ms: i64,
    /// The server's clock when this was answered.
    pub server_now_ms: i64,
}

/// `POST /v1/places/transfer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeTransfer {
    /// The code that the place's fan was given.
    pub code: SecretCode,
}

/// `PATCH /v1/sales/{sale}/places/mine`: what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWishes {
    /// How many tickets: 1 to the sale's `party_max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<u8>,
    /// What the party wants, as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wishes: Option<Wishes>,
}

/// `GET /v1/sales/{sale}/places/mine/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceHistory {
    /// The place.
    pub place_id: PlaceId,
    /// Its sale.
    pub sale_id: SaleId,
    /// The count at which it came.
    pub entry: i64,
    /// Its number in the line, once that is settled: the draw's, or the entry where none was drawn for it.
    pub number: i64,
    /// Its class: smaller goes first.
    pub class: u8,
    /// Why it goes first, or what its code is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Oldest first; of each kind the newest 20.
    pub steps: Vec<PlaceStep>,
}

/// Something that happened to a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceStep {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What.
    pub step: StepKind,
    /// Of `skipped`: when the fan was last seen, in milliseconds since 1970; 0 for never, missing where nobody knows any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at_ms: Option<i64>,
    /// Of `held` and `booking_ended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<BookingId>,
    /// Of `held`: until when the seats were promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// Of `booking_ended` and `ended`: how; of `put_back`: what the place was before, `none` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// Of `removed` and `put_back`: the operator's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of `put_back`: whether to the head of the line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub front: bool,
    /// Of `removed` and `put_back`: which operator it was; operators alone are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
}

impl PlaceStep {
    /// A step with nothing more to say.
    #[must_use]
    pub const fn new(at_ms: i64, step: StepKind) -> Self {
        Self {
            at_ms,
            step,
            seen_at_ms: None,
            booking_id: None,
            deadline_ms: None,
            how: None,
            reason: None,
            front: false,
            account_id: None,
        }
    }
}

/// What happened to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// It joined.
    Joined,
    /// The lobby's draw gave it its number.
    Drawn,
    /// Somebody else took it over.
    Transferred,
    /// It was passed over, since its fan was absent at the head of the line for longer than the sale waits.
    Skipped,
    /// It was let in.
    Admitted,
    /// Seats were held for it.
    Held,
    /// A booking of it ended, or was paid.
    BookingEnded,
    /// An operator took it out of the line.
    Removed,
    /// An operator put it into the line again, or to its head.
    PutBack,
    /// It ended.
    Ended,
}
