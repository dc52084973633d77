//! `GET /v1/sales/{sale}/report`: whether a sale was fair, in numbers that anybody may read once it is over.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::ClockAct;
use crate::ids::SaleId;
use crate::places::EstimateCounts;

/// The fairness report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FairnessReport {
    /// The sale.
    pub sale_id: SaleId,
    /// Its name.
    pub name: String,
    /// Whether it is over, so that nothing but refunds will change this.
    pub over: bool,
    /// When the numbers were read, in milliseconds since 1970.
    pub as_of_ms: i64,
    /// Waits by minute of joining, from the opening on; who came before counts from there.
    pub waits: Vec<Waits>,
    /// The longest wait of anybody let in, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_wait_ms: Option<i64>,
    /// Counts by class.
    pub classes: Vec<ClassCounts>,
    /// Absences during which somebody behind was let in. Each counts once, however many went by; where the pace went over to another
    /// holder meanwhile, once more.
    pub passed_while_absent: u64,
    /// What operators did to the order, oldest first, at most 1,000.
    pub exceptions: Vec<OrderException>,
    /// What operators did to the clock that deadlines are by, oldest first, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clock: Vec<ClockAct>,
    /// The busiest minute against the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest: Option<BusiestMinute>,
    /// How well the waits that were told came true; nothing where none was compared. `GET /v1/live/estimates` tells more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimates: Option<EstimateCounts>,
    /// How well parties were seated. Left out by servers older than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seating: Option<SeatingReport>,
    /// Whether the draw looks like one, where there was one that is large enough to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<DrawEvenness>,
}

/// How parties were seated in the sale, and what is left of the event's seats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeatingReport {
    /// The event's sellable units.
    pub capacity: u64,
    /// Those nobody has.
    pub free: u64,
    /// Free seats with no free seat beside them, which are hard to sell. Standing places have no neighbours, and are not among them.
    pub lone: u64,
    /// The same as a share of the capacity, 0 to 1. When 99 % are sold, at most 0.005 is aimed at.
    pub lone_share: f64,
    /// Every offer of seats that the sale made, by how far it had to come down from what was asked, the best first.
    pub found: Vec<SeatsFound>,
}

/// How far seats had to come down from what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeatsFoundBy {
    /// Side by side, and no seat was newly left alone.
    TogetherNoSingle,
    /// Side by side.
    Together,
    /// In groups of at least two.
    SplitNobodyAlone,
    /// Apart, across rows and sections.
    Apart,
    /// In another tier that the fan accepts.
    OtherTier,
    /// Fewer than asked for, as the fan accepts.
    Fewer,
}

/// Offers of one step, with the sum of their scores: groups, then new singles, then quality; the lower, the better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeatsFound {
    /// The step.
    pub by: SeatsFoundBy,
    /// How many parties.
    pub parties: u64,
    /// Those that sit in more than one group.
    pub split: u64,
    /// In how many groups they all sit.
    pub groups: u64,
    /// Free seats that were newly left alone.
    pub new_singles: u64,
    /// The sum of the seats' qualities; a seat's is its place in the map's order, or by the stage if the map says where it is.
    pub quality: u64,
}

/// Places that joined within one minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waits {
    /// The minute's begin, in milliseconds since 1970.
    pub minute_ms: i64,
    /// Who joined then.
    pub joined: u64,
    /// Who of them was let in.
    pub admitted: u64,
    /// The wait that a tenth of those stayed below, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p10_ms: Option<i64>,
    /// Half of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<i64>,
    /// Nine tenths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_ms: Option<i64>,
}

/// Counts of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassCounts {
    /// 0 at the head of the line, 10 for everybody not invited.
    pub class: u8,
    /// Places ever given.
    pub joined: u64,
    /// Let in.
    pub admitted: u64,
    /// Passed over while absent, at least once.
    pub skipped: u64,
    /// Passed over and not back.
    pub no_shows: u64,
    /// Left, or removed by an operator.
    pub left: u64,
    /// Put there by an operator.
    pub inserted: u64,
    /// Holds that ran out.
    pub lapsed: u64,
}

/// An operator's doing that changed the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderException {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The version of the pace lane that told of it.
    pub version: i64,
    /// The entry.
    pub entry: i64,
    /// `put`, `insert` (the fan had no place before) or `remove`.
    pub action: String,
    /// Its class before.
    pub class_before: u8,
    /// Its class from then on.
    pub class: u8,
    /// Why, in the operator's words; for members alone, since it may name somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The busiest rolling minute, measured against the highest rate in force in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BusiestMinute {
    /// When it ended, in milliseconds since 1970.
    pub ended_at_ms: i64,
    /// How many were let in.
    pub admitted: u64,
    /// The rate.
    pub rate_per_minute: u32,
}

/// Pearson's test that the drawn numbers do not depend on the entries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DrawEvenness {
    /// How many entries were drawn.
    pub size: u64,
    /// The statistic over tenths of the entries by tenths of the numbers.
    pub chi_square: f64,
    /// Its degrees of freedom.
    pub degrees: u32,
    /// The same as a standard normal deviate: a true draw is beyond ±3.29 once in a thousand times.
    pub deviate: f64,
}
