//! The API over HTTP: Stripe's shapes, the hosted page, and the scripts for tests.

mod call;
mod faults;
mod forge;
mod intents;
mod objects;
mod pages;
mod params;
mod reply;

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use chassis::clock::Clock;
use chassis::secret::Secret;
use chassis::tasks::{TaskKind, Tasks};
use tokio::sync::oneshot;

use self::call::Refused;
use self::faults::{Fault, Faults, Verb};
use crate::desk::{Endpoint, Op, Reply, Rules};
use crate::error::ApiError;
use crate::store::{Cell, Key, Ledger, Reads};

/// What every handler shares.
#[derive(Debug)]
pub struct Shared {
    /// Where operations go.
    pub ledger: Ledger,
    /// Where objects are read.
    pub reads: Reads,
    /// Who is told.
    pub endpoints: Cell<Vec<Endpoint>>,
    /// What the desk goes by.
    pub rules: Rules,
    /// The time.
    pub clock: Clock,
    /// For work that outlives its request.
    pub tasks: Tasks,
    /// The merchant's key.
    pub secret_key: Secret,
    /// The merchant's name, on the hosted page.
    pub merchant: String,
    /// Sends forged webhooks.
    pub client: reqwest::Client,
}

/// The handlers' state.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Shared,
    faults: Faults,
    /// Idempotency keys whose first request is still running.
    running: Mutex<HashSet<String>>,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0.shared
    }
}

/// All paths.
pub fn router(shared: Shared) -> Router {
    let pages = pages::router(&shared.merchant);
    let app = App(Arc::new(Inner { shared, faults: Faults::default(), running: Mutex::default() }));
    // What a fan's browser calls from the merchant's page.
    let public = Router::new()
        .route("/v1/payment_intents/{id}", get(intents::retrieve).options(preflight))
        .route("/v1/payment_intents/{id}/confirm", post(intents::confirm).options(preflight))
        .layer(from_fn(cross_origin));
    Router::new()
        .route("/v1/payment_intents", post(intents::create).get(intents::list))
        .route("/v1/payment_intents/{id}/capture", post(intents::capture))
        .route("/v1/payment_intents/{id}/cancel", post(intents::cancel))
        .route("/v1/refunds", post(objects::refund).get(objects::refunds))
        .route("/v1/refunds/{id}", get(objects::one_refund))
        .route("/v1/charges/{id}", get(objects::charge))
        .route("/v1/events", get(objects::events))
        .route("/v1/events/{id}", get(objects::one_event))
        .route("/v1/webhook_endpoints", post(objects::add_endpoint).get(objects::endpoints))
        .route("/v1/webhook_endpoints/{id}", delete(objects::drop_endpoint))
        .route("/mock/faults", post(faults::add).get(faults::show).delete(faults::clear))
        .route("/mock/webhooks/forge", post(forge::forge))
        .route("/livez", get(async || "ok"))
        .merge(public)
        .merge(pages)
        .fallback(no_route)
        .with_state(app)
}

async fn no_route(method: Method, uri: Uri) -> Refused {
    ApiError::no_route(method.as_str(), uri.path()).into()
}

async fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key, stripe-version"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Any page may call with a client secret; no cookie is ever read, so there is nothing to steal.
async fn cross_origin(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

impl App {
    /// Whether this is the merchant's key, compared in constant time.
    fn is_secret_key(&self, text: &str) -> bool {
        let key = self.secret_key.expose().as_bytes();
        aws_lc_rs::constant_time::verify_slices_are_equal(key, text.as_bytes()).is_ok()
    }

    /// Lets only the merchant through, where the body is JSON and not a [`call::Call`].
    fn merchant_only(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match bearer {
            Some(bearer) if self.is_secret_key(bearer) => Ok(()),
            _ => Err(ApiError::unauthorised("Invalid API Key provided.")),
        }
    }

    fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Has an operation carried out once per idempotency key, with whatever is scripted to go wrong.
    async fn carry_out(&self, verb: Verb, key: Option<Key>, op: Op) -> Response {
        let Ok(running) = Running::begin(self, key.as_ref()) else {
            return Refused::from(ApiError::key_in_use()).into_response();
        };
        let fault = self.faults().take(verb);
        let reply = match fault {
            Some(Fault::RateLimit) => Reply::from(&ApiError::rate_limited()),
            Some(Fault::Outage) => Reply::from(&ApiError::outage()),
            Some(Fault::Error500) => self.ledger.ask(Op::Fail, key).await,
            Some(Fault::Slow(wait)) => return self.later(wait, running, key, op).await,
            Some(Fault::DropAfterSuccess) | None => self.ledger.ask(op, key).await,
        };
        if let Ok(after_ms @ 1..) = u64::try_from(reply.after_ms) {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
        }
        drop(running);
        if fault == Some(Fault::DropAfterSuccess) { reply::broken() } else { reply::told(reply) }
    }

    /// Waits, then carries out, in a task of its own: a caller that hangs up does not stop it, which
    /// is the worst a slow provider can do to a client.
    async fn later(&self, wait: Duration, running: Running, key: Option<Key>, op: Op) -> Response {
        let (answer, answered) = oneshot::channel();
        let app = self.clone();
        self.tasks.spawn(TaskKind::Job, "slow request", async move {
            tokio::time::sleep(wait).await;
            let _hung_up = answer.send(app.ledger.ask(op, key).await);
            drop(running);
            Ok(())
        });
        answered.await.map_or_else(|_| reply::broken(), reply::told)
    }

    /// Reads, with whatever is scripted to go wrong.
    async fn read(&self, reading: impl Future<Output = Result<Response, Refused>>) -> Result<Response, Refused> {
        match self.faults().take(Verb::Retrieve) {
            Some(Fault::RateLimit) => Err(ApiError::rate_limited().into()),
            Some(Fault::Outage) => Err(ApiError::outage().into()),
            Some(Fault::Error500) => Err(ApiError::internal().into()),
            Some(Fault::DropAfterSuccess) => Ok(reply::broken()),
            Some(Fault::Slow(wait)) => {
                tokio::time::sleep(wait).await;
                reading.await
            }
            None => reading.await,
        }
    }
}

/// Holds an idempotency key while its request runs.
#[derive(Debug)]
struct Running {
    app: App,
    key: Option<String>,
}

/// The key is held by another request.
struct Held;

impl Running {
    fn begin(app: &App, key: Option<&Key>) -> Result<Self, Held> {
        let key = key.map(|key| key.scoped.clone());
        if let Some(key) = &key {
            let mut running = app.0.running.lock().unwrap_or_else(PoisonError::into_inner);
            if !running.insert(key.clone()) {
                return Err(Held);
            }
        }
        Ok(Self { app: app.clone(), key })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.app.0.running.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
    }
}
