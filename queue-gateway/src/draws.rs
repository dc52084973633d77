//! The published draw of a sale's lobby: its statements, its lists, and the proof that an entry is in it. All of it is for
//! everybody, as soon as it is decided; the secret is in the statement of the draw and nowhere before.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use contracts::draws::{DrawKeys, DrawProof, DrawStage, DrawView};
use contracts::ids::{PlaceId, SaleId};
use contracts::problem::Problem;
use contracts::server::{Id, Json, Query};
use domain::draw::{
    CHUNK, CommitmentStatement, Numbers, Proof, RosterStatement, chunk_start, roster_line, round_after_close,
};
use futures_util::stream;
use serde::Deserialize;
use store::draw::DrawRow;

use crate::desk::{Desk, problem};
use crate::limits::{Reads, Within};

/// Lines of a list made at once.
const LINES: i64 = 10_000;

async fn row(desk: &Desk, sale: SaleId) -> Result<DrawRow, Problem> {
    let row = desk.store.draw(sale.0).await.map_err(|fault| problem(&fault))?;
    row.ok_or_else(|| Problem::not_found("draw"))
}

fn unreadable<E>(_: E) -> Problem {
    Problem::internal()
}

/// How far a sale's draw is.
#[utoipa::path(get, path = "/v1/sales/{sale}/draw", tag = "draws", params(("sale" = SaleId, Path)),
    responses((status = 200, body = DrawView),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read(State(desk): State<Desk>, _: Within<Reads>, Id(sale): Id<SaleId>) -> Result<Json<DrawView>, Problem> {
    let _turn = desk.read_turn().await?;
    let row = row(&desk, sale).await?;
    let commitment: CommitmentStatement = serde_json::from_slice(&row.commitment.json).map_err(unreadable)?;
    let mut files = vec!["commitment.json", "commitment.sig"];
    let (mut round, mut unprovable_from_ms) = (None, None);
    if let Some((roster, _)) = &row.roster {
        files.extend(["roster.json", "roster.sig", "roster.txt"]);
        let roster: RosterStatement = serde_json::from_slice(&roster.json).map_err(unreadable)?;
        unprovable_from_ms = commitment.beacon.as_ref().and_then(|rule| rule.without_beacon_from_ms(roster.closed_ms));
        round = commitment.beacon.as_ref().map(|rule| {
            let round = round_after_close(&rule.chain, roster.closed_ms, rule.delay_s);
            (round, rule.chain.time_of_ms(round))
        });
    }
    if row.draw.is_some() {
        files.extend(["numbers.txt", "draw.json", "draw.sig"]);
    }
    Ok(Json(DrawView {
        sale_id: sale,
        stage: match (&row.roster, &row.draw) {
            (_, Some(_)) => DrawStage::Drawn,
            (Some(_), None) => DrawStage::Closed,
            (None, None) => DrawStage::Committed,
        },
        commitment: commitment.commitment.to_string(),
        chain: commitment.beacon.as_ref().map(|rule| rule.chain.hash.to_string()),
        unprovable_from_ms,
        beacon: commitment.beacon.map(|rule| rule.chain.name),
        size: row.size,
        round: round.map(|(round, _)| round),
        round_at_ms: round.map(|(_, at_ms)| at_ms),
        files: files.into_iter().map(str::to_owned).collect(),
        server_now_ms: desk.clock.now_ms(),
    }))
}

/// One of the draw's files, exactly as it was published.
#[utoipa::path(get, path = "/v1/sales/{sale}/draw/{file}", tag = "draws",
    params(("sale" = SaleId, Path), ("file" = String, Path, description = "a name that the draw's view lists")),
    responses((status = 200, content_type = "application/octet-stream", body = String),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn file(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Path((sale, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let sale: SaleId = sale.parse().map_err(|_| Problem::not_found("sale"))?;
    let _turn = desk.read_turn().await?;
    let DrawRow { commitment, roster, size, draw, .. } = row(&desk, sale).await?;
    let roster = roster.map(|(roster, _)| roster);
    let bytes = |bytes: Vec<u8>| Body::from(bytes);
    let drawn = draw.as_ref().map(|(_, seed)| *seed);
    let draw = draw.map(|(draw, _)| draw);
    let (body, kind) = match file.as_str() {
        "commitment.json" => (Some(bytes(commitment.json)), "application/json"),
        "commitment.sig" => (Some(bytes(commitment.sig)), "text/plain"),
        "roster.json" => (roster.map(|roster| bytes(roster.json)), "application/json"),
        "roster.sig" => (roster.map(|roster| bytes(roster.sig)), "text/plain"),
        "roster.txt" => (roster.map(|_| roster_list(&desk, sale, size)), "text/plain"),
        "draw.json" => (draw.map(|draw| bytes(draw.json)), "application/json"),
        "draw.sig" => (draw.map(|draw| bytes(draw.sig)), "text/plain"),
        "numbers.txt" => match drawn {
            Some(seed) => (Some(numbers_list(desk.numbers(sale, seed, size).await?)), "text/plain"),
            None => (None, "text/plain"),
        },
        _ => (None, ""),
    };
    let body = body.ok_or_else(|| Problem::not_found("file of this draw"))?;
    // What is published never changes.
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, body).into_response())
}

fn roster_list(desk: &Desk, sale: SaleId, size: i64) -> Body {
    let desk = desk.clone();
    Body::from_stream(stream::try_unfold(1, move |first| {
        let desk = desk.clone();
        async move {
            if first > size {
                return Ok::<_, store::StoreError>(None);
            }
            let last = size.min(first + LINES - 1);
            // A turn for each part: a slow reader keeps none. The list was begun, so it waits instead of breaking off.
            let _turn = desk.reads.next_turn().await.ok();
            let places = desk.store.places_by_entry(sale.0, first, last).await?;
            let lines: Vec<String> =
                (first..).zip(places).flat_map(|(entry, place)| [roster_line(entry, place), "\n".to_owned()]).collect();
            Ok(Some((Bytes::from(lines.concat()), last + 1)))
        }
    }))
}

fn numbers_list(numbers: Arc<Numbers>) -> Body {
    Body::from_stream(stream::iter((0..).map_while(move |chunk| {
        let first = chunk * LINES + 1;
        let last = numbers.size().min(first + LINES - 1);
        (first <= last).then(|| {
            let lines: Vec<String> =
                (first..=last).map(|number| format!("{number} {}\n", numbers.entry(number))).collect();
            Ok::<_, std::convert::Infallible>(Bytes::from(lines.concat()))
        })
    })))
}

/// The public keys that verify the draws' statements: the one that signs, first, and those of before.
#[utoipa::path(get, path = "/v1/draw-key", operation_id = "draw_key", tag = "draws",
    responses((status = 200, body = DrawKeys),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn key(State(desk): State<Desk>, _: Within<Reads>) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(desk.papers.draw_keys())).into_response()
}

/// Which entry a proof is asked of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofOf {
    entry: i64,
}

