//! Organisations and their members.

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use contracts::accounts::{NewMember, NewOrganisation, Organisation};
use contracts::ids::OrganisationId;
use contracts::problem::Problem;
use contracts::server::{Account, Id, IdempotencyKey, Json};
use once::Asked;
use uuid::Uuid;

use crate::desk::{Desk, problem, role_name};
use crate::drafts::Faults;
use crate::limits::{Within, Writes};
use crate::passwords::normal_email;

/// An account that changes something, within the limits for that.
pub struct Writer(pub Uuid);

impl FromRequestParts<Desk> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Problem> {
        Within::<Writes>::from_request_parts(parts, desk).await?;
        let Account(account) = Account::from_request_parts(parts, desk).await?;
        desk.limits.writes_per_person.check(&account)?;
        Ok(Self(account))
    }
}

/// Makes an organisation; its founder is promoter and operator.
#[utoipa::path(post, path = "/v1/organisations", tag = "organisations", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewOrganisation,
    responses((status = 201, body = Organisation)))]
pub async fn make(
    State(desk): State<Desk>,
    Writer(account): Writer,
    key: IdempotencyKey,
    Json(new): Json<NewOrganisation>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    faults.text("name", &new.name, 100);
    faults.none()?;
    let asked = Asked { account, key, path: "/v1/organisations".to_owned(), body: &new };
    let (desk, name) = (&desk, &new.name);
    let keys = desk.keys();
    keys.once(asked, async |id: Uuid| {
        desk.store.create_organisation(id, name, account).await.map_err(|fault| problem(&fault))?;
        Ok(Organisation { organisation_id: OrganisationId(id), name: name.clone() })
    })
    .await
}

/// Gives an account a role.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/members", tag = "organisations", security(("bearer" = [])),
    params(("organisation" = OrganisationId, Path)), request_body = NewMember,
    responses((status = 204)))]
pub async fn add_member(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(organisation): Id<OrganisationId>,
    Json(new): Json<NewMember>,
) -> Result<StatusCode, Problem> {
    desk.roles(account, organisation.0).await?.must_promote("organisation", false)?;
    let email = normal_email(&new.email)?;
    let known =
        desk.store.add_member(organisation.0, &email, role_name(new.role)).await.map_err(|fault| problem(&fault))?;
    if known { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("account with this address")) }
}
