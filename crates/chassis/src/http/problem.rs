//! Problem documents (RFC 9457) for what goes wrong before or around a handler.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use serde::Serialize;

/// Longer error texts are a page of their own, not a sentence to be wrapped.
const MAX_DETAIL_BYTES: u64 = 4 * 1024;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
}

/// A reply in `application/problem+json`. `code` is stable and in kebab case; `title` is the same for every problem of
/// the code; `detail` says what was wrong this time.
pub fn problem(status: StatusCode, code: &str, title: &str, detail: &str) -> Response {
    let document = Document { kind: format!("/problems/{code}"), title, status: status.as_u16(), detail, code };
    let body = serde_json::to_vec(&document).expect("a problem is plain text and numbers");
    let content_type = HeaderValue::from_static("application/problem+json");
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// What a client is told when a handler panicked.
pub(super) fn internal() -> Response {
    from_status(StatusCode::INTERNAL_SERVER_ERROR, "")
}

/// Turns an error without a body or in plain text into a problem, keeping its other headers; anything else passes as
/// it is.
pub(super) async fn in_one_form(response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() || !is_bare(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let (problem, body) = from_status(status, &String::from_utf8_lossy(&text)).into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(problem.headers);
    Response::from_parts(parts, body)
}

fn is_bare(response: &Response<Body>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type.is_none_or(|found| found.as_bytes().starts_with(b"text/plain"))
        && response.body().size_hint().upper().is_some_and(|bytes| bytes <= MAX_DETAIL_BYTES)
}

fn from_status(status: StatusCode, text: &str) -> Response {
    let (code, title, detail) = match status {
        StatusCode::BAD_REQUEST => ("bad-request", "The request cannot be read", "check its form"),
        StatusCode::UNAUTHORIZED => ("unauthorised", "Sign in or send a valid token", "no usable proof of who asks"),
        StatusCode::FORBIDDEN => ("forbidden", "This is not yours to see or change", "known, but not allowed"),
        StatusCode::NOT_FOUND => ("not-found", "There is nothing here", "no such page"),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method-not-allowed", "This cannot be done here", "the Allow header lists what can")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ("body-too-large", "The request's body is too large", "send less at a time"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("unsupported-media-type", "The body is in a form not read here", "send application/json")
        }
        StatusCode::UNPROCESSABLE_ENTITY => {
            ("invalid-request", "The request cannot be used as it is", "check its content")
        }
        StatusCode::TOO_MANY_REQUESTS => ("too-many-requests", "Too many requests", "slow down and ask again"),
        StatusCode::SERVICE_UNAVAILABLE => {
            ("try-again", "Something we depend on is away for a moment", "ask again in a moment")
        }
        _ if status.is_server_error() => {
            ("internal", "Something went wrong on our side", "the request's id finds it in our log")
        }
        _ => ("refused", status.canonical_reason().unwrap_or("Refused"), "the status says why"),
    };
    // The texts of our own failures are for the log: they may name what no stranger should know.
    let detail = if text.is_empty() || status.is_server_error() { detail } else { text };
    problem(status, code, title, detail)
}
