//! Sales: made, edited, published and read.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use contracts::ids::{EventId, SaleId};
use contracts::papers::Principal;
use contracts::problem::Problem;
use contracts::sales::{Sale, SaleDraft};
use contracts::server::{Id, IdempotencyKey, IfMatch, Json, etag};
use once::Asked;
use store::StoreError;
use store::allotments::Clash;
use store::events::{SaleEdit, SalePublished, SaleRow};
use uuid::Uuid;

use crate::desk::{Desk, problem};
use crate::drafts::{self, check_sale, sale_to_store};
use crate::events::{must_promote, version_moved};
use crate::limits::{Reads, Within};
use crate::organisations::Writer;
use crate::sale_edits;

/// A sale. Drafts are for members.
#[utoipa::path(get, path = "/v1/sales/{sale}", tag = "sales", params(("sale" = SaleId, Path)),
    responses((status = 200, body = Sale, headers(("ETag" = String)))))]
pub async fn read(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Id(sale): Id<SaleId>,
    principal: Option<Principal>,
) -> Result<Response, Problem> {
    let _turn = desk.read_turn().await?;
    let row = row(&desk, sale).await?;
    if !row.published {
        let Some(Principal::Account(account)) = principal else { return Err(Problem::not_found("sale")) };
        let owner = desk.store.event_owner(row.event).await.map_err(|fault| problem(&fault))?;
        let owner = owner.ok_or_else(|| Problem::not_found("sale"))?;
        if !desk.roles(account, owner.organisation).await?.is_member() {
            return Err(Problem::not_found("sale"));
        }
    }
    Ok(tagged(drafts::sale(row)))
}

/// Makes a sale of an event, as a draft.
#[utoipa::path(post, path = "/v1/events/{event}/sales", tag = "sales", security(("bearer" = [])),
    params(("event" = EventId, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = SaleDraft,
    responses((status = 201, body = Sale, headers(("ETag" = String)))))]
pub async fn make(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(event): Id<EventId>,
    key: IdempotencyKey,
    Json(draft): Json<SaleDraft>,
) -> Result<Response, Problem> {
    must_promote(&desk, account, event).await?;
    check_sale(&draft)?;
    let asked = Asked { account, key, path: format!("/v1/events/{event}/sales"), body: &draft };
    let (desk, text) = (&desk, sale_to_store(&draft));
    let keys = desk.keys();
    keys.once(asked, async |id: Uuid| {
        desk.store.create_sale(id, event.0, &text).await.map_err(|fault| window_or(&fault))?;
        Ok(drafts::sale(row(desk, SaleId(id)).await?))
    })
    .await
}

