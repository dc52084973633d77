//! What the operators' and promoters' consoles read and change.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::announcements::Announcement;
use crate::clock::ClockView;
use crate::ids::{AccountId, SaleId};
use crate::sales::SaleState;

/// `GET /v1/sales/{sale}/admission`: the live numbers and the knobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AdmissionView {
    /// The sale.
    pub sale_id: SaleId,
    /// What it is doing.
    pub state: SaleState,
    /// The knobs as they are.
    pub tuning: Tuning,
    /// The rate that the ramp and the knobs bring into force now, in fans per minute; 0 while everybody is held.
    #[serde(default)]
    pub rate_in_force: u32,
    /// What the automatic brake does.
    #[serde(default)]
    pub brake: BrakeView,
    /// Why it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<String>,
    /// Why it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// What is announced to everybody in the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// The clock that deadlines are by.
    #[serde(default)]
    pub clock: ClockView,
    /// Counts changes of the knobs; the `ETag`.
    pub rate_version: i64,
    /// The numbers.
    pub numbers: SaleNumbers,
    /// The server's clock when this was answered.
    pub server_now_ms: i64,
}

/// The knobs of admission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Fans let in per minute: the hard cap, whatever the ramp says; 1 to 600,000.
    pub rate_per_minute: u32,
    /// How many may be admitted, holding or paying at once: 1 to 1,000,000.
    pub max_active: u32,
    /// Fans who should really come to shop per minute: 1 to 600,000. As many more are let in as are measured not to come, at
    /// most twice as many; the rate stays the cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_per_minute: Option<u32>,
    /// How long an absent fan keeps the head of the line before being skipped, in milliseconds: 0 to 3,600,000.
    pub grace_ms: i64,
    /// How long after a last sign a fan counts as present, in milliseconds: 5,000 to 600,000.
    pub presence_ms: i64,
    /// Scheduled rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// The automatic brake; without it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<Brake>,
}

/// A schedule of rates below `rate_per_minute`, which holds before its first step and caps them all; the last holds for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// 1 to 32 steps, ascending in time.
    pub steps: Vec<RampStep>,
    /// What holds between two steps.
    #[serde(default)]
    pub between: Between,
}

/// A rate from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RampStep {
    /// From when, in milliseconds since 1970.
    pub at_ms: i64,
    /// Fans per minute: 1 to 600,000.
    pub rate_per_minute: u32,
}

/// What holds between two steps of a ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// The earlier step's rate.
    #[default]
    Steps,
    /// The straight line from the earlier to the later.
    Linear,
}

/// What the automatic brake goes by: it halves the pace while the booking path is slow or fails, and comes back by steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Brake {
    /// A 99th percentile of the booking path above this is a breach, in milliseconds, if three measurements are.
    pub p99_ms: u32,
    /// More errors per thousand than this are a breach, if they are three or more.
    pub errors_per_mille: u32,
    /// Fewer measurements than this say nothing; at least 1.
    pub least_samples: u32,
    /// So long after a change the pace is not halved again, in milliseconds; at least 1,000.
    pub hold_off_ms: i64,
    /// Halved at most so often: 1 to 10.
    pub halvings_max: u8,
    /// A step back comes so long after the last change and breach, in milliseconds; at least `hold_off_ms`.
    pub recover_every_ms: i64,
    /// A step back makes the pace this many hundredths of what it was: 101 to 400.
    pub recover_percent: u32,
}

impl Default for Brake {
    fn default() -> Self {
        Self {
            p99_ms: 1_000,
            errors_per_mille: 20,
            least_samples: 20,
            hold_off_ms: 5_000,
            halvings_max: 4,
            recover_every_ms: 10_000,
            recover_percent: 125,
        }
    }
}

/// What the automatic brake does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BrakeView {
    /// The pace is this share of what the knobs say, above 0; 1 when it does not brake.
    pub factor: f64,
    /// Why, if it ever braked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
}

impl Default for BrakeView {
    fn default() -> Self {
        Self { factor: 1.0, why: None, since_ms: None }
    }
}

/// `PATCH /v1/sales/{sale}/admission` and `POST …/preview`. What is left out stays; null takes a target, ramp or brake away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTuning {
    /// The new rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_minute: Option<u32>,
    /// The new cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active: Option<u32>,
    /// The new target.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub target_per_minute: Option<Option<u32>>,
    /// The new grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ms: Option<i64>,
    /// The new time of presence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_ms: Option<i64>,
    /// The new ramp, with no step above the rate.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Ramp>)]
    pub ramp: Option<Option<Ramp>>,
    /// The new brake.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Brake>)]
    pub brake: Option<Option<Brake>>,
    /// Why, for the audit log; 1 to 500 characters. A preview needs none.
    #[serde(default)]
    pub reason: String,
    /// The code that a dangerous change was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// Null is a value; only what is not there at all stays.
