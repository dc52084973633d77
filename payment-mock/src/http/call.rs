//! One request: who asks, what, and under which idempotency key.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};

use super::params::Params;
use super::{App, reply};
use crate::desk::Caller;
use crate::error::ApiError;
use crate::store::Key;

/// Stripe's limit on idempotency keys.
const KEY_LENGTH: usize = 255;

/// A request taken apart.
#[derive(Debug)]
pub struct Call {
    /// What was asked, without its query.
    pub path: String,
    /// The form or the query.
    pub params: Params,
    bearer: Option<String>,
    key: Option<String>,
    fingerprint: String,
}

impl FromRequest<App> for Call {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let path = request.uri().path().to_owned();
        let (bearer, key) = (bearer(request.headers()), idempotency_key(request.headers())?);
        let params = if request.method() == Method::POST {
            let bytes = Bytes::from_request(request, app)
                .await
                .map_err(|error| ApiError::invalid(None, "body", error.body_text()))?;
            Params::read(&bytes)
        } else {
            Params::read(request.uri().query().unwrap_or_default().as_bytes())
        };
        let fingerprint = key.as_ref().map(|_| params.fingerprint(&path)).unwrap_or_default();
        Ok(Self { path, params, bearer, key, fingerprint })
    }
}

impl Call {
    /// Lets only the merchant through.
    pub fn merchant(&self, app: &App) -> Result<Caller, ApiError> {
        match &self.bearer {
            Some(bearer) if app.is_secret_key(bearer) => Ok(Caller::Merchant),
            Some(_) => Err(ApiError::unauthorised("Invalid API Key provided.")),
            None => Err(ApiError::unauthorised(
                "You did not provide an API key. Provide it in the Authorization header, using Bearer auth.",
            )),
        }
    }

    /// The merchant, or a browser with a client secret that the desk has yet to check. A
    /// publishable key says nothing and is accepted for what it is. The client secret comes as a
    /// parameter, as with Stripe, or as the bearer, which keeps it out of addresses.
    pub fn anyone(&mut self, app: &App) -> Result<Caller, ApiError> {
        let secret = self.params.take("client_secret");
        match (&self.bearer, secret) {
            (Some(bearer), None) if bearer.starts_with("pi_") => Ok(Caller::Browser(bearer.clone())),
            (Some(bearer), secret) if !bearer.starts_with("pk_") => {
                let caller = self.merchant(app)?;
                // A merchant that also names the client secret has it checked.
                Ok(secret.map_or(caller, Caller::Browser))
            }
            (_, Some(secret)) => Ok(Caller::Browser(secret)),
            (_, None) => self.merchant(app),
        }
    }

    /// The idempotency key within its owner's: nobody replays another's answers. A browser is known
    /// by its client secret, not by the intent, which is no secret.
    pub fn key(&self, caller: &Caller) -> Option<Key> {
        let plain = self.key.clone()?;
        let scoped = match caller {
            Caller::Merchant => format!("sk:{plain}"),
            Caller::Browser(secret) => format!("pk:{secret}:{plain}"),
        };
        Some(Key { scoped, plain, hash: self.fingerprint.clone() })
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    Some(value.strip_prefix("Bearer ")?.trim().to_owned())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= KEY_LENGTH => Ok(Some(key.to_owned())),
        _ => {
            let message = format!("Idempotency keys are 1 to {KEY_LENGTH} printable characters.");
            Err(ApiError::invalid(None, "Idempotency-Key", message))
        }
    }
}

/// An error as a handler's answer.
#[derive(Debug)]
pub struct Refused(ApiError);

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<anyhow::Error> for Refused {
    /// Reading failed underneath: ours, logged once, here.
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(error = format!("{error:#}"), "a read failed");
        Self(ApiError::internal())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        reply::json(self.0.status, self.0.body())
    }
}
