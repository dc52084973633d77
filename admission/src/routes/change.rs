//! Changing how a sale lets people in. Dangerous changes take two requests: the first is answered with what it would do and a
//! code, the second carries the code.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contracts::accounts::Role;
use contracts::consoles::{AdmissionView, ChangeTuning, Reason};
use contracts::ids::SaleId;
use contracts::problem::Problem;
use contracts::server::{Account, Id, IfMatch, Json};
use store::StoreError;
use store::tuning::Tune;

use super::{allowed, answer, confirm, knobs, problem};
use crate::Admission;

/// How often a change is judged anew because somebody else was quicker.
const TRIES: usize = 3;

pub fn stated(reason: &str) -> Result<&str, Problem> {
    let reason = reason.trim();
    if (1..=500).contains(&reason.chars().count()) {
        Ok(reason)
    } else {
        Err(Problem::invalid("reason: say why, in 1 to 500 characters; it stands in the audit log"))
    }
}

/// What an operator wants done.
struct Wish<'a> {
    sale: SaleId,
    account: Account,
    tune: Tune,
    reason: &'a str,
    confirm: Option<&'a str>,
    expected: Option<i64>,
}

/// Judges a change against the knobs of one version, and makes it only to them. Whoever undoes has seen what: that is not judged
/// anew.
async fn make(admission: &Admission, wish: Wish<'_>) -> Result<Response, Problem> {
    let Wish { sale, account, tune, reason, confirm, expected } = wish;
    let tries = if tune == Tune::Undo { 1 } else { TRIES };
    for _ in 0..tries {
        let from = admission.store.tuned(sale.0).await.map_err(problem)?.ok_or_else(|| Problem::not_found("sale"))?;
        if expected.is_some_and(|expected| expected != from.version) {
            break;
        }
        if tune == Tune::Undo && from.before.is_none() {
            return Err(Problem::conflict(
                "nothing-to-undo",
                "The knobs were never changed",
                "there is nothing to go back to",
            ));
        }
        if let Tune::Knobs(change) = &tune {
            knobs::below_cap(change, &from.knobs)?;
        }
        let highest_minute = if confirm::raises_pace(&from, &tune) {
            admission.store.highest_minute(from.event).await.map_err(problem)?
        } else {
            0
        };
        let dangers = confirm::dangers(&from, &tune, highest_minute);
        confirm::check(&admission.papers, sale.0, account.0, &from, &tune, &dangers, confirm)?;
        match admission.store.tune(sale.0, account.0, &tune, reason, Some(from.version)).await {
            Ok(_) => return answer(admission, sale).await,
            Err(StoreError::Moved(_)) => {}
            Err(fault) => return Err(problem(fault)),
        }
    }
    Err(problem(StoreError::Moved("the sale's tuning")))
}

/// The version that the operator saw, if they say so.
fn expected(headers: &HeaderMap, if_match: Result<IfMatch, Problem>) -> Result<Option<i64>, Problem> {
    if headers.contains_key("if-match") { Ok(Some(if_match?.0)) } else { Ok(None) }
}

/// Changes the knobs that are named. With `If-Match`, only if nobody else was quicker.
#[utoipa::path(patch, path = "/v1/sales/{sale}/admission", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path), ("If-Match" = Option<String>, Header)), request_body = ChangeTuning,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn tune(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    headers: HeaderMap,
    if_match: Result<IfMatch, Problem>,
    Json(asked): Json<ChangeTuning>,
) -> Result<Response, Problem> {
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let reason = stated(&asked.reason)?;
    let tune = Tune::Knobs(knobs::change(&asked)?);
    let expected = expected(&headers, if_match)?;
    make(&admission, Wish { sale, account, tune, reason, confirm: asked.confirm.as_deref(), expected }).await
}

async fn simply(
    admission: &Admission,
    sale: SaleId,
    account: Account,
    tune: Tune,
    body: &Reason,
    expected: Option<i64>,
) -> Result<Response, Problem> {
    allowed(admission, sale, account, &[Role::Operator]).await?;
    let reason = stated(&body.reason)?;
    make(admission, Wish { sale, account, tune, reason, confirm: body.confirm.as_deref(), expected }).await
}

/// Lets nobody in until it is resumed; fans are told the reason.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/pause", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Reason,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn pause(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<Reason>,
) -> Result<Response, Problem> {
    simply(&admission, sale, account, Tune::Pause, &body, None).await
}

/// Lets fans in again. Takes two requests.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/resume", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Reason,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn resume(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<Reason>,
) -> Result<Response, Problem> {
    simply(&admission, sale, account, Tune::Resume, &body, None).await
}

/// Emergency stop: nobody joins and nobody is let in until it is started again; everything is kept, and fans are told the
/// reason. Takes two requests.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/stop", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Reason,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn stop(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<Reason>,
) -> Result<Response, Problem> {
    simply(&admission, sale, account, Tune::Stop, &body, None).await
}

/// Ends an emergency stop. Takes two requests.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/start", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Reason,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn start(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<Reason>,
) -> Result<Response, Problem> {
    simply(&admission, sale, account, Tune::Start, &body, None).await
}

/// Restores the knobs as they were before their last change; pauses and stops stay. With `If-Match`, only if nobody was quicker.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/undo", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path), ("If-Match" = Option<String>, Header)), request_body = Reason,
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn undo(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    headers: HeaderMap,
    if_match: Result<IfMatch, Problem>,
    Json(body): Json<Reason>,
) -> Result<Response, Problem> {
    let expected = expected(&headers, if_match)?;
    simply(&admission, sale, account, Tune::Undo, &body, expected).await
}