/// The proof that an entry is in the roster.
#[utoipa::path(get, path = "/v1/sales/{sale}/draw/proof", tag = "draws",
    params(("sale" = SaleId, Path), ("entry" = i64, Query)),
    responses((status = 200, body = DrawProof),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn proof(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Id(sale): Id<SaleId>,
    Query(ProofOf { entry }): Query<ProofOf>,
) -> Result<Json<DrawProof>, Problem> {
    let _turn = desk.read_turn().await?;
    let row = row(&desk, sale).await?;
    let Some((roster, _)) = &row.roster else { return Err(Problem::not_found("roster: the lobby is not closed yet")) };
    if !(1..=row.size).contains(&entry) {
        return Err(Problem::invalid(format!("entry: the roster has the entries 1 to {}", row.size)));
    }
    let roster: RosterStatement = serde_json::from_slice(&roster.json).map_err(unreadable)?;
    let first = chunk_start(entry);
    let last = row.size.min(first + CHUNK as i64 - 1);
    let places = desk.store.places_by_entry(sale.0, first, last).await.map_err(|fault| problem(&fault))?;
    let chunks: Vec<[u8; 32]> = roster.chunks.iter().map(|chunk| chunk.0).collect();
    let place = *places.get((entry - first) as usize).ok_or_else(Problem::internal)?;
    if places.len() as i64 != last - first + 1 {
        return Err(Problem::internal());
    }
    let proof = Proof::new(row.size, &chunks, entry, &places);
    let number = match row.draw {
        Some((_, seed)) => Some(desk.numbers(sale, seed, row.size).await?.number(entry)),
        None => None,
    };
    Ok(Json(DrawProof {
        entry,
        place_id: PlaceId(place),
        size: row.size,
        root: roster.root.to_string(),
        path: proof.path.iter().map(hex::encode).collect(),
        number,
    }))
}
