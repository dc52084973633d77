//! The role's part of the API's description.

use utoipa::OpenApi;

use crate::routes;

#[derive(OpenApi)]
#[openapi(paths(
    routes::view,
    routes::change::tune,
    routes::change::pause,
    routes::change::resume,
    routes::change::stop,
    routes::change::start,
    routes::change::undo,
    routes::preview::preview,
    routes::audit
))]
struct Api;

/// The description of this role's paths, to be merged with the other roles'.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
