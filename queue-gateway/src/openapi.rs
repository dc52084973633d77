//! The role's part of the API's description.

use utoipa::OpenApi;

use crate::{accounts, codes, draws, events, log, my_place, organisations, places, report, sales, transfers, visitors};

#[derive(OpenApi)]
#[openapi(paths(
    visitors::make,
    accounts::make,
    accounts::sign_in,
    accounts::refresh,
    accounts::sign_out,
    accounts::me,
    organisations::make,
    organisations::add_member,
    events::of_organisation,
    events::make,
    events::list,
    events::read,
    events::edit,
    events::publish,
    sales::make,
    sales::read,
    sales::edit,
    sales::publish,
    places::join,
    places::mine,
    places::leave,
    draws::read,
    draws::key,
    draws::proof,
    draws::file,
    my_place::change,
    my_place::history,
    transfers::offer,
    transfers::take,
    codes::view,
    codes::list,
    codes::make,
    codes::end,
    codes::import,
    codes::invite,
    codes::uninvite,
    log::heads,
    log::lane,
    log::key,
    report::read,
))]
struct Api;

/// The description of this role's paths, to be merged with the other roles'.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
