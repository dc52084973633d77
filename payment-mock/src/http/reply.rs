//! Answers.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::desk::Reply;

/// JSON text as an answer.
pub fn json(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    // Objects carry client secrets.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An object as an answer.
pub fn object(object: &impl Serialize) -> Response {
    json(200, serde_json::to_string(object).expect("an answer is plain data"))
}

/// A page of a list, as Stripe wraps it. One more than the page was read, to know whether it ends.
pub fn list(path: &str, mut data: Vec<String>, limit: i64) -> Response {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = data.len() > limit;
    data.truncate(limit);
    let data = data.join(",");
    json(200, format!(r#"{{"object":"list","url":"{path}","has_more":{has_more},"data":[{data}]}}"#))
}

/// What the desk says.
pub fn told(reply: Reply) -> Response {
    let replayed = reply.replayed;
    let mut response = json(reply.status, reply.body);
    if replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// No answer: the connection breaks before its first byte, because the body fails before the head
/// has left the buffer.
pub fn broken() -> Response {
    let failure = futures_util::stream::iter([Err::<&[u8], _>(std::io::Error::other("scripted: connection dropped"))]);
    Response::new(Body::from_stream(failure))
}
