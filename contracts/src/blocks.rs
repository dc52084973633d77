//! Seats that the promoter keeps back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::BlockId;

/// Seats in one block, at most.
pub const BLOCK_MAX: usize = 5_000;

/// `POST /v1/events/{event}/blocks`: keeps seats back, all or none, whether a sale runs or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeBlock {
    /// What the promoter calls it, 1 to 100 characters; for example `Guest list`.
    pub label: String,
    /// What else is to be noted, at most 500 characters; it stands in the audit log, too.
    #[serde(default)]
    pub note: String,
    /// Which: 1 to 100 parts of the hall, 5,000 seats at most in all.
    pub parts: Vec<HallPart>,
    /// When what is still in it is given free by itself, to the head of the line, in milliseconds since 1970; left out, only when
    /// somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frees_at_ms: Option<i64>,
}

/// A part of the hall, by the names in its seat map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HallPart {
    /// The section's or the standing area's name.
    pub section: String,
    /// The row's label; without it, the whole section. An area has no rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The labels of seats in that row; without them, the whole row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Vec<String>>,
    /// Of a standing area, how many places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// `POST /v1/events/{event}/blocks/{block}/free`: gives seats free again, all or none; they go to the head of the line at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreeSeats {
    /// Which, by the numbers that `GET …/blocks` tells; without them, all that are still in the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Vec<u32>>,
    /// Why, for the audit log; at most 500 characters.
    #[serde(default)]
    pub reason: String,
}

/// `PUT /v1/events/{event}/blocks/{block}/opening`: when what is still in it is given free by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockOpening {
    /// In milliseconds since 1970; left out, only when somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frees_at_ms: Option<i64>,
}

/// `GET /v1/events/{event}/blocks`: a page of the blocks that have seats still, newest first; ask again after its last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blocks {
    /// The blocks.
    pub blocks: Vec<Block>,
}

/// Seats kept back together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Block {
    /// Its identifier.
    pub block_id: BlockId,
    /// What the promoter calls it.
    pub label: String,
    /// What else they noted.
    pub note: String,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: i64,
    /// Who made it, by their e-mail address.
    pub by: String,
    /// When they are given free without anybody doing it, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frees_at_ms: Option<i64>,
    /// The seats still in it, in the hall's order.
    pub seats: Vec<BlockedSeat>,
}

/// A seat that is kept back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockedSeat {
    /// Its ordinal in the event.
    pub seat: u32,
    /// What people read.
    pub label: String,
    /// Whether somebody has a complimentary ticket for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
}
