//! The operators' paths: live numbers, the knobs, pause and stop, previews, and the log of who changed what.

pub mod announce;
pub mod beacon;
pub mod change;
mod confirm;
pub mod deadlines;
mod knobs;
pub mod preview;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use contracts::accounts::Role;
use contracts::announcements::Announcement;
use contracts::clock::{ClockView, FrozenView};
use contracts::consoles::{AdmissionView, AuditLine, AuditLog, BrakeView, SaleNumbers};
use contracts::ids::{AccountId, SaleId};
use contracts::papers::Papers;
use contracts::problem::Problem;
use contracts::sales::SaleState;
use contracts::server::{Account, Id, Json, etag};
use domain::sale::State as Doing;
use store::StoreError;

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
        .route("/v1/sales/{sale}/admission", get(view).patch(change::tune))
        .route("/v1/sales/{sale}/admission/pause", post(change::pause))
        .route("/v1/sales/{sale}/admission/resume", post(change::resume))
        .route("/v1/sales/{sale}/admission/stop", post(change::stop))
        .route("/v1/sales/{sale}/admission/start", post(change::start))
        .route("/v1/sales/{sale}/admission/undo", post(change::undo))
        .route("/v1/sales/{sale}/admission/announcement", post(announce::announce).delete(announce::withdraw))
        .route("/v1/sales/{sale}/admission/deadlines/extend", post(deadlines::extend))
        .route("/v1/sales/{sale}/admission/deadlines/freeze", post(deadlines::freeze))
        .route("/v1/sales/{sale}/admission/deadlines/thaw", post(deadlines::thaw))
        .route("/v1/sales/{sale}/admission/beacon", post(beacon::carry))
        .route("/v1/sales/{sale}/admission/preview", post(preview::preview))
        .route("/v1/sales/{sale}/admission/audit", get(audit))
        .route("/v1/sales/{sale}/places/by-code/{code}", get(mending::find))
        .route("/v1/sales/{sale}/places/insert", post(mending::insert))
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
    let announced = admission.store.announcement(sale.0).await.map_err(problem)?;
    let clock = admission.store.clock_now(sale.0).await.map_err(problem)?.unwrap_or_default();
    let tuned = row.tuned;
    let held = tuned.pause_reason.is_some() || tuned.stop_reason.is_some();
    let ramp = tuned.knobs.tuning().map_err(|_| Problem::internal())?.ramp;
    let rate_in_force = if held { 0 } else { ramp.rate_at(tuned.knobs.rate_per_minute, row.now_ms) };
    let view = AdmissionView {
        sale_id: sale,
        state: row.state.map_or(SaleState::Draft, state),
        tuning: knobs::shown(tuned.knobs),
        rate_in_force,
        brake: BrakeView { factor: row.brake_factor, why: row.brake_why, since_ms: row.brake_since_ms },
        pause_reason: tuned.pause_reason,
        stop_reason: tuned.stop_reason,
        announcement: announced.map(|now| Announcement { at_ms: now.at_ms, texts: now.texts }),
        clock: ClockView {
            acts: clock.acts.unsigned_abs(),
            frozen: clock.frozen.map(|frozen| FrozenView {
                since_ms: frozen.since_ms,
                reason: frozen.reason,
                by: clock.frozen_by,
            }),
        },
        rate_version: tuned.version,
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
            seats_free: row.seats_free,
            seats_held: row.seats_held,
            seats_sold: row.seats_sold,
            seats_blocked: row.seats_blocked,
            capacity: row.capacity,
        },
        server_now_ms: row.now_ms,
    };
    Ok((etag(view.rate_version), Json(view)).into_response())
}

/// The live numbers and the knobs.
#[utoipa::path(get, path = "/v1/sales/{sale}/admission", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 200, body = AdmissionView, headers(("ETag" = String)))))]
pub async fn view(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
) -> Result<Response, Problem> {
    allowed(&admission, sale, account, &[Role::Operator, Role::Promoter]).await?;
    answer(&admission, sale).await
}

/// Who changed what and why, newest first.
#[utoipa::path(get, path = "/v1/sales/{sale}/admission/audit", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 200, body = AuditLog)))]
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
            email: row.email,
            action: row.action,
            reason: row.reason,
            change: row.change,
        })
        .collect();
    Ok(Json(AuditLog { lines }))
}
