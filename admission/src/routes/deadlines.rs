//! More time for all who hold seats, while fans cannot pay: an extension, or a freeze until it is lifted. Each takes two requests.

use axum::extract::State;
use axum::response::Response;
use contracts::accounts::Role;
use contracts::clock::ExtendDeadlines;
use contracts::consoles::{AdmissionView, Reason};
use contracts::ids::SaleId;
use contracts::problem::Problem;
use contracts::server::{Account, Id, Json};
use store::clock::{ClockChange, ClockChanged, ClockNow};

use super::change::stated;
use super::{allowed, answer, problem};
use crate::Admission;

/// How much more time can be given at once, in milliseconds.
const EXTENSION_MS: std::ops::RangeInclusive<i64> = 1_000..=3_600_000;

/// What it will do, in words.
fn danger(change: ClockChange, now: &ClockNow) -> String {
    let holds = now.holds;
    match change {
        ClockChange::Extend { by_ms } => {
            let seconds = by_ms / 1_000;
            format!(
                "all who hold seats now, {holds}, get {seconds} seconds more, which cannot be taken back; who waits for seats waits longer"
            )
        }
        ClockChange::Freeze => format!(
            "nobody's time to pay runs out until you lift it, not that of the {holds} who hold seats now nor of who comes; everybody who holds seats reads the reason; no seat comes free by itself meanwhile"
        ),
        ClockChange::Thaw => {
            format!("the time to pay goes on for {holds} who hold seats: each has what was left, and two seconds more")
        }
    }
}

async fn make(
    admission: &Admission,
    sale: SaleId,
    account: Account,
    change: ClockChange,
    reason: &str,
    confirm: Option<&str>,
) -> Result<Response, Problem> {
    allowed(admission, sale, account, &[Role::Operator]).await?;
    let reason = stated(reason)?;
    let now = admission.store.clock_now(sale.0).await.map_err(problem)?.ok_or_else(|| Problem::not_found("sale"))?;
    match (change, &now.frozen) {
        (ClockChange::Freeze, Some(frozen)) => {
            let detail = format!("since {}, because: {}", frozen.since_ms, frozen.reason);
            return Err(Problem::conflict("deadlines-frozen", "The deadlines are frozen already", detail));
        }
        (ClockChange::Thaw, None) => {
            let detail = "there is no freeze to lift";
            return Err(Problem::conflict("deadlines-not-frozen", "The deadlines are not frozen", detail));
        }
        _ => {}
    }
    let by_ms = if let ClockChange::Extend { by_ms } = change { by_ms } else { 0 };
    // The reason is told to everybody: another one is another question.
    let asked = (sale.0, account.0, change.action(), by_ms, reason, now.version());
    admission.papers.ask_again(&asked, &[danger(change, &now)], confirm, "ask again with this code")?;
    match admission.store.change_clock(sale.0, account.0, change, reason, now.version()).await.map_err(problem)? {
        ClockChanged::Done => answer(admission, sale).await,
        ClockChanged::Draft => Err(Problem::conflict(
            "sale-is-draft",
            "The sale is not published",
            "nobody holds seats of it; publish it first",
        )),
        ClockChanged::Moved => Err(problem(store::StoreError::Moved("the sale's clock"))),
    }
}

/// Gives everybody who holds seats more time. It uses up nobody's own extension, and needs `confirm`.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/deadlines/extend", operation_id = "extend_deadlines", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = ExtendDeadlines,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn extend(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<ExtendDeadlines>,
) -> Result<Response, Problem> {
    let by_ms = i32::try_from(body.by_ms).ok().filter(|by_ms| EXTENSION_MS.contains(&i64::from(*by_ms)));
    let by_ms = by_ms.ok_or_else(|| {
        Problem::invalid(format!("by_ms: {} to {}, not {}", EXTENSION_MS.start(), EXTENSION_MS.end(), body.by_ms))
    })?;
    let change = ClockChange::Extend { by_ms };
    make(&admission, sale, account, change, &body.reason, body.confirm.as_deref()).await
}

/// Stops the clock of everybody's time to pay, for holds to come, too; fans read the reason. Needs `confirm`.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/deadlines/freeze", operation_id = "freeze_deadlines", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Reason,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn freeze(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<Reason>,
) -> Result<Response, Problem> {
    make(&admission, sale, account, ClockChange::Freeze, &body.reason, body.confirm.as_deref()).await
}

/// Lets the clock go on: everybody has at least what they had left. Needs `confirm`.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/deadlines/thaw", operation_id = "thaw_deadlines", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Reason,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn thaw(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<Reason>,
) -> Result<Response, Problem> {
    make(&admission, sale, account, ClockChange::Thaw, &body.reason, body.confirm.as_deref()).await
}
