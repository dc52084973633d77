//! The role's part of the API's description.

use utoipa::OpenApi;

use super::{exchange, fan, find, gifts, pay, promoter, webhook};

#[derive(OpenApi)]
#[openapi(paths(
    fan::list,
    find::find,
    fan::one,
    pay::pay,
    fan::extend,
    exchange::ask,
    fan::give_back,
    promoter::refund,
    promoter::bookings,
    gifts::give,
    gifts::list,
    gifts::revoke,
    gifts::find,
    fan::ticket_key,
    webhook::receive,
))]
struct Api;

/// The description of this role's paths, to be merged with the other roles'.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
