//! The report: one JSON object, the last line of a demo.

use serde::Serialize;

use super::breaking::Killed;
use super::operating::Foresight;
use crate::checker::figures::{Figures, figures};
use crate::checker::{History, Tales};

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    #[serde(flatten)]
    figures: Figures,
    /// Everything found wrong, from both sides; empty when well.
    pub violations: Vec<String>,
    duration_s: f64,
    killed: Vec<Killed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<Foresight>,
    seed: u64,
}

impl Report {
    /// Of a sale that is over.
    #[must_use]
    pub fn new(
        history: &History,
        tales: &Tales<'_>,
        violations: Vec<String>,
        killed: Vec<Killed>,
        preview: Option<Foresight>,
        duration_s: f64,
        seed: u64,
    ) -> Self {
        Self { figures: figures(history, tales), violations, duration_s, killed, preview, seed }
    }
}
