//! The role's part of the API's description.

use utoipa::OpenApi;

use crate::{mending, routes};

#[derive(OpenApi)]
#[openapi(paths(
    routes::view,
    routes::change::tune,
    routes::change::pause,
    routes::change::resume,
    routes::change::stop,
    routes::change::start,
    routes::change::undo,
    routes::announce::announce,
    routes::announce::withdraw,
    routes::deadlines::extend,
    routes::deadlines::freeze,
    routes::deadlines::thaw,
    routes::beacon::carry,
    routes::preview::preview,
    routes::audit,
    mending::find,
    mending::insert,
    mending::remove,
    mending::put_back
))]
struct Api;

/// The description of this role's paths, to be merged with the other roles'.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
