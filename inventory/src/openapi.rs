//! The role's part of the API's description.

use utoipa::OpenApi;

use crate::{blocks, reading, routes};

#[derive(OpenApi)]
#[openapi(
    paths(routes::read_map, routes::write_map, routes::availability, blocks::make, blocks::free, blocks::list),
    components(schemas(reading::Format))
)]
struct Api;

/// The description of this role's paths, to be merged with the other roles'.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
