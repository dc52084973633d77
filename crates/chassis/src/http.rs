//! What every public request passes: its id, its client's address, limits, a log line, metrics, and problems in one
//! form.

mod body;
mod client;
mod edge;
mod problem;
mod record;

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};

pub use self::problem::problem;
use crate::address::Network;
use crate::clock::Clock;

/// How requests are limited and recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// The largest body of a request, in bytes, where the route does not say otherwise with [`body_limit`].
    pub body_limit_bytes: usize,
    /// How long a body may keep its handler waiting, from the first wait on, in milliseconds.
    pub body_read_timeout_ms: u64,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Whether requests are logged at `info`; if not, at `debug`. Our own errors are always logged at `error`.
    pub log_requests: bool,
    /// Routes, as the router's patterns, that are logged at `debug` even so: those called thousands of times a second.
    pub quiet_routes: Vec<String>,
    /// The `Content-Security-Policy` of replies that set none; pages set their own.
    pub content_security_policy: String,
    /// The role that metrics name; set by the program, not by the operator.
    #[serde(skip)]
    pub role: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            body_limit_bytes: 64 * 1024,
            body_read_timeout_ms: 10_000,
            trusted_proxies: Vec::new(),
            log_requests: true,
            quiet_routes: Vec::new(),
            content_security_policy: "default-src 'none'; frame-ancestors 'none'".to_owned(),
            role: String::new(),
        }
    }
}

/// Wraps all of `router`'s routes. Call it once, after the last route: what is added later is not wrapped.
///
/// - **Identity.** `x-request-id` is taken from the request if it is well formed, else made, and is in the reply; see
///   [`RequestId`]. [`ClientAddr`] is who asked.
/// - **Limits.** Bodies over the limit are answered 413, bodies that trickle in 400.
/// - **Panics** in a handler are answered 500, counted, and cost nobody else anything.
/// - **Problems.** Errors without a body or in plain text, as axum's own, become `application/problem+json`.
/// - **Record.** One log line with the target `request`, and the metrics named in [`crate::metrics`].
///
/// Install [`crate::metrics::Metrics`] first: metrics are looked up once per route.
///
/// # Panics
/// If the content security policy cannot be a header.
pub fn layers(router: Router, config: HttpConfig, clock: Clock) -> Router {
    let limit = body_limit(config.body_limit_bytes);
    router.layer((edge::EdgeLayer::new(config, clock), limit))
}

/// A layer for routes that take larger (or only smaller) bodies than the rest, in bytes.
pub fn body_limit(bytes: usize) -> DefaultBodyLimit {
    DefaultBodyLimit::max(bytes)
}

/// The client's address: the peer's, or what a trusted proxy says. Taken in handlers as an argument or an extension;
/// 0.0.0.0 where neither the listener nor the layers set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// The request's id, which finds it in the log. Taken in handlers as an argument or an extension; empty outside of
/// [`layers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id: at most 64 letters, digits, `-`, `_` and `.`.
    pub fn as_str(&self) -> &str {
        // Only text is ever put in.
        self.0.to_str().unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddr {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or(Self(HeaderValue::from_static(""))))
    }
}
