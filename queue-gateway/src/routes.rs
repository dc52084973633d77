//! The role's paths. A path that nobody has and a method that a path has not are answered by the layers around all roles.

use axum::Router;
use axum::routing::{delete, get, post};
use chassis::http::body_limit;

use crate::desk::Desk;
use crate::{
    accounts, codes, draws, events, log, my_place, organisations, pages, places, report, sales, transfers, visitors,
};

pub fn router(desk: &Desk) -> Router {
    let lists = body_limit(desk.config.import_bytes_max);
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
        .route("/v1/sales/{sale}/draw", get(draws::read))
        .route("/v1/sales/{sale}/draw/proof", get(draws::proof))
        .route("/v1/sales/{sale}/draw/{file}", get(draws::file))
        .route("/v1/sales/{sale}/places/mine", get(places::mine).patch(my_place::change).delete(places::leave))
        .route("/v1/sales/{sale}/places/mine/history", get(my_place::history))
        .route("/v1/sales/{sale}/places/mine/transfer", post(transfers::offer))
        .route("/v1/places/transfer", post(transfers::take))
        .route("/v1/sales/{sale}/entry", get(codes::view))
        .route("/v1/sales/{sale}/codes", get(codes::list).post(codes::make))
        .route("/v1/sales/{sale}/codes/{code}", delete(codes::end))
        .route("/v1/sales/{sale}/codes/import", post(codes::import).layer(lists))
        .route("/v1/sales/{sale}/invitations", delete(codes::uninvite))
        .route("/v1/sales/{sale}/invitations/import", post(codes::invite).layer(lists))
        .route("/v1/sales/{sale}/log/heads", get(log::heads))
        .route("/v1/sales/{sale}/log/{lane}", get(log::lane))
        .route("/v1/sales/{sale}/report", get(report::read))
        .route("/v1/log-key", get(log::key))
        .route("/v1/draw-key", get(draws::key))
        .with_state(desk.clone());
    api.merge(pages::router(desk.config.web_dir.as_deref()))
}
