//! What a change would do, before it is made: the line as it stands, run on in virtual time with and without it.

use axum::extract::State;
use contracts::accounts::Role;
use contracts::consoles::{ChangeTuning, Forecast, PreviewView};
use contracts::ids::SaleId;
use contracts::problem::Problem;
use contracts::server::{Account, Id, Json};
use domain::pacing::Tuning;
use domain::preview as rules;
use tokio::time::Instant;

use super::{allowed, knobs, problem};
use crate::Admission;

/// A wait that moves by more than this share of itself counts, in percent.
const MOVED_PERCENT: u32 = 20;
/// Asking again makes sense after so long, while another preview runs, in seconds.
const BUSY_S: u32 = 5;

fn told(forecast: rules::Forecast) -> Forecast {
    let wait = |of: fn(rules::Waits) -> u32| forecast.waits.map(of);
    Forecast {
        wait_p10_s: wait(|waits| waits.p10_s),
        wait_p50_s: wait(|waits| waits.p50_s),
        wait_p90_s: wait(|waits| waits.p90_s),
        unreached: forecast.unreached,
        sold_out_at_ms: forecast.sold_out_at.map(|span| span.median_ms),
        peak_per_minute: forecast.peak_per_minute,
        peak_active: forecast.peak_active,
    }
}

/// What a change would do. Changes nothing. One at a time per process.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/preview", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = ChangeTuning,
    responses((status = 200, body = PreviewView),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn preview(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(asked): Json<ChangeTuning>,
) -> Result<Json<PreviewView>, Problem> {
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let change = knobs::change(&asked)?;
    let Ok(turn) = admission.previews.clone().try_acquire_owned() else { return Err(Problem::limited(BUSY_S)) };
    let (begun, most) = (Instant::now(), admission.config.preview_places);
    let tuned = admission.store.tuned(sale.0).await.map_err(problem)?.ok_or_else(|| Problem::not_found("sale"))?;
    knobs::below_cap(&change, &tuned.knobs)?;
    let situation = admission.store.situation(sale.0, most).await.map_err(problem)?.ok_or_else(|| {
        Problem::conflict("sale-is-draft", "The sale is not published", "it has no line to look at yet")
    })?;
    if situation.cut {
        let detail = format!("more than {most} parties wait");
        return Err(Problem::conflict("line-too-long", "The line is too long for a preview", detail));
    }
    let flags =
        |tuning: Tuning| Tuning { held: tuned.pause_reason.is_some(), stopped: tuned.stop_reason.is_some(), ..tuning };
    let of = |knobs: store::tuning::Knobs| knobs.tuning().map(flags).map_err(|_| Problem::internal());
    let (now, proposed) = (of(tuned.knobs.clone())?, of(change.of(&tuned.knobs))?);
    let run = tokio::task::spawn_blocking(move || {
        // Kept until the work is done, whoever went away meanwhile.
        let _turn = turn;
        let seed = situation.now_ms.cast_unsigned();
        let behaviour = situation.behaviour;
        let both = rules::preview(&situation.rules(), &now, &proposed, &behaviour, MOVED_PERCENT, seed);
        (both, situation.waiting.len() as u64, situation.now_ms)
    });
    let (both, waiting, server_now_ms) = run.await.map_err(|_| Problem::internal())?;
    Ok(Json(PreviewView {
        without: told(both.without),
        with: told(both.with),
        moved: both.moved as f64 / waiting.max(1) as f64,
        waiting,
        runs: both.runs,
        took_ms: begun.elapsed().as_millis() as u64,
        server_now_ms,
    }))
}
