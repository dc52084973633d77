//! Accounts and their sessions.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chassis::ids;
use contracts::accounts::{Me, Membership, NewAccount, RefreshSession, Role, Session, SignIn};
use contracts::ids::{AccountId, OrganisationId};
use contracts::problem::Problem;
use contracts::server::{Account, Json};
use metrics::counter;
use store::accounts::Rotation;
use uuid::Uuid;

use crate::desk::{Desk, problem};
use crate::limits::{Accounts, Reads, Sessions, SignIns, Within};
use crate::metrics::{SESSIONS_REUSED, SIGN_INS};
use crate::passwords::{check_password, normal_email};
use crate::refresh::RefreshToken;

/// Makes an account and signs it in.
#[utoipa::path(post, path = "/v1/accounts", operation_id = "make_account", tag = "people", request_body = NewAccount,
    responses((status = 201, body = Session)))]
pub async fn make(
    State(desk): State<Desk>,
    _: Within<Accounts>,
    Json(new): Json<NewAccount>,
) -> Result<Response, Problem> {
    let email = normal_email(&new.email)?;
    check_password(&new.password)?;
    let hash = desk.passwords.hash(new.password).await?;
    let account = ids::new(&desk.clock);
    if !desk.store.create_account(account, &email, &hash).await.map_err(|fault| problem(&fault))? {
        return Err(Problem::conflict(
            "email-taken",
            "There is an account with this address",
            "sign in instead, or take another address",
        ));
    }
    Ok((StatusCode::CREATED, Json(open(&desk, account).await?)).into_response())
}

/// Signs in.
#[utoipa::path(post, path = "/v1/sessions", tag = "people", request_body = SignIn,
    responses((status = 200, body = Session)))]
pub async fn sign_in(
    State(desk): State<Desk>,
    _: Within<SignIns>,
    Json(sign_in): Json<SignIn>,
) -> Result<Json<Session>, Problem> {
    let wrong = || {
        counter!(SIGN_INS, "outcome" => "wrong").increment(1);
        Problem::unauthorised("the address or the password is wrong")
    };
    // What cannot be an address has no account; saying so tells nothing about those who have.
    let email = normal_email(&sign_in.email)?;
    desk.limits.sign_ins_per_email.check(&digest(&email))?;
    if sign_in.password.len() > 4 * 128 {
        return Err(wrong());
    }
    let known = desk.store.credentials_of(&email).await.map_err(|fault| problem(&fault))?;
    let (account, hash) = known.map(|known| (known.account, known.password_hash)).unzip();
    if !desk.passwords.verify(sign_in.password, hash).await? {
        return Err(wrong());
    }
    let account = account.ok_or_else(wrong)?;
    counter!(SIGN_INS, "outcome" => "ok").increment(1);
    Ok(Json(open(&desk, account).await?))
}

/// Renews a session.
#[utoipa::path(post, path = "/v1/sessions/refresh", tag = "people", request_body = RefreshSession,
    responses((status = 200, body = Session)))]
pub async fn refresh(
    State(desk): State<Desk>,
    _: Within<Sessions>,
    Json(asked): Json<RefreshSession>,
) -> Result<Json<Session>, Problem> {
    let over = || Problem::unauthorised("the session has ended; sign in again");
    let old = RefreshToken::parse(&asked.refresh_token).ok_or_else(over)?;
    let next = old.successor(&desk.refresh_key);
    let config = &desk.config;
    let rotated = desk
        .store
        .rotate_session(&old.hash(), &next.hash(), config.refresh_ttl_ms, config.refresh_grace_ms)
        .await
        .map_err(|fault| problem(&fault))?;
    match rotated {
        Rotation::Renewed { account } => Ok(Json(session(&desk, account, &next))),
        Rotation::Reused => {
            counter!(SESSIONS_REUSED).increment(1);
            Err(over())
        }
        Rotation::Unknown | Rotation::Over => Err(over()),
    }
}

/// Ends a session. One that is not there has ended.
#[utoipa::path(delete, path = "/v1/sessions", tag = "people", request_body = RefreshSession,
    responses((status = 204)))]
pub async fn sign_out(
    State(desk): State<Desk>,
    _: Within<Sessions>,
    Json(asked): Json<RefreshSession>,
) -> Result<StatusCode, Problem> {
    if let Some(token) = RefreshToken::parse(&asked.refresh_token) {
        desk.store.end_session(&token.hash()).await.map_err(|fault| problem(&fault))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Who is signed in.
#[utoipa::path(get, path = "/v1/me", tag = "people", security(("bearer" = [])),
    responses((status = 200, body = Me)))]
pub async fn me(State(desk): State<Desk>, _: Within<Reads>, Account(account): Account) -> Result<Json<Me>, Problem> {
    let _turn = desk.read_turn().await?;
    let email = desk.store.email_of(account).await.map_err(|fault| problem(&fault))?;
    let email = email.ok_or_else(|| Problem::unauthorised("there is no such account any more"))?;
    let rows = desk.store.memberships_of(account).await.map_err(|fault| problem(&fault))?;
    let memberships = rows.into_iter().map(|row| Membership {
        organisation_id: OrganisationId(row.organisation),
        organisation: row.name,
        role: if row.role == "promoter" { Role::Promoter } else { Role::Operator },
    });
    Ok(Json(Me { account_id: AccountId(account), email, memberships: memberships.collect() }))
}

/// A new session of an account that has proven itself.
async fn open(desk: &Desk, account: Uuid) -> Result<Session, Problem> {
    let token = RefreshToken::random().ok_or_else(Problem::internal)?;
    let family = ids::new(&desk.clock);
    desk.store
        .open_session(&token.hash(), family, account, desk.config.refresh_ttl_ms)
        .await
        .map_err(|fault| problem(&fault))?;
    Ok(session(desk, account, &token))
}

fn session(desk: &Desk, account: Uuid, refresh: &RefreshToken) -> Session {
    let ttl_ms = desk.config.access_ttl_ms;
    Session {
        account_id: AccountId(account),
        access_token: desk.papers.access_token(account, ttl_ms),
        expires_in_ms: ttl_ms,
        refresh_token: refresh.to_text(),
    }
}

fn digest(email: &str) -> [u8; 16] {
    let whole = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, email.as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&whole.as_ref()[..16]);
    short
}
