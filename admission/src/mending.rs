//! The operators' paths to single places: find one by its support code, remove it, put it back, insert one.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::access::{PlaceStep, StepKind};
use contracts::accounts::Role;
use contracts::ids::{AccountId, BookingId, PlaceId, SaleId};
use contracts::mending::{
    FoundPlace, FoundPlaces, InsertPlace, InsertTo, InsertedPlace, PutBack, PutTo, RemovePlace, parse_code,
    support_code,
};
use contracts::problem::Problem;
use contracts::server::{Account, Id, Json};
use store::inserts::{Insert, Inserted};
use store::mending::{Mend, Mended};
use store::place_history::Step;

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
        let history = admission.store.place_history(row.place).await.map_err(problem)?;
        let history = history.ok_or_else(|| Problem::not_found("place with this code"))?;
        let mut steps: Vec<PlaceStep> = history.steps.into_iter().map(|(at_ms, step)| shown(at_ms, step)).collect();
        let mut number = row.entry;
        if let Some(draw) = history.draw {
            let numbers = admission.store.drawn_numbers(sale.0, draw.seed, draw.size).await;
            let busy = |_| Problem::unavailable("very many ask for draws; ask again in a moment").retry_after(3);
            number = numbers.map_err(busy)?.number(row.entry);
            let behind = steps.partition_point(|step| step.at_ms <= draw.at_ms);
            steps.insert(behind, PlaceStep::new(draw.at_ms, StepKind::Drawn));
        }
        places.push(FoundPlace {
            place_id: PlaceId(row.place),
            support_code: support_code(PlaceId(row.place)),
            entry: row.entry,
            number,
            class: row.class as u8,
            reason: history.reason,
            party: row.party as u8,
            state: row.state,
            joined_at_ms: row.joined_at_ms,
            steps,
        });
    }
    Ok(Json(FoundPlaces { places }))
}

fn shown(at_ms: i64, step: Step) -> PlaceStep {
    let of = |kind| PlaceStep::new(at_ms, kind);
    match step {
        Step::Joined => of(StepKind::Joined),
        Step::Transferred => of(StepKind::Transferred),
        Step::Skipped { seen_ms } => PlaceStep { seen_at_ms: seen_ms, ..of(StepKind::Skipped) },
        Step::Admitted => of(StepKind::Admitted),
        Step::Held { booking, deadline_ms } => {
            let booking_id = Some(BookingId(booking));
            PlaceStep { booking_id, deadline_ms: Some(deadline_ms), ..of(StepKind::Held) }
        }
        Step::BookingEnded { booking, state } => {
            PlaceStep { booking_id: Some(BookingId(booking)), how: Some(state), ..of(StepKind::BookingEnded) }
        }
        Step::Removed { by, reason } => {
            PlaceStep { reason: Some(reason), account_id: Some(AccountId(by)), ..of(StepKind::Removed) }
        }
        Step::PutBack { by, reason, from, front } => PlaceStep {
            reason: Some(reason),
            how: Some(from),
            front,
            account_id: Some(AccountId(by)),
            ..of(StepKind::PutBack)
        },
        Step::Ended { state } => PlaceStep { how: Some(state), ..of(StepKind::Ended) },
    }
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

/// Gives a place to a fan who has none, at the head of the line or behind everybody, whatever the sale asks of those who join.
/// The audit log, the sale's log and the fairness report name it. It takes no idempotency key: a fan who has a place gets no
/// other.
#[utoipa::path(post, path = "/v1/sales/{sale}/places/insert", operation_id = "insert", tag = "mending", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = InsertPlace,
    responses((status = 201, body = InsertedPlace),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn insert(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<InsertPlace>,
) -> Result<Response, Problem> {
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let reason = stated(&body.reason)?;
    if !(1..=8).contains(&body.party) {
        return Err(Problem::invalid("party: must be 1 to 8"));
    }
    // As accounts keep it; what is no address has no account.
    let email = body.email.trim().to_lowercase();
    let place = PlaceId(chassis::ids::new(&admission.clock));
    let mend = Mend { sale: sale.0, place: place.0, account: account.0, reason };
    let to_the_front = body.to == InsertTo::Front;
    let insert = Insert { mend, email: &email, party: body.party, to_the_front };
    let refused = |code: &str, title: &str, detail: String| Err(Problem::conflict(code, title, detail));
    match admission.store.insert_place(&insert).await.map_err(problem)? {
        Inserted::Done(entry) => {
            let made = InsertedPlace { place_id: place, support_code: support_code(place), entry };
            Ok((StatusCode::CREATED, Json(made)).into_response())
        }
        Inserted::NoSale => Err(Problem::not_found("published sale")),
        Inserted::NoAccount => Err(Problem::not_found("account with this address: the fan makes one first")),
        Inserted::HasPlace(place) => refused(
            "has-place",
            "The fan has or had a place in this sale",
            format!("find it by its support code {} and put it back instead", support_code(PlaceId(place))),
        ),
        Inserted::PartyTooLarge(max) => Err(Problem::invalid(format!("party: this sale's parties are at most {max}"))),
        Inserted::TooEarly => {
            refused("not-open-yet", "Nobody can join yet", "the fan joins when the sale or its lobby opens".to_owned())
        }
        Inserted::Over => refused("sale-closed", "The sale is over", "nobody is let in any more".to_owned()),
    }
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
