//! The same answers by polling, for pages whose network lets no socket through.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use contracts::places::{Estimate, PlaceState, Seq, View};
use contracts::problem::Problem;
use contracts::server::{Holder, Json, Query};
use metrics::counter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::board::Board;
use crate::hub::Found;
use crate::metrics::POLLS;
use crate::record;
use crate::telling;
use crate::view::{announcement, is_over, look};

/// In how many milliseconds to ask again.
const POLL_AFTER: HeaderName = HeaderName::from_static("usher-poll-after-ms");

/// What the asker has seen: the `epoch` and `seq` of the last answer. What is left out counts as nothing seen.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Seen {
    /// The epoch.
    #[param(required = false)]
    epoch: i64,
    /// The joins lane's version.
    #[param(required = false)]
    joins: i64,
    /// The pace lane's version.
    #[param(required = false)]
    pace: i64,
    /// The seats lane's version.
    #[param(required = false)]
    seats: i64,
    /// The last estimate's `low_s`, so that the next one does not jump.
    #[param(required = false)]
    low_s: Option<u32>,
    /// Its `high_s`.
    #[param(required = false)]
    high_s: Option<u32>,
    /// The `at_ms` of the announcement that the page has.
    #[param(required = false)]
    announced: i64,
}

impl Seen {
    fn estimate(&self) -> Option<Estimate> {
        Some(Estimate { low_s: self.low_s?, high_s: self.high_s?, changed: None })
    }
}

/// A place as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Polled {
    /// The rebuild of the event's copy that this was read from.
    epoch: i64,
    /// The lanes' versions behind it.
    seq: Seq,
    /// The place.
    view: View,
}

/// The place of the receipt in `Authorization`, as the socket would tell it.
#[utoipa::path(get, path = "/v1/live/place", tag = "live", security(("bearer" = [])), params(Seen),
    responses((status = 200, body = Polled,
               headers(("Usher-Poll-After-Ms" = u32, description = "In how many milliseconds to ask again")))))]
pub async fn place(
    State(App(hub)): State<App>,
    Holder(receipt): Holder,
    Query(seen): Query<Seen>,
) -> Result<Response, Problem> {
    hub.heard(&receipt);
    let seq = Seq { joins: seen.joins, pace: seen.pace, seats: seen.seats };
    let behind = || {
        counter!(POLLS, "from" => "nothing").increment(1);
        Problem::unavailable("this server has not seen yet what you have seen; your place is safe")
    };
    let (from, polled) = match hub.find(&receipt, Some(seq)).await {
        Found::Behind => return Err(behind()),
        Found::Room(room) => {
            let read = |board: &Board| {
                let mut sight = look(board, receipt.sale, receipt.entry, receipt.fan, hub.clock.now_ms())?;
                sight.view.announcement = announcement(board, receipt.sale, seen.announced);
                Some(sight)
            };
            let sight = room.read(read).flatten();
            let mut sight = sight.ok_or_else(behind)?;
            sight.view.estimate = telling::answer(seen.estimate(), sight.fresh);
            room.outlook.tell(&mut sight.view, receipt.sale, receipt.entry);
            sight.view.log_head = room.heads.newer(receipt.sale, 0);
            ("mirror", Polled { epoch: sight.epoch, seq: sight.seq, view: sight.view })
        }
        Found::NotFollowed => {
            let view = record::view(&hub, &receipt).await.inspect_err(|_| {
                counter!(POLLS, "from" => "nothing").increment(1);
            })?;
            // Postgres itself has seen all that anybody has.
            let seq = Seq { joins: seq.joins.max(receipt.joins), ..seq };
            ("record", Polled { epoch: seen.epoch.max(1), seq, view })
        }
    };
    counter!(POLLS, "from" => from).increment(1);
    let headers = [
        (POLL_AFTER, HeaderValue::from(ask_again_ms(&polled.view))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Json(polled)).into_response())
}

/// How soon asking again makes sense: the nearer the fan's turn, the sooner.
const fn ask_again_ms(view: &View) -> u32 {
    match view.state {
        state if is_over(state) => 60_000,
        PlaceState::Waiting => match view.ahead {
            0..500 => 2_000,
            500..5_000 => 5_000,
            _ => 15_000,
        },
        _ => 1_500,
    }
}
