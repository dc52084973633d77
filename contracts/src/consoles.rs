//! What the operators' and promoters' consoles read and change.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// Why it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<String>,
    /// Counts changes of the knobs; the `ETag`.
    pub rate_version: i64,
    /// The numbers.
    pub numbers: SaleNumbers,
    /// The server's clock when this was answered.
    pub server_now_ms: i64,
}

/// The knobs of admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Fans let in per minute: 1 to 600,000.
    pub rate_per_minute: u32,
    /// How many may be admitted, holding or paying at once: 1 to 1,000,000.
    pub max_active: u32,
}

/// `PATCH /v1/sales/{sale}/admission`. What is left out stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTuning {
    /// The new rate.
    #[serde(default)]
    pub rate_per_minute: Option<u32>,
    /// The new cap.
    #[serde(default)]
    pub max_active: Option<u32>,
    /// Why, for the audit log; 1 to 500 characters.
    pub reason: String,
}

/// `POST /v1/sales/{sale}/admission/pause` and `…/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why; a pause's reason is told to fans; 1 to 500 characters.
    pub reason: String,
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
