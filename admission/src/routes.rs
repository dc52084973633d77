//! The operators' paths: live numbers, the knobs, pause and resume, and the log of who changed what.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use contracts::accounts::Role;
use contracts::consoles::{AdmissionView, AuditLine, AuditLog, ChangeTuning, Reason, SaleNumbers, Tuning};
use contracts::ids::{AccountId, SaleId};
use contracts::papers::Papers;
use contracts::problem::Problem;
use contracts::sales::SaleState;
use contracts::server::{Account, Id, IfMatch, Json, etag};
use domain::sale::State as Doing;
use store::StoreError;
use store::pace::Tune;

use crate::{Admission, mending};

/// Lines of the audit log in one answer.
const AUDIT_LINES: i64 = 200;

impl FromRef<Admission> for Papers {
    fn from_ref(admission: &Admission) -> Self {
        admission.papers.clone()
    }
}

pub fn router(admission: &Admission) -> Router {
    Router::new()
        .route("/v1/sales/{sale}/admission", get(view).patch(tune))
        .route("/v1/sales/{sale}/admission/pause", post(pause))
        .route("/v1/sales/{sale}/admission/resume", post(resume))
        .route("/v1/sales/{sale}/admission/audit", get(audit))
        .route("/v1/sales/{sale}/places/by-code/{code}", get(mending::find))
        .route("/v1/sales/{sale}/places/{place}/remove", post(mending::remove))
        .route("/v1/sales/{sale}/places/{place}/put-back", post(mending::put_back))
        .with_state(admission.clone())
}

pub fn problem(fault: StoreError) -> Problem {
    match fault {
        StoreError::Moved(_) => Problem::new(
            412,
            "version-moved",
            "Somebody else changed it first",
            "read it again; nothing of yours was applied",
        ),
        fault if fault.is_away() => Problem::unavailable("the store is away; nothing was changed"),
        fault => {
            tracing::error!(%fault, "a store operation failed");
            Problem::internal()
        }
    }
}

/// The asker must have one of the roles; strangers are told there is nothing.
pub async fn allowed(admission: &Admission, sale: SaleId, account: Account, roles: &[Role]) -> Result<(), Problem> {
    let owner = admission.store.sale_owner(sale.0).await.map_err(problem)?.ok_or_else(|| Problem::not_found("sale"))?;
    let has = admission.store.roles_in(account.0, owner.organisation).await.map_err(problem)?;
    if roles.iter().any(|role| has.iter().any(|name| name == role.name())) {
        Ok(())
    } else if has.is_empty() && !owner.published {
        Err(Problem::not_found("sale"))
    } else {
        Err(Problem::forbidden("only the organisation's operators do this"))
    }
}

const fn state(doing: Doing) -> SaleState {
    match doing {
        Doing::Scheduled => SaleState::Scheduled,
        Doing::Lobby => SaleState::Lobby,
        Doing::Drawing => SaleState::Drawing,
        Doing::Open => SaleState::Open,
        Doing::Paused => SaleState::Paused,
        Doing::Closing => SaleState::Closing,
        Doing::Closed => SaleState::Closed,
        Doing::SoldOut => SaleState::SoldOut,
    }
}

async fn answer(admission: &Admission, sale: SaleId) -> Result<Response, Problem> {
    let row = admission.store.sale_numbers(sale.0).await.map_err(problem)?.ok_or_else(|| Problem::not_found("sale"))?;
    let view = AdmissionView {
        sale_id: sale,
        state: row.state.map_or(SaleState::Draft, state),
        tuning: Tuning { rate_per_minute: row.rate_per_minute, max_active: row.max_active },
        pause_reason: row.pause_reason,
        rate_version: row.rate_version,
        numbers: SaleNumbers {
            joined: row.joined,
            waiting: row.waiting,
            skipped: row.skipped,
            standing: row.standing,
            holding: row.holding,
            admitted_last_minute: row.admitted_last_minute,
            admitted: row.admitted,
            paid: row.paid,
            lapsed: row.lapsed,
            seats_free: row.capacity - row.seats_held - row.seats_sold,
            seats_held: row.seats_held,
            seats_sold: row.seats_sold,
            capacity: row.capacity,
        },
        server_now_ms: row.now_ms,
    };
    Ok((etag(view.rate_version), Json(view)).into_response())
}

/// The live numbers and the knobs.
#[utoipa::path(get, path = "/v1/sales/{sale}/admission", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 200, body = AdmissionView, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn view(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
) -> Result<Response, Problem> {
    allowed(&admission, sale, account, &[Role::Operator, Role::Promoter]).await?;
    answer(&admission, sale).await
}

pub fn stated(reason: &str) -> Result<&str, Problem> {
    let reason = reason.trim();
    if (1..=500).contains(&reason.chars().count()) {
        Ok(reason)
    } else {
        Err(Problem::invalid("reason: say why, in 1 to 500 characters; it stands in the audit log"))
    }
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
    Json(change): Json<ChangeTuning>,
) -> Result<Response, Problem> {
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let reason = stated(&change.reason)?;
    if change.rate_per_minute.is_some_and(|rate| !(1..=600_000).contains(&rate)) {
        return Err(Problem::invalid("rate_per_minute: 1 to 600000; to let nobody in, pause"));
    }
    if change.max_active.is_some_and(|cap| !(1..=1_000_000).contains(&cap)) {
        return Err(Problem::invalid("max_active: 1 to 1000000; to let nobody in, pause"));
    }
    if change.rate_per_minute.is_none() && change.max_active.is_none() {
        return Err(Problem::invalid("name a new rate_per_minute, a new max_active, or both"));
    }
    let expected = if headers.contains_key("if-match") { Some(if_match?.0) } else { None };
    let knobs = Tune::Knobs { rate_per_minute: change.rate_per_minute, max_active: change.max_active };
    admission.store.tune(sale.0, account.0, &knobs, reason, expected).await.map_err(problem)?;
    answer(&admission, sale).await
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
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    admission.store.tune(sale.0, account.0, &Tune::Pause, stated(&body.reason)?, None).await.map_err(problem)?;
    answer(&admission, sale).await
}

/// Lets fans in again.
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
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    admission.store.tune(sale.0, account.0, &Tune::Resume, stated(&body.reason)?, None).await.map_err(problem)?;
    answer(&admission, sale).await
}

/// Who changed what and why, newest first.
#[utoipa::path(get, path = "/v1/sales/{sale}/admission/audit", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 200, body = AuditLog),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn audit(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
) -> Result<Json<AuditLog>, Problem> {
    allowed(&admission, sale, account, &[Role::Operator, Role::Promoter]).await?;
    let rows = admission.store.audit_of(sale.0, AUDIT_LINES).await.map_err(problem)?;
    let lines = rows
        .into_iter()
        .map(|row| AuditLine {
            at_ms: row.at_ms,
            account_id: AccountId(row.account),
            action: row.action,
            reason: row.reason,
            change: row.change,
        })
        .collect();
    Ok(Json(AuditLog { lines }))
}
