//! The fairness report: for members at any time, for everybody once the sale is over. Made at most every few seconds per sale.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use contracts::clock::ClockAct;
use contracts::ids::SaleId;
use contracts::papers::Principal;
use contracts::places::EstimateCounts;
use contracts::problem::Problem;
use contracts::report::{
    BusiestMinute, ClassCounts, DrawEvenness, FairnessReport, OrderException, SeatingReport, SeatsFound, SeatsFoundBy,
    Waits,
};
use contracts::server::{Id, Json};
use domain::draw::Numbers;
use domain::estimate::Record;
use domain::evenness::evenness;
use domain::sale::State as Doing;
use domain::seats::Rung;
use store::report::{Fairness, Seating};
use tokio::time::Instant;
use uuid::Uuid;

use crate::desk::{Desk, problem};
use crate::limits::{Reads, Within};

/// How old a report may be.
const FRESH: Duration = Duration::from_secs(10);
/// Reports kept; beyond it all are forgotten.
const KEPT_MAX: usize = 200;

type Kept = Arc<tokio::sync::Mutex<Option<(Instant, Arc<FairnessReport>)>>>;

/// Reports that were made lately. Several who ask for the same one wait for one making.
#[derive(Default)]
pub struct Reports(Mutex<HashMap<Uuid, Kept>>);

impl Reports {
    fn of(&self, sale: Uuid) -> Kept {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(&sale) {
            kept.clear();
        }
        kept.entry(sale).or_default().clone()
    }
}

/// Whether a sale was fair. Before it is over, for members.
#[utoipa::path(get, path = "/v1/sales/{sale}/report", tag = "report", params(("sale" = SaleId, Path)),
    responses((status = 200, body = FairnessReport),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Id(sale): Id<SaleId>,
    principal: Option<Principal>,
) -> Result<Response, Problem> {
    let row = desk.store.sale(sale.0).await.map_err(|fault| problem(&fault))?;
    let row = row.ok_or_else(|| Problem::not_found("sale"))?;
    let owner = desk.store.sale_owner(sale.0).await.map_err(|fault| problem(&fault))?;
    let member = match (principal, owner) {
        (Some(Principal::Account(account)), Some(owner)) => desk.roles(account, owner.organisation).await?.is_member(),
        _ => false,
    };
    let over = matches!(row.state, Some(Doing::Closed | Doing::SoldOut));
    if !row.published && !member {
        return Err(Problem::not_found("sale"));
    }
    if !over && !member {
        return Err(Problem::conflict(
            "sale-not-over",
            "The sale is not over",
            "its report is for everybody from then on, and for the organisation's members before",
        ));
    }
    let kept = desk.reports.of(sale.0);
    let mut kept = kept.lock().await;
    let report = match &*kept {
        Some((at, report)) if at.elapsed() < FRESH && report.over == over => report.clone(),
        _ => {
            let _turn = desk.read_turn().await?;
            let read = desk.store.fairness(sale.0).await.map_err(|fault| problem(&fault))?;
            let estimates = estimates(&desk.store.kept_estimates(sale.0).await.map_err(|fault| problem(&fault))?);
            let name = row.draft.name.clone();
            let numbers = match read.draw_to_look_at() {
                Some((size, seed)) => Some(desk.numbers(sale, seed, size).await?),
                None => None,
            };
            // A large draw takes a while to look at.
            let made =
                tokio::task::spawn_blocking(move || report(sale, name, over, read, numbers.as_deref(), estimates));
            let made = made.await;
            let report = Arc::new(made.map_err(|_| Problem::internal())?);
            *kept = Some((Instant::now(), report.clone()));
            report
        }
    };
    if member {
        return Ok(([(header::CACHE_CONTROL, "private, no-store")], Json(&*report)).into_response());
    }
    let mut public = FairnessReport::clone(&report);
    for exception in &mut public.exceptions {
        exception.reason = None;
    }
    // Of a freeze fans were told why.
    for act in public.clock.iter_mut().filter(|act| act.kind != "freeze") {
        act.reason = None;
    }
    Ok(([(header::CACHE_CONTROL, "public, max-age=10")], Json(public)).into_response())
}

