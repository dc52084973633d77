//! The role's part of the API's description.

use utoipa::OpenApi;

use crate::{blocks, history, picking, reading, routes};

#[derive(OpenApi)]
#[openapi(
    paths(
        routes::read_map,
        routes::write_map,
        routes::availability,
        blocks::make,
        blocks::free,
        blocks::open,
        blocks::list,
        picking::http::taken,
        picking::http::pick,
        history::history
    ),
    components(schemas(reading::Format, history::By))
)]
struct Api;

/// The description of this role's paths, to be merged with the other roles'.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
