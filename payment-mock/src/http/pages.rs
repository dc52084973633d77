//! The hosted payment page: three static files. The client secret is in the page's fragment, which
//! browsers send to nobody; the page's own script hands it to the API in a header.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::call::{Call, Refused};
use super::{App, faults::Verb};
use crate::desk::Op;

const PAGE: &str = include_str!("../page/pay.html");
const SCRIPT: &str = include_str!("../page/pay.js");
const STYLE: &str = include_str!("../page/pay.css");

/// The page runs its own files and talks to its own server, nothing else; nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's paths.
pub(super) fn router(merchant: &str) -> Router<App> {
    let page = PAGE.replace("{{merchant}}", &escape(merchant));
    Router::new()
        .route("/pay/{id}", get(async move || file("text/html; charset=utf-8", page.clone())))
        .route("/pay/{id}/challenge", post(challenge))
        .route("/assets/pay.js", get(async || file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/assets/pay.css", get(async || file("text/css; charset=utf-8", STYLE)))
}

fn file(kind: &'static str, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, body).into_response()
}

/// `POST /pay/{id}/challenge {outcome: approve|deny}`: the fan's answer to 3-D Secure.
async fn challenge(State(app): State<App>, Path(intent): Path<String>, mut call: Call) -> Result<Response, Refused> {
    let caller = call.anyone(&app)?;
    let key = call.key(&caller);
    let passed = call.params.one_of("outcome", &["approve", "deny"])?.as_deref() == Some("approve");
    call.params.finish()?;
    Ok(app.carry_out(Verb::Confirm, key, Op::Challenge { intent, caller, passed }).await)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
