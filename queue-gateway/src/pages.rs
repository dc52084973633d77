//! The fan's pages and the consoles: files that were built, the same for everybody, with the headers that keep them safe.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get, get_service};
use tower_http::services::{ServeDir, ServeFile};

/// Scripts and styles come from us alone. Connections may go anywhere, since realtime may listen elsewhere.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss: http: https:; img-src 'self' data:; object-src 'none'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
/// A page names its assets by their content, so it may be a minute old but not a day.
const PAGE_CACHE: &str = "public, max-age=60";
/// An asset's name is its content.
const ASSET_CACHE: &str = "public, max-age=31536000, immutable";

/// The pages' paths and their files.
pub const PAGES: [(&str, &str); 8] = [
    ("/", "index.html"),
    ("/e/{event}", "event.html"),
    ("/q/{sale}", "queue.html"),
    ("/draw/{sale}", "draw.html"),
    ("/find", "find.html"),
    ("/report/{sale}", "report.html"),
    ("/promoter", "promoter.html"),
    ("/operator", "operator.html"),
];

/// What `/` says where there are no pages.
const NONE: &str = "<!doctype html><html lang=\"en\"><title>Usher</title><h1>Usher</h1>\
    <p>The API is here; the pages are not. Build them in <code>web/</code> with <code>npm ci</code> and \
    <code>npm run build</code>, then set <code>web_dir</code> of the gateway to <code>web/dist</code>.</p></html>";

/// Checks that the folder has all pages, so that a wrong one is told at the start and not by a fan.
pub fn check(dir: &Path) -> anyhow::Result<()> {
    for (_, file) in PAGES {
        let path = dir.join(file);
        anyhow::ensure!(path.is_file(), "gateway.web_dir: {} is missing; build the pages first", path.display());
    }
    Ok(())
}

/// The pages of a folder, or one that says how to make them.
pub fn router(dir: Option<&Path>) -> Router {
    let Some(dir) = dir else {
        return Router::new().route("/", get(async || Html(NONE))).layer(map_response(page_headers));
    };
    let page = |file: &str| -> MethodRouter { get_service(ServeFile::new(dir.join(file))) };
    let pages = PAGES.iter().fold(Router::new(), |router, (path, file)| router.route(path, page(file)));
    let assets = Router::new()
        .nest_service("/assets", get_service(ServeDir::new(dir.join("assets")).append_index_html_on_directories(false)))
        .layer(map_response(asset_headers));
    pages.layer(map_response(page_headers)).merge(assets)
}

async fn page_headers(response: Response) -> Response {
    with_headers(response, PAGE_CACHE)
}

async fn asset_headers(response: Response) -> Response {
    with_headers(response, ASSET_CACHE)
}

fn with_headers(response: Response, cache: &'static str) -> Response {
    let mut response = response.into_response();
    if response.status().is_success() || response.status() == axum::http::StatusCode::NOT_MODIFIED {
        let headers: [(HeaderName, &'static str); 3] = [
            (header::CACHE_CONTROL, cache),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, "same-origin"),
        ];
        for (name, value) in headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
