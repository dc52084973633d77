//! The role's paths. A path that nobody has and a method that a path has not are answered by the layers around all roles.

use axum::Router;
use axum::routing::{get, post};

use crate::desk::Desk;
use crate::{accounts, events, log, organisations, pages, places, report, sales, visitors};

pub fn router(desk: &Desk) -> Router {
    let api = Router::new()
        .route("/v1/visitors", post(visitors::make))
        .route("/v1/accounts", post(accounts::make))
        .route("/v1/sessions", post(accounts::sign_in).delete(accounts::sign_out))
        .route("/v1/sessions/refresh", post(accounts::refresh))
        .route("/v1/me", get(accounts::me))
        .route("/v1/organisations", post(organisations::make))
        .route("/v1/organisations/{organisation}/members", post(organisations::add_member))
        .route("/v1/organisations/{organisation}/events", get(events::of_organisation).post(events::make))
        .route("/v1/events", get(events::list))
        .route("/v1/events/{event}", get(events::read).put(events::edit))
        .route("/v1/events/{event}/publish", post(events::publish))
        .route("/v1/events/{event}/sales", post(sales::make))
        .route("/v1/sales/{sale}", get(sales::read).put(sales::edit))
        .route("/v1/sales/{sale}/publish", post(sales::publish))
        .route("/v1/sales/{sale}/places", post(places::join))
        .route("/v1/sales/{sale}/places/mine", get(places::mine).delete(places::leave))
        .route("/v1/sales/{sale}/log/heads", get(log::heads))
        .route("/v1/sales/{sale}/log/{lane}", get(log::lane))
        .route("/v1/sales/{sale}/report", get(report::read))
        .route("/v1/log-key", get(log::key))
        .with_state(desk.clone());
    api.merge(pages::router(desk.config.web_dir.as_deref()))
}
