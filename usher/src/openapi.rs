//! The API's description: every role's part in one document.

use axum::http::StatusCode;
use contracts::problem::Problem;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Info, License, OpenApi, Paths, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

/// All roles' paths, whichever of them run in this process.
pub fn document() -> OpenApi {
    let mut info = Info::new("Usher", "1");
    info.description = Some("A virtual waiting room for ticket on-sales that ends with a ticket.".to_owned());
    info.license = Some(License::new("MIT"));
    let mut document = OpenApi::new(info, Paths::new());
    for part in [
        queue_gateway::openapi(),
        realtime::openapi(),
        admission::openapi(),
        inventory::openapi(),
        booking_worker::openapi(),
    ] {
        document.merge(part);
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An account's access token, a visitor's token (`vis_…`) or a place's receipt (`rcp_…`)."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch];
        for operation in operations.into_iter().flatten() {
            name(operation);
            operation.responses.responses.entry("default".to_owned()).or_insert_with(problem);
            describe_answers(operation);
        }
    }
    document
}

/// Handlers are named within their module (`make`, `read`), operations within the whole API: `events_make`.
fn name(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().map(|tag| tag.replace(' ', "_"));
    operation.operation_id = tag.zip(operation.operation_id.take()).map(|(tag, name)| format!("{tag}_{name}"));
}

/// What every operation answers where it does not do what was asked.
fn problem() -> RefOr<Response> {
    let body = Content::new(Some(Ref::from_schema_name(Problem::name())));
    RefOr::T(ResponseBuilder::new().content("application/problem+json", body).build())
}

/// An answer must have a description, also where its body says everything.
fn describe_answers(operation: &mut Operation) {
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        if answer.description.is_empty() {
            let known = status.parse::<StatusCode>().ok().and_then(|status| status.canonical_reason());
            known.unwrap_or("What went wrong").clone_into(&mut answer.description);
        }
    }
}
