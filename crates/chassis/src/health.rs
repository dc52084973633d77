//! How the process is, for those who run it: alive, ready, and its metrics, on the private listener.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Whether the process should be sent work. Cloning is cheap; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ready: AtomicBool,
    /// Once set and cancelled, the process is not ready, whatever else holds.
    stop: OnceLock<CancellationToken>,
    /// The named checks, each with the reason why it is down.
    checks: Mutex<BTreeMap<&'static str, Option<String>>>,
}

/// One named check. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct HealthHandle {
    inner: Arc<Inner>,
    name: &'static str,
}

impl Health {
    /// Not ready until [`Health::set_ready`] is called.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this process takes work at all: true once started, false before stopping.
    pub fn set_ready(&self, ready: bool) {
        self.inner.ready.store(ready, Ordering::SeqCst);
    }

    /// From the moment `soft` is cancelled, not ready. Only the first token given counts.
    pub fn not_ready_after(&self, soft: CancellationToken) {
        let _first = self.inner.stop.set(soft);
    }

    /// A check named `name`, down until it is first reported up. Registering a name again returns the same check.
    pub fn register(&self, name: &'static str) -> HealthHandle {
        let mut checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.entry(name).or_insert_with(|| Some("not checked yet".to_owned()));
        HealthHandle { inner: Arc::clone(&self.inner), name }
    }

    /// Whether work should be sent here.
    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }

    /// Why no work should be sent here, by check; empty when ready.
    pub fn reasons(&self) -> BTreeMap<&'static str, String> {
        let checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reasons: BTreeMap<_, _> =
            checks.iter().filter_map(|(name, reason)| Some((*name, reason.clone()?))).collect();
        drop(checks);
        if self.inner.stop.get().is_some_and(CancellationToken::is_cancelled) {
            reasons.insert("process", "stopping".to_owned());
        } else if !self.inner.ready.load(Ordering::SeqCst) {
            reasons.insert("process", "not ready".to_owned());
        }
        reasons
    }
}

impl HealthHandle {
    /// What is checked works.
    pub fn up(&self) {
        self.set(None);
    }

    /// What is checked does not work. The reason is shown on the private listener: no secrets.
    pub fn down(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, reason: Option<String>) {
        let mut checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let before = checks.insert(self.name, reason.clone()).flatten();
        drop(checks);
        match (before, reason) {
            (Some(_), None) => tracing::info!(check = self.name, "up"),
            (None, Some(reason)) => tracing::warn!(check = self.name, reason, "down"),
            _ => {}
        }
    }
}

/// The private listener's pages: `/livez` (200 while the process lives), `/readyz` (200, or 503 with the reasons),
/// `/metrics`. Never mount it where the public can reach it.
pub fn private_router(health: Health, metrics: Metrics) -> Router {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(health))
        .route("/metrics", get(async move || (text, metrics.render())))
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    let reasons = health.reasons();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(serde_json::json!({ "ready": reasons.is_empty(), "reasons": reasons })))
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::Health;

    #[test]
    fn ready_means_told_so_all_checks_up_and_not_stopping() {
        let (health, stop) = (Health::new(), CancellationToken::new());
        health.not_ready_after(stop.clone());
        assert_eq!(health.reasons()["process"], "not ready");
        health.set_ready(true);
        assert!(health.is_ready());
        let redis = health.register("redis");
        assert!(health.reasons().contains_key("redis"));
        redis.up();
        assert!(health.is_ready());
        redis.clone().down("connection refused");
        assert_eq!(health.reasons()["redis"], "connection refused");
        redis.up();
        stop.cancel();
        assert_eq!(health.reasons()["process"], "stopping");
    }
}
