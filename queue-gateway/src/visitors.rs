//! Anonymous visitors: a signed name to stand in line under, kept by the browser and by nobody else.

use axum::extract::State;
use chassis::ids;
use contracts::accounts::Visitor;
use contracts::ids::FanId;
use contracts::server::Json;

use crate::desk::Desk;
use crate::limits::{Visitors, Within};

/// Makes a signed anonymous visitor.
#[utoipa::path(post, path = "/v1/visitors", operation_id = "make_visitor", tag = "people",
    responses((status = 200, body = Visitor)))]
pub async fn make(State(desk): State<Desk>, _: Within<Visitors>) -> Json<Visitor> {
    // Time-ordered, so that the index of places by fan stays local.
    let fan = ids::new(&desk.clock);
    let ttl_ms = desk.config.visitor_ttl_ms;
    Json(Visitor {
        fan_id: FanId(fan),
        token: desk.papers.visitor_token(fan, ttl_ms),
        expires_at_ms: desk.clock.now_ms() + ttl_ms,
    })
}
