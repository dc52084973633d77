//! The operators' paths to single places: find one by its support code, remove it, put it back.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contracts::accounts::Role;
use contracts::ids::{BookingId, PlaceId, SaleId};
use contracts::mending::{FoundPlace, FoundPlaces, PlaceEvent, PutBack, PutTo, RemovePlace, parse_code, support_code};
use contracts::problem::Problem;
use contracts::server::{Account, Json};
use store::mending::{Mend, Mended};

use crate::Admission;
use crate::routes::change::stated;
use crate::routes::{allowed, problem};

/// Finds a sale's places by a support code, with all that happened to them.
#[utoipa::path(get, path = "/v1/sales/{sale}/places/by-code/{code}", tag = "mending", security(("bearer" = [])),
    params(("sale" = SaleId, Path), ("code" = String, Path)),
    responses((status = 200, body = FoundPlaces),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn find(
    State(admission): State<Admission>,
    Path((sale, code)): Path<(String, String)>,
    account: Account,
) -> Result<Json<FoundPlaces>, Problem> {
    let sale: SaleId = sale.parse().map_err(|_| Problem::not_found("sale"))?;
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let tail = parse_code(&code).map_err(|fault| Problem::invalid(format!("code: {fault}")))?;
    let rows = admission.store.places_ending_in(sale.0, &tail).await.map_err(problem)?;
    if rows.is_empty() {
        return Err(Problem::not_found("place with this code"));
    }
    let mut places = Vec::new();
    for row in rows {
        let history =
            admission.store.whole_history(sale.0, row.place).await.map_err(problem)?.into_iter().map(|event| {
                PlaceEvent { at_ms: event.at_ms, source: event.source, version: event.version, what: event.what }
            });
        places.push(FoundPlace {
            place_id: PlaceId(row.place),
            support_code: support_code(PlaceId(row.place)),
            entry: row.entry,
            class: row.class as u8,
            party: row.party as u8,
            state: row.state,
            joined_at_ms: row.joined_at_ms,
            history: history.collect(),
        });
    }
    Ok(Json(FoundPlaces { places }))
}

/// Ends a place that has no seats.
#[utoipa::path(post, path = "/v1/sales/{sale}/places/{place}/remove", tag = "mending", security(("bearer" = [])),
    params(("sale" = SaleId, Path), ("place" = PlaceId, Path)), request_body = RemovePlace,
    responses((status = 204),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn remove(
    State(admission): State<Admission>,
    Path(ids): Path<(String, String)>,
    account: Account,
    Json(body): Json<RemovePlace>,
) -> Result<StatusCode, Problem> {
    let (sale, place) = named(&ids)?;
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let mend = Mend { sale: sale.0, place: place.0, account: account.0, reason: stated(&body.reason)? };
    answer(admission.store.remove_place(&mend).await.map_err(problem)?)
}

/// Puts a place back into the line: one that waits to its head, one that was skipped or has ended where it was or to the head.
#[utoipa::path(post, path = "/v1/sales/{sale}/places/{place}/put-back", tag = "mending", security(("bearer" = [])),
    params(("sale" = SaleId, Path), ("place" = PlaceId, Path)), request_body = PutBack,
    responses((status = 204),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn put_back(
    State(admission): State<Admission>,
    Path(ids): Path<(String, String)>,
    account: Account,
    Json(body): Json<PutBack>,
) -> Result<StatusCode, Problem> {
    let (sale, place) = named(&ids)?;
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let mend = Mend { sale: sale.0, place: place.0, account: account.0, reason: stated(&body.reason)? };
    answer(admission.store.put_back(&mend, body.to == PutTo::Front).await.map_err(problem)?)
}

fn named((sale, place): &(String, String)) -> Result<(SaleId, PlaceId), Problem> {
    let sale = sale.parse().map_err(|_| Problem::not_found("sale"))?;
    Ok((sale, place.parse().map_err(|_| Problem::not_found("place"))?))
}

fn answer(mended: Mended) -> Result<StatusCode, Problem> {
    let refused = |code: &str, title: &str, detail: String| Err(Problem::conflict(code, title, detail));
    match mended {
        Mended::Done => Ok(StatusCode::NO_CONTENT),
        Mended::NoPlace => Err(Problem::not_found("place in this sale")),
        Mended::Holding(booking) => refused(
            "holding",
            "Seats are held for this place",
            format!("the seats of booking {} are given back first", BookingId(booking)),
        ),
        Mended::Paying => refused(
            "payment-under-way",
            "A payment for this place is not settled",
            "wait until the provider has said how it ended".to_owned(),
        ),
        Mended::NotNow(state) => {
            refused("not-now", "The place's state does not allow it", format!("the place is {state}"))
        }
        Mended::LivesElsewhere => refused(
            "one-place",
            "The fan has another live place",
            "remove that one first, or leave the fan there".to_owned(),
        ),
        Mended::Over => refused("sale-closed", "The sale is over", "nobody is let in any more".to_owned()),
    }
}
