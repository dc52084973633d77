//! One log line and two metrics per request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};

use super::{HttpConfig, RequestId};
use crate::address::prefix;
use crate::metrics::{HTTP_PANICS_TOTAL, HTTP_REQUEST_DURATION_SECONDS, HTTP_REQUESTS_TOTAL};

/// What a request that no route took is counted under: paths are unbounded, routes are not.
pub(super) const UNMATCHED: &str = "unmatched";
/// A client that went away before its reply, as nginx numbers it.
const CLIENT_GONE: u16 = 499;

/// Counts and logs. The metrics of a route are looked up once, not per request.
pub(super) struct Recorder {
    role: String,
    log_requests: bool,
    quiet_routes: Vec<String>,
    routes: RwLock<HashMap<Box<str>, Route>>,
}

struct Route {
    duration: Histogram,
    quiet: bool,
    /// By method and status. A handful, so that walking them is quicker than hashing.
    requests: Vec<(&'static str, u16, Counter)>,
}

/// What is known of a request before it is answered.
pub(super) struct Asked<'a> {
    pub(super) method: &'static str,
    pub(super) route: &'a str,
    pub(super) request_id: &'a RequestId,
    pub(super) client: IpAddr,
}

/// How it was answered.
pub(super) struct Answered {
    /// `None` if the client went away first.
    pub(super) status: Option<StatusCode>,
    /// The length of the reply's body, where it is known.
    pub(super) bytes: Option<u64>,
    /// Whether the reply tells when to come back, which makes a 503 a decision and not a fault.
    pub(super) retry_after: bool,
    pub(super) took: Duration,
}

impl Recorder {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self {
            role: config.role.clone(),
            log_requests: config.log_requests,
            quiet_routes: config.quiet_routes.clone(),
            routes: RwLock::default(),
        }
    }

    pub(super) fn panicked(&self, route: &str) {
        counter!(HTTP_PANICS_TOTAL, "role" => self.role.clone(), "route" => route.to_owned()).increment(1);
    }

    pub(super) fn answered(&self, asked: &Asked<'_>, answered: &Answered) {
        let status = answered.status.map_or(CLIENT_GONE, |status| status.as_u16());
        let quiet = self.count(asked.route, asked.method, status, answered.took);
        self.log(asked, answered, status, quiet);
    }

    /// Counts the request; returns whether its route is a quiet one.
    fn count(&self, route: &str, method: &'static str, status: u16, took: Duration) -> bool {
        let seconds = took.as_secs_f64();
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = routes.get(route) {
            let same = |found: &&(&str, u16, Counter)| found.1 == status && found.0 == method;
            if let Some((_, _, requests)) = known.requests.iter().find(same) {
                known.duration.record(seconds);
                requests.increment(1);
                return known.quiet;
            }
        }
        drop(routes);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let known = routes.entry(route.into()).or_insert_with(|| self.route(route));
        let requests = counter!(
            HTTP_REQUESTS_TOTAL,
            "role" => self.role.clone(),
            "route" => route.to_owned(),
            "method" => method,
            "status" => status.to_string(),
        );
        known.duration.record(seconds);
        requests.increment(1);
        // Two requests may come here at once; both lead to the same counter.
        known.requests.push((method, status, requests));
        known.quiet
    }

    fn route(&self, route: &str) -> Route {
        let role = self.role.clone();
        Route {
            duration: histogram!(HTTP_REQUEST_DURATION_SECONDS, "role" => role, "route" => route.to_owned()),
            quiet: self.quiet_routes.iter().any(|quiet| quiet == route),
            requests: Vec::new(),
        }
    }

    fn log(&self, asked: &Asked<'_>, answered: &Answered, status: u16, quiet: bool) {
        // A macro, since the level of an event must be known when it is compiled.
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "request",
                    $level,
                    method = asked.method,
                    route = asked.route,
                    status,
                    duration_ms = answered.took.as_secs_f64() * 1_000.0,
                    bytes = answered.bytes,
                    request_id = asked.request_id.as_str(),
                    client = %network(asked.client),
                )
            };
        }
        let ours = status >= 500 && !answered.retry_after;
        if ours {
            line!(tracing::Level::ERROR);
        } else if self.log_requests && !quiet {
            line!(tracing::Level::INFO);
        } else {
            line!(tracing::Level::DEBUG);
        }
    }
}

/// The client's network, since a whole address is personal data and logs are kept.
fn network(client: IpAddr) -> IpAddr {
    prefix(client, if client.is_ipv4() { 24 } else { 48 })
}

/// A method's name; all that HTTP does not define share one, since clients may make them up.
pub(super) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
