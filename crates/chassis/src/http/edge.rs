//! The one layer around every route. One, because each layer of its own costs an allocation per request.

use std::any::Any;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use hyper::body::Body as _;
use tower::{Layer, Service};

use super::body::TimedBody;
use super::client::client_address;
use super::problem;
use super::record::{Answered, Asked, Recorder, UNMATCHED, method_name};
use super::{ClientAddr, HttpConfig, RequestId};
use crate::address::Network;
use crate::clock::Clock;
use crate::ids;
use crate::tasks::panic_text;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID_BYTES: usize = 64;

/// Wraps a route in an [`Edge`].
#[derive(Clone)]
pub(super) struct EdgeLayer {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    recorder: Recorder,
    trusted_proxies: Vec<Network>,
    body_read_timeout: Duration,
    content_security_policy: HeaderValue,
}

impl EdgeLayer {
    pub(super) fn new(config: HttpConfig, clock: Clock) -> Self {
        let shared = Shared {
            clock,
            recorder: Recorder::new(&config),
            trusted_proxies: config.trusted_proxies,
            body_read_timeout: Duration::from_millis(config.body_read_timeout_ms),
            content_security_policy: config
                .content_security_policy
                .parse()
                .expect("the content security policy is one line of plain text"),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { inner, shared: Arc::clone(&self.shared) }
    }
}

/// A route with everything that [`super::layers`] promises around it.
#[derive(Clone)]
pub(super) struct Edge<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse + Send,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let visit = Visit::begin(Arc::clone(&self.shared), &mut request);
        let request = request.map(|body| self.shared.timed(body));
        // A service may panic before it has made its future.
        let begun = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        Box::pin(async move {
            let ended = match begun {
                Ok(future) => AssertUnwindSafe(future).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let response = match ended {
                Ok(Ok(response)) => problem::in_one_form(response.into_response()).await,
                Err(panic) => visit.panicked(panic.as_ref()),
            };
            Ok(visit.end(response))
        })
    }
}

impl Shared {
    fn timed(&self, body: Body) -> Body {
        if body.is_end_stream() { body } else { Body::new(TimedBody::new(body, self.body_read_timeout)) }
    }

    fn request_id(&self, headers: &HeaderMap) -> RequestId {
        let acceptable = |id: &&HeaderValue| {
            let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES && id.as_bytes().iter().all(allowed)
        };
        RequestId(headers.get(X_REQUEST_ID).filter(acceptable).cloned().unwrap_or_else(|| {
            let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
            let id = ids::new(&self.clock).hyphenated().encode_lower(&mut text);
            HeaderValue::from_str(id).expect("an identifier is plain text")
        }))
    }
}

/// One request under way. Dropped before its end, it is recorded as one whose client went away.
struct Visit {
    shared: Arc<Shared>,
    started: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    request_id: RequestId,
    client: IpAddr,
    ended: bool,
}

impl Visit {
    fn begin(shared: Arc<Shared>, request: &mut Request) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        let visit = Self {
            started: Instant::now(),
            method: method_name(request.method()),
            route: request.extensions().get().cloned(),
            request_id: shared.request_id(request.headers()),
            client: client_address(peer, request.headers(), &shared.trusted_proxies),
            ended: false,
            shared,
        };
        request.extensions_mut().insert(ClientAddr(visit.client));
        request.extensions_mut().insert(visit.request_id.clone());
        visit
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> Response {
        let (route, request_id) = (self.route(), self.request_id.as_str());
        tracing::error!(route, request_id, panic = panic_text(panic), "a handler panicked");
        self.shared.recorder.panicked(route);
        problem::internal()
    }

    fn end(mut self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, self.request_id.0.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
        let policy = || self.shared.content_security_policy.clone();
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(policy);
        let retry_after = headers.contains_key(header::RETRY_AFTER);
        let bytes = response.body().size_hint().exact();
        self.ended = true;
        self.record(Some(response.status()), bytes, retry_after);
        response
    }

    fn record(&self, status: Option<StatusCode>, bytes: Option<u64>, retry_after: bool) {
        let asked =
            Asked { method: self.method, route: self.route(), request_id: &self.request_id, client: self.client };
        let answered = Answered { status, bytes, retry_after, took: self.started.elapsed() };
        self.shared.recorder.answered(&asked, &answered);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.ended {
            self.record(None, None, false);
        }
    }
}
