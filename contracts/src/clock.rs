//! The operators' hand on deadlines: a sale's clock, which they stop or put back when fans cannot pay.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/sales/{sale}/admission/deadlines/extend`: more time for everybody who holds seats. It uses up nobody's own extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendDeadlines {
    /// How much more, in milliseconds: 1,000 to 3,600,000.
    pub by_ms: i64,
    /// Why, for the audit log; 1 to 500 characters.
    pub reason: String,
    /// The code that it was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// The clock that a sale's deadlines are by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ClockView {
    /// How often it was stopped or put back.
    pub acts: u32,
    /// Whether it stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<FrozenView>,
}

/// A clock that stands still: no hold ends before it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrozenView {
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Why, in the operator's words, which fans read.
    pub reason: String,
    /// Who stopped it, by their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What operators did to a sale's clock, in its fairness report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClockAct {
    /// `extend` or `freeze`.
    pub kind: String,
    /// When, in milliseconds since 1970.
    pub began_at_ms: i64,
    /// When a freeze ended; nothing while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// By how much the clock was put back besides the time for which it stood, in milliseconds.
    pub extra_ms: u32,
    /// Why, in the operator's words; of an extension for members alone, of a freeze as fans read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
