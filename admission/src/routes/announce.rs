//! Announcing to everybody in the line, and withdrawing it.

use axum::extract::State;
use axum::http::StatusCode;
use contracts::accounts::Role;
use contracts::announcements::{Announce, Announcement};
use contracts::ids::SaleId;
use contracts::problem::Problem;
use contracts::server::{Account, Id, Json};

use super::{allowed, problem};
use crate::Admission;

/// Announces to everybody in the line, in place of what was announced before. Pages show it in their language, within a second.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/announcement", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Announce,
    responses((status = 200, body = Announcement),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn announce(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<Announce>,
) -> Result<Json<Announcement>, Problem> {
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let faults = body.faults();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults.join("; ")).with_faults(faults));
    }
    let done = admission.store.announce(sale.0, account.0, Some(&body.texts)).await.map_err(problem)?;
    let now = done.flatten().ok_or_else(|| {
        Problem::conflict("sale-is-draft", "The sale is not published", "nobody is in its line yet; publish it first")
    })?;
    Ok(Json(Announcement { at_ms: now.at_ms, texts: now.texts }))
}

/// Withdraws what is announced. Again does nothing.
#[utoipa::path(delete, path = "/v1/sales/{sale}/admission/announcement", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 204),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn withdraw(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
) -> Result<StatusCode, Problem> {
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    admission.store.announce(sale.0, account.0, None).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