/// Edits a sale of which the version named by `If-Match` was read. What makes it worse for fans who stand in it takes two
/// requests: the first is answered with what it would do and a code, the second carries the code as `Confirm`.
#[utoipa::path(put, path = "/v1/sales/{sale}", tag = "sales", security(("bearer" = [])),
    params(("sale" = SaleId, Path), ("If-Match" = String, Header), ("Confirm" = Option<String>, Header)), request_body = SaleDraft,
    responses((status = 200, body = Sale, headers(("ETag" = String))),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn edit(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(sale): Id<SaleId>,
    IfMatch(version): IfMatch,
    headers: HeaderMap,
    Json(draft): Json<SaleDraft>,
) -> Result<Response, Problem> {
    owned(&desk, account, sale).await?;
    check_sale(&draft)?;
    let before = row(&desk, sale).await?;
    let text = sale_to_store(&draft);
    if before.version == version
        && let Some(refusal) = before.refusal(&text)
    {
        return Err(not_edited(sale, refusal));
    }
    if before.published && before.version == version {
        let in_line = desk.store.live_places(sale.0).await.map_err(|fault| problem(&fault))?;
        let now_ms = before.now_ms;
        let dangers = sale_edits::dangers(&drafts::sale(before).draft, &draft, in_line, now_ms);
        let code = headers.get("confirm").and_then(|code| code.to_str().ok());
        sale_edits::check(&desk.papers, (sale, account, version), &draft, &dangers, code)?;
    }
    match desk.store.edit_sale(sale.0, version, &text, account).await.map_err(|fault| window_or(&fault))? {
        SaleEdit::Done => {
            desk.sales.forget(sale.0);
            Ok(tagged(drafts::sale(row(&desk, sale).await?)))
        }
        refusal => Err(not_edited(sale, refusal)),
    }
}

/// Why an edit was not made, and what to do.
fn not_edited(sale: SaleId, edit: SaleEdit) -> Problem {
    match edit {
        SaleEdit::Done => Problem::internal(),
        SaleEdit::Moved { current } => version_moved(current),
        SaleEdit::HasOpened => Problem::conflict(
            "sale-has-opened",
            "The sale has opened",
            "opens_at_ms: stays as it is from then on; everything else may change",
        ),
        SaleEdit::OpensInPast => Problem::conflict(
            "opens-in-past",
            "The new opening is in the past",
            "opens_at_ms: choose a time that is still to come; a lobby that had closed already could not be drawn provably",
        ),
        SaleEdit::TuneInstead => Problem::conflict(
            "tune-instead",
            "A published sale's pace is its operators'",
            format!(
                "rate_per_minute, max_active, grace_ms, presence_ms: stay as they are here; PATCH /v1/sales/{sale}/admission changes them"
            ),
        ),
        SaleEdit::SeatingFixed => Problem::conflict(
            "seating-fixed",
            "Who chooses the seats is settled once a sale is published",
            "seating: stays as it is; make another sale instead",
        ),
        SaleEdit::Committed => Problem::conflict(
            "draw-committed",
            "The draw is promised",
            "ordering, lobby_opens_at_ms, beacon, unprovable_after_s: stay as they are once the lobby has opened, since fans \
             rely on what was published then; to give the lobby more time, or the sale another order, move opens_at_ms later, or \
             make another sale",
        ),
        SaleEdit::Clash(clash) => clashes(clash),
        SaleEdit::NoSale => Problem::not_found("sale"),
    }
}

/// Publishes a sale: it opens at its time.
#[utoipa::path(post, path = "/v1/sales/{sale}/publish", tag = "sales", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 200, body = Sale, headers(("ETag" = String)))))]
pub async fn publish(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(sale): Id<SaleId>,
) -> Result<Response, Problem> {
    owned(&desk, account, sale).await?;
    let refused = |code: &str, title: &str, detail: &str| Err(Problem::conflict(code, title, detail));
    match desk.store.publish_sale(sale.0, account).await.map_err(|fault| problem(&fault))? {
        SalePublished::Done => {
            desk.sales.forget(sale.0);
            Ok(tagged(drafts::sale(row(&desk, sale).await?)))
        }
        SalePublished::EventIsDraft => {
            refused("event-is-draft", "The event is not published", "publish the event first")
        }
        SalePublished::NoSeats => refused("no-seats", "The event has no seats yet", "send its seat map first"),
        SalePublished::Over => refused("sale-over", "The sale's window is over", "closes_at_ms: must be in the future"),
        SalePublished::Clash(clash) => Err(clashes(clash)),
        SalePublished::NoSale => Err(Problem::not_found("sale")),
    }
}

/// Why a sale cannot run beside the event's others, and what to do.
fn clashes(clash: Clash) -> Problem {
    match clash {
        Clash::Overlap { with } => Problem::conflict(
            "sales-overlap",
            "Two sales of the event would let people in at the same time",
            format!(
                "opens_at_ms, closes_at_ms, wait_ends_at_ms: overlap with the sale {with:?}; move the windows apart, or give both sales an allotment"
            ),
        ),
        Clash::TooMuch { allotted, capacity } => Problem::conflict(
            "allotments-too-large",
            "The allotments are more than the event's seats",
            format!(
                "allotment: the sales that let people in at the same time would have {allotted} seats together, the event has {capacity}"
            ),
        ),
        Clash::BelowTaken { taken } => Problem::conflict(
            "allotment-below-taken",
            "The sale already has more seats",
            format!("allotment: {taken} seats are held or sold in this sale; it cannot be less"),
        ),
    }
}

/// Refuses whoever may not change the sale.
async fn owned(desk: &Desk, account: Uuid, sale: SaleId) -> Result<(), Problem> {
    let owner = desk.store.sale_owner(sale.0).await.map_err(|fault| problem(&fault))?;
    let owner = owner.ok_or_else(|| Problem::not_found("sale"))?;
    desk.roles(account, owner.organisation).await?.must_promote("sale", owner.published)
}

/// The window is checked before; the store has the last word.
fn window_or(fault: &StoreError) -> Problem {
    if fault.is_conflict("sale_window") {
        Problem::invalid("closes_at_ms: must be after opens_at_ms")
    } else {
        problem(fault)
    }
}

async fn row(desk: &Desk, sale: SaleId) -> Result<SaleRow, Problem> {
    let row = desk.store.sale(sale.0).await.map_err(|fault| problem(&fault))?;
    row.ok_or_else(|| Problem::not_found("sale"))
}

fn tagged(sale: Sale) -> Response {
    (etag(sale.version), Json(sale)).into_response()
}
