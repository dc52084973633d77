//! Accounts, sessions, anonymous visitors and organisations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{AccountId, FanId, OrganisationId};

/// What a member may do for an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sets up events, seat maps, prices and sales; sees bookings; may refund.
    Promoter,
    /// Watches and tunes admission.
    Operator,
}

impl Role {
    /// As it is written everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Promoter => "promoter",
            Self::Operator => "operator",
        }
    }
}

/// `POST /v1/accounts`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The address to sign in with.
    pub email: String,
    /// 8 to 128 characters; long beats odd.
    pub password: String,
}

/// `POST /v1/sessions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's address.
    pub email: String,
    /// The account's password.
    pub password: String,
}

/// `POST /v1/sessions/refresh`, and the body of `DELETE /v1/sessions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    /// The newest refresh token of the session.
    pub refresh_token: String,
}

/// A session: a short access token and the token that renews it once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Whose session it is.
    pub account_id: AccountId,
    /// Sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// How long the access token lives, in milliseconds.
    pub expires_in_ms: i64,
    /// Renews the session; each use gives a new one, and a reused old one ends the whole session.
    pub refresh_token: String,
}

/// The answer to `POST /v1/visitors`: a signed anonymous visitor, who may join sales that allow visitors.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Visitor {
    /// The visitor's identity in every line.
    pub fan_id: FanId,
    /// Sent as `Authorization: Bearer …`. Losing it is losing the place, unless the receipt was kept.
    pub token: String,
    /// When the token ends, in milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// `GET /v1/me`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The account.
    pub account_id: AccountId,
    /// Its address.
    pub email: String,
    /// What it may do, and where.
    pub memberships: Vec<Membership>,
}

/// A role in an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Membership {
    /// The organisation.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub organisation: String,
    /// The role in it.
    pub role: Role,
}

/// `POST /v1/organisations`. Whoever creates one becomes its promoter and operator.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// 1 to 100 characters.
    pub name: String,
}

/// An organisation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Organisation {
    /// Its identifier.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub name: String,
}

/// `POST /v1/organisations/{organisation}/members`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// The address of an existing account.
    pub email: String,
    /// What it may do from now on.
    pub role: Role,
}
