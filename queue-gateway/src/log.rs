//! The sale's log for everybody: records as they were hashed, signed heads, and the key that verifies them.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use contracts::ids::{EventId, SaleId};
use contracts::log::{Head, LaneEnd, Line, LogKeys};
use contracts::problem::Problem;
use contracts::server::{Json, Query};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::feed::LaneKind;

use crate::desk::{Desk, problem};
use crate::limits::{Reads, Within};

/// Lines of one page, at most; a line is bounded by the batch that it records.
const PAGE_MAX: i64 = 1_000;

/// Where to go on, and how far.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    #[serde(default)]
    after: i64,
    #[serde(default = "page_max")]
    limit: i64,
}

const fn page_max() -> i64 {
    PAGE_MAX
}

impl Page {
    fn checked(self) -> Result<Self, Problem> {
        if self.after < 0 {
            return Err(Problem::invalid("after: 0, or the last version read"));
        }
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Problem::invalid(format!("limit: 1 to {PAGE_MAX}")));
        }
        Ok(self)
    }

    /// A full page never changes; the last one may grow within a second.
    fn answer<T: Serialize>(self, lines: &[T]) -> Result<Response, Problem> {
        let mut body = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut body, line).map_err(|_| Problem::internal())?;
            body.push(b'\n');
        }
        let cache =
            if lines.len() as i64 == self.limit { "public, max-age=31536000, immutable" } else { "public, max-age=1" };
        Ok(([(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, cache)], body).into_response())
    }
}

/// The signed heads of a sale's log, oldest first, one JSON object a line.
#[utoipa::path(get, path = "/v1/sales/{sale}/log/heads", tag = "log",
    params(("sale" = SaleId, Path), ("after" = Option<i64>, Query), ("limit" = Option<i64>, Query)),
    responses((status = 200, body = Head, content_type = "application/x-ndjson"),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn heads(
    State(desk): State<Desk>,
    _: Within<Reads>,
    contracts::server::Id(sale): contracts::server::Id<SaleId>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let page = page.checked()?;
    let _turn = desk.read_turn().await?;
    let owner = desk.store.sale_owner(sale.0).await.map_err(|fault| problem(&fault))?;
    owner.filter(|owner| owner.published).ok_or_else(|| Problem::not_found("sale"))?;
    let rows = desk.store.log_heads(sale.0, page.after, page.limit).await.map_err(|fault| problem(&fault))?;
    let end = |end: store::log::LaneEnd| LaneEnd { version: end.version, hash: hex::encode(end.hash) };
    let heads = rows.into_iter().map(|(facts, seal)| Head {
        sale_id: SaleId(facts.sale),
        event_id: EventId(facts.event),
        seq: facts.seq,
        at_ms: facts.at_ms,
        joins: end(facts.joins),
        pace: end(facts.pace),
        seats: end(facts.seats),
        previous: hex::encode(facts.previous),
        key_id: seal.key_id,
        hash: hex::encode(seal.hash),
        signature: contracts::log::signature_text(&seal.signature),
    });
    page.answer(&heads.collect::<Vec<_>>())
}

/// The records of one lane of a sale's log (`joins`, `pace`, or its event's `seats`), oldest first, one JSON object a line.
#[utoipa::path(get, path = "/v1/sales/{sale}/log/{lane}", tag = "log",
    params(("sale" = SaleId, Path), ("lane" = String, Path), ("after" = Option<i64>, Query), ("limit" = Option<i64>, Query)),
    responses((status = 200, body = Line, content_type = "application/x-ndjson"),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn lane(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Path((sale, lane)): Path<(String, String)>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let page = page.checked()?;
    let sale: SaleId = sale.parse().map_err(|_| Problem::not_found("sale"))?;
    let kind = LaneKind::parse(&lane).ok_or_else(|| Problem::not_found("lane: there are joins, pace and seats"))?;
    let _turn = desk.read_turn().await?;
    let rows = desk.store.log_lines(sale.0, kind, page.after, page.limit).await.map_err(|fault| problem(&fault))?;
    let mut lines = Vec::new();
    for row in rows.ok_or_else(|| Problem::not_found("sale"))? {
        let changes = RawValue::from_string(row.changes).map_err(|fault| {
            tracing::error!(%fault, version = row.version, "a record is not JSON");
            Problem::internal()
        })?;
        lines.push(Line { version: row.version, at_ms: row.at_ms, changes, hash: hex::encode(row.hash) });
    }
    page.answer(&lines)
}

/// The keys that verify heads of logs, the one that signs now first.
#[utoipa::path(get, path = "/v1/log-key", tag = "log",
    responses((status = 200, body = LogKeys),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn key(State(desk): State<Desk>, _: Within<Reads>) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(desk.papers.log_keys())).into_response()
}
