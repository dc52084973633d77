//! For our services: problems as axum responses, and extractors that answer with problems.

use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, FromRequestParts, OptionalFromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::papers::{Papers, Principal, Receipt};
use crate::problem::Problem;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON body, in and out. What cannot be read is answered with a problem that says where.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/json"));
        if !is_json {
            return Err(Problem::new(
                415,
                "not-json",
                "Only JSON is understood here",
                "send content-type: application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            Problem::new(
                rejection.status().as_u16(),
                "unreadable-body",
                "The body could not be read",
                rejection.body_text(),
            )
        })?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Self(value)),
            Err(fault) if fault.is_data() => Err(Problem::invalid(fault.to_string())),
            Err(fault) => Err(Problem::new(400, "malformed-json", "The body is not JSON", fault.to_string())),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The identifier in the path. One of another form names nothing, so it is answered with 404.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match <Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(fault) => Err(Problem::new(404, "not-found", "There is nothing here", fault.body_text())),
        }
    }
}

/// Query parameters. What cannot be read is answered with a problem.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(fault) => Err(Problem::invalid(fault.body_text())),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Problem::unauthorised("send Authorization: Bearer with a token or a receipt"))
}

impl<S: Send + Sync> FromRequestParts<S> for Principal
where
    Papers: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Papers::from_ref(state)
            .principal(bearer(&parts.headers)?)
            .map_err(|fault| Problem::unauthorised(fault.to_string()))
    }
}

/// Nothing where no token was sent; a token that does not verify is still refused.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Principal
where
    Papers: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
        } else {
            Ok(None)
        }
    }
}

/// A signed-in account; visitors and receipts are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account(pub uuid::Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Account
where
    Papers: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match <Principal as FromRequestParts<S>>::from_request_parts(parts, state).await? {
            Principal::Account(id) => Ok(Self(id)),
            _ => Err(Problem::unauthorised("this needs an account: sign in")),
        }
    }
}

/// The holder of a receipt; other tokens are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(pub Receipt);

impl<S: Send + Sync> FromRequestParts<S> for Holder
where
    Papers: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match <Principal as FromRequestParts<S>>::from_request_parts(parts, state).await? {
            Principal::Holder(receipt) => Ok(Self(receipt)),
            _ => Err(Problem::unauthorised("send the place's receipt as the bearer token")),
        }
    }
}

/// The version named by `If-Match`, for edits. Missing is 428, another form 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Err(Problem::new(
                428,
                "if-match-needed",
                "An edit must say which version it edits",
                "read it first and send its ETag as If-Match",
            ));
        };
        value
            .to_str()
            .ok()
            .and_then(|text| text.trim_matches('"').parse().ok())
            .map(Self)
            .ok_or_else(|| Problem::invalid("If-Match must be the ETag of an earlier answer, for example \"3\""))
    }
}

/// The `ETag` header for a version.
#[must_use]
pub fn etag(version: i64) -> [(header::HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}

/// The client's key for a POST that creates, if it sent one: 1 to 200 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.headers.get("idempotency-key") {
            None => Ok(Self(None)),
            Some(value) => match value.to_str() {
                Ok(text) if (1..=200).contains(&text.len()) => Ok(Self(Some(text.to_owned()))),
                _ => Err(Problem::invalid("Idempotency-Key must be 1 to 200 visible ASCII characters")),
            },
        }
    }
}