#[expect(clippy::option_option, reason = "not there, null and a value are three things")]
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `POST /v1/sales/{sale}/admission/pause`, `…/resume`, `…/stop`, `…/start` and `…/undo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why; a pause's and a stop's reason is told to fans; 1 to 500 characters.
    pub reason: String,
    /// The code that a dangerous change was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// `POST /v1/sales/{sale}/admission/preview`: what the change would do, run on in virtual time from the line as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewView {
    /// If nothing is changed.
    pub without: Forecast,
    /// If it is.
    pub with: Forecast,
    /// The share of those who wait, 0 to 1, whose wait moves by more than a fifth, or who are reached only in one of the two.
    pub moved: f64,
    /// How many parties wait now.
    pub waiting: u64,
    /// How many runs each forecast is from.
    pub runs: u32,
    /// How long the answer took, in milliseconds.
    pub took_ms: u64,
    /// The server's clock when the line was read.
    pub server_now_ms: i64,
}

/// What is to be expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// A tenth of those reached wait no longer than this, in seconds; nothing if nobody is reached.
    pub wait_p10_s: Option<u32>,
    /// Half wait no longer.
    pub wait_p50_s: Option<u32>,
    /// Nine tenths wait no longer.
    pub wait_p90_s: Option<u32>,
    /// The share of those who wait now, 0 to 1, who are not let in before the seats run out or the sale ends.
    pub unreached: f64,
    /// When the last seat is paid, in milliseconds since 1970, without kept seats that are never released; nothing if that happens
    /// in fewer than half of the runs.
    pub sold_out_at_ms: Option<i64>,
    /// The most let in within a minute.
    pub peak_per_minute: u32,
    /// The most admitted, holding or paying at once.
    pub peak_active: u32,
}

/// A sale in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SaleNumbers {
    /// Places ever given.
    pub joined: u64,
    /// In the line, absent ones not counted.
    pub waiting: u64,
    /// Passed over while absent, may still come back.
    pub skipped: u64,
    /// Admitted, no seats yet.
    pub standing: u64,
    /// With seats held or being paid.
    pub holding: u64,
    /// Let in during the last minute.
    pub admitted_last_minute: u64,
    /// Let in ever.
    pub admitted: u64,
    /// Bookings paid.
    pub paid: u64,
    /// Holds lapsed.
    pub lapsed: u64,
    /// Seats free.
    pub seats_free: u64,
    /// Seats in holds.
    pub seats_held: u64,
    /// Seats sold.
    pub seats_sold: u64,
    /// Seats that the promoter keeps back.
    #[serde(default)]
    pub seats_blocked: u64,
    /// Seats in all.
    pub capacity: u64,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditLine {
    /// When.
    pub at_ms: i64,
    /// Who.
    pub account_id: AccountId,
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What was done, for example `admission.pause`.
    pub action: String,
    /// Why.
    pub reason: String,
    /// What changed, from and to.
    pub change: serde_json::Value,
}

/// `GET /v1/sales/{sale}/admission/audit`, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditLog {
    /// The lines.
    pub lines: Vec<AuditLine>,
}

/// `GET /v1/events/{event}/availability`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Availability {
    /// Per tier, in the map's order.
    pub tiers: Vec<TierAvailability>,
    /// Which version of the seats lane this is.
    pub seats_version: i64,
}

/// `GET /v1/events/{event}/availability/history?by=`: the seats over time, for members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AvailabilityHistory {
    /// The tiers' ids, or the names of sections and standing areas, in the map's order.
    pub parts: Vec<String>,
    /// At most two hundred, oldest first, evenly spread from the first change on; the last is of now. None before anything happened.
    pub points: Vec<AvailabilityPoint>,
}

/// The seats at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AvailabilityPoint {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// In the parts' order.
    pub counts: Vec<SeatCounts>,
}

/// How many seats are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatCounts {
    /// Nobody has them.
    pub free: u32,
    /// In holds, paying or not.
    pub held: u32,
    /// Paid.
    pub sold: u32,
    /// Kept back.
    pub blocked: u32,
}

/// One tier's seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TierAvailability {
    /// The tier's id.
    pub tier: String,
    /// Nobody has them.
    pub free: u32,
    /// In holds, paying or not.
    pub held: u32,
    /// Paid.
    pub sold: u32,
    /// Kept back.
    pub blocked: u32,
    /// All.
    pub capacity: u32,
}