/// What all servers counted together.
fn estimates(kept: &[(Uuid, Vec<u64>)]) -> EstimateCounts {
    let mut all = Record::default();
    kept.iter().filter_map(|(_, counts)| Record::from_counts(counts)).for_each(|record| all.merge(&record));
    let all = all.all();
    EstimateCounts {
        count: all.count(),
        within: all.within,
        sooner: all.sooner,
        later: all.later,
        share_within: all.share_within(),
        median_error: all.error(0.5),
        p90_error: all.error(0.9),
    }
}

fn report(
    sale_id: SaleId,
    name: String,
    over: bool,
    read: Fairness,
    numbers: Option<&Numbers>,
    estimates: EstimateCounts,
) -> FairnessReport {
    let draw = numbers.and_then(|numbers| {
        evenness(numbers).map(|even| DrawEvenness {
            size: numbers.size() as u64,
            chi_square: even.chi_square,
            degrees: even.degrees,
            deviate: even.deviate,
        })
    });
    FairnessReport {
        sale_id,
        name,
        over,
        as_of_ms: read.now_ms,
        waits: read
            .waits
            .into_iter()
            .map(|row| Waits {
                minute_ms: row.minute_ms,
                joined: row.joined as u64,
                admitted: row.admitted as u64,
                p10_ms: row.p10_ms,
                p50_ms: row.p50_ms,
                p90_ms: row.p90_ms,
            })
            .collect(),
        longest_wait_ms: read.longest_wait_ms,
        classes: read
            .classes
            .into_iter()
            .map(|row| ClassCounts {
                class: row.class as u8,
                joined: row.joined as u64,
                admitted: row.admitted as u64,
                skipped: row.skipped as u64,
                no_shows: row.no_shows as u64,
                left: row.left_line as u64,
                inserted: row.inserted as u64,
                lapsed: row.lapsed as u64,
            })
            .collect(),
        passed_while_absent: read.passed_while_absent as u64,
        exceptions: read
            .exceptions
            .into_iter()
            .map(|row| OrderException {
                at_ms: row.at_ms,
                version: row.version,
                entry: row.entry,
                action: row.action,
                class_before: row.class_before as u8,
                class: row.class as u8,
                reason: Some(row.reason),
            })
            .collect(),
        clock: read
            .clock_acts
            .into_iter()
            .map(|row| ClockAct {
                kind: row.kind,
                began_at_ms: row.began_at_ms,
                ended_at_ms: row.ended_at_ms,
                extra_ms: row.extra_ms.unsigned_abs(),
                reason: Some(row.reason),
            })
            .collect(),
        busiest: read.busiest.map(|(ended_at_ms, admitted, rate)| BusiestMinute {
            ended_at_ms,
            admitted: admitted as u64,
            rate_per_minute: rate as u32,
        }),
        seating: Some(seating(&read.seating)),
        estimates: Some(estimates).filter(|counts| counts.count > 0),
        draw,
    }
}

fn seating(read: &Seating) -> SeatingReport {
    SeatingReport {
        capacity: read.capacity.into(),
        free: read.free.into(),
        lone: read.lone.into(),
        lone_share: f64::from(read.lone) / f64::from(read.capacity.max(1)),
        found: read
            .found
            .iter()
            .map(|found| SeatsFound {
                by: match found.rung {
                    Rung::TogetherNoSingle => SeatsFoundBy::TogetherNoSingle,
                    Rung::Together => SeatsFoundBy::Together,
                    Rung::SplitNobodyAlone => SeatsFoundBy::SplitNobodyAlone,
                    Rung::Apart => SeatsFoundBy::Apart,
                    Rung::OtherTier => SeatsFoundBy::OtherTier,
                    Rung::Fewer => SeatsFoundBy::Fewer,
                },
                parties: found.parties as u64,
                split: found.split as u64,
                groups: found.groups as u64,
                new_singles: found.new_singles as u64,
                quality: found.quality as u64,
            })
            .collect(),
    }
}
