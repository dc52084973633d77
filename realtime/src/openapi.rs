//! The role's part of the API's description.

use utoipa::OpenApi;

use crate::{estimates, poll, socket};

#[derive(OpenApi)]
#[openapi(paths(socket::upgrade, poll::place, estimates::estimates))]
struct Api;

/// The description of this role's paths, to be merged with the other roles'.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
