//! Events: made, edited, published and read.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::ids::{EventId, OrganisationId};
use contracts::papers::Principal;
use contracts::problem::Problem;
use contracts::sales::{Event, EventDraft};
use contracts::server::{Account, Id, IdempotencyKey, IfMatch, Json, etag};
use once::Asked;
use store::events::{EventEdit, EventRow};
use uuid::Uuid;

use crate::desk::{Desk, problem};
use crate::drafts::{self, check_event, event_to_store};
use crate::limits::{Reads, Within};
use crate::organisations::Writer;

/// Published events with their sales, soonest first.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    responses((status = 200, body = Vec<Event>)))]
pub async fn list(State(desk): State<Desk>, _: Within<Reads>) -> Result<Json<Vec<Event>>, Problem> {
    let _turn = desk.read_turn().await?;
    let rows =
        desk.store.published_events(desk.config.events_listed_max.into()).await.map_err(|fault| problem(&fault))?;
    Ok(Json(rows.into_iter().map(|row| drafts::event(row, false)).collect()))
}

/// An event. Drafts are for members.
#[utoipa::path(get, path = "/v1/events/{event}", tag = "events", params(("event" = EventId, Path)),
    responses((status = 200, body = Event, headers(("ETag" = String)))))]
pub async fn read(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Id(event): Id<EventId>,
    principal: Option<Principal>,
) -> Result<Response, Problem> {
    let _turn = desk.read_turn().await?;
    let row = row(&desk, event).await?;
    let member = match principal {
        Some(Principal::Account(account)) => desk.roles(account, row.organisation).await?.is_member(),
        _ => false,
    };
    if !row.published && !member {
        return Err(Problem::not_found("event"));
    }
    Ok(tagged(drafts::event(row, member)))
}

/// An organisation's events, newest first.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/events", tag = "events", security(("bearer" = [])),
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = Vec<Event>)))]
pub async fn of_organisation(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Id(organisation): Id<OrganisationId>,
    Account(account): Account,
) -> Result<Json<Vec<Event>>, Problem> {
    let _turn = desk.read_turn().await?;
    if !desk.roles(account, organisation.0).await?.is_member() {
        return Err(Problem::not_found("organisation"));
    }
    let limit = desk.config.events_listed_max.into();
    let rows = desk.store.events_of(organisation.0, limit).await.map_err(|fault| problem(&fault))?;
    Ok(Json(rows.into_iter().map(|row| drafts::event(row, true)).collect()))
}

/// Makes an event, as a draft.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/events", tag = "events", security(("bearer" = [])),
    params(("organisation" = OrganisationId, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = EventDraft,
    responses((status = 201, body = Event, headers(("ETag" = String)))))]
pub async fn make(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(organisation): Id<OrganisationId>,
    key: IdempotencyKey,
    Json(draft): Json<EventDraft>,
) -> Result<Response, Problem> {
    desk.roles(account, organisation.0).await?.must_promote("organisation", false)?;
    check_event(&draft)?;
    let asked = Asked { account, key, path: format!("/v1/organisations/{organisation}/events"), body: &draft };
    let (desk, text) = (&desk, event_to_store(&draft));
    let keys = desk.keys();
    keys.once(asked, async |id: Uuid| {
        desk.store.create_event(id, organisation.0, &text).await.map_err(|fault| problem(&fault))?;
        Ok(drafts::event(row(desk, EventId(id)).await?, true))
    })
    .await
}

/// Edits an event of which the version named by `If-Match` was read.
#[utoipa::path(put, path = "/v1/events/{event}", tag = "events", security(("bearer" = [])),
    params(("event" = EventId, Path), ("If-Match" = String, Header)), request_body = EventDraft,
    responses((status = 200, body = Event, headers(("ETag" = String)))))]
pub async fn edit(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(event): Id<EventId>,
    IfMatch(version): IfMatch,
    Json(draft): Json<EventDraft>,
) -> Result<Response, Problem> {
    must_promote(&desk, account, event).await?;
    check_event(&draft)?;
    let edit = desk.store.edit_event(event.0, version, &event_to_store(&draft), account).await;
    match edit.map_err(|fault| problem(&fault))? {
        EventEdit::Done => Ok(tagged(drafts::event(row(&desk, event).await?, true))),
        EventEdit::Moved { current } => Err(version_moved(current)),
        EventEdit::CurrencyFixed => Err(Problem::conflict(
            "currency-fixed",
            "The currency of a published event stays",
            "currency: fans have seen prices in it",
        )),
        EventEdit::NoEvent => Err(Problem::not_found("event")),
    }
}

/// Shows an event to everybody.
#[utoipa::path(post, path = "/v1/events/{event}/publish", tag = "events", security(("bearer" = [])),
    params(("event" = EventId, Path)),
    responses((status = 200, body = Event, headers(("ETag" = String)))))]
pub async fn publish(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(event): Id<EventId>,
) -> Result<Response, Problem> {
    must_promote(&desk, account, event).await?;
    desk.store.publish_event(event.0, account).await.map_err(|fault| problem(&fault))?;
    Ok(tagged(drafts::event(row(&desk, event).await?, true)))
}

/// Refuses whoever may not change the event.
pub async fn must_promote(desk: &Desk, account: Uuid, event: EventId) -> Result<(), Problem> {
    let owner = desk.store.event_owner(event.0).await.map_err(|fault| problem(&fault))?;
    let owner = owner.ok_or_else(|| Problem::not_found("event"))?;
    desk.roles(account, owner.organisation).await?.must_promote("event", owner.published)
}

/// Somebody else was quicker.
pub fn version_moved(current: i64) -> Problem {
    let detail =
        format!("it is at version {current} now; read it again, and send the edit with the ETag \"{current}\"");
    Problem::new(412, "version-moved", "It was changed since it was read", detail)
}

async fn row(desk: &Desk, event: EventId) -> Result<EventRow, Problem> {
    let row = desk.store.event(event.0).await.map_err(|fault| problem(&fault))?;
    row.ok_or_else(|| Problem::not_found("event"))
}

fn tagged(event: Event) -> Response {
    (etag(event.version), Json(event)).into_response()
}
