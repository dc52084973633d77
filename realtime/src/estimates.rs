//! How well the waits that were told came true: counted here, written to Postgres, and readable by everybody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use contracts::ids::SaleId;
use contracts::places::{EstimateBucket, EstimateCounts, EstimateRecord};
use contracts::problem::Problem;
use contracts::server::{Json, Query};
use domain::estimate::{AHEAD_BOUNDS, Bucket, Record};
use serde::Deserialize;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::App;
use crate::hub::Hub;
use crate::record::problem;
use crate::telling::Kept;

/// The last waits may end while a stop is under way.
const LAST: Duration = Duration::from_millis(100);

/// What this process counted, by sale: two kilobytes for each that it ever served.
#[derive(Debug)]
pub struct Estimates {
    /// Whose counts these are: this process's run.
    node: Uuid,
    sales: Mutex<HashMap<Uuid, Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    record: Record,
    /// What was counted since it was last written.
    unwritten: bool,
}

impl Estimates {
    /// Nothing counted yet by this run of a process.
    pub fn new(node: Uuid) -> Self {
        Self { node, sales: Mutex::default() }
    }

    /// Waits of a sale that ended.
    pub fn note(&self, sale: Uuid, waits: impl IntoIterator<Item = Kept>) {
        for (ahead, told, waited_s) in waits {
            let mut sales = self.sales();
            let counted = sales.entry(sale).or_default();
            counted.record.note(ahead, told, waited_s);
            counted.unwritten = true;
        }
    }

    /// A sale's record: what all processes wrote, and what this one counted.
    pub async fn of(&self, store: &Store, sale: Uuid) -> Result<Record, StoreError> {
        let mut all = Record::default();
        let written = store.kept_estimates(sale).await?;
        let own = self.sales().get(&sale).map(|counted| counted.record);
        for (node, counts) in written {
            if node != self.node || own.is_none() {
                let record = Record::from_counts(&counts);
                all.merge(
                    &record.ok_or_else(|| StoreError::Corrupt(format!("estimates of sale {sale}, node {node}")))?,
                );
            }
        }
        all.merge(&own.unwrap_or_default());
        Ok(all)
    }

    /// Writes what was counted every so often, and at the end, until `stop`.
    pub async fn write(hub: Arc<Hub>, stop: CancellationToken) -> anyhow::Result<()> {
        let every = Duration::from_millis(hub.config.estimate_write_ms);
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            hub.estimates.flush(&hub.store).await;
        }
        tokio::time::sleep(LAST).await;
        hub.estimates.flush(&hub.store).await;
        Ok(())
    }

    async fn flush(&self, store: &Store) {
        let unwritten: Vec<(Uuid, Vec<u64>)> = {
            let mut sales = self.sales();
            let unwritten = sales.iter_mut().filter(|(_, counted)| counted.unwritten);
            unwritten
                .map(|(sale, counted)| {
                    counted.unwritten = false;
                    (*sale, counted.record.counts().to_vec())
                })
                .collect()
        };
        if unwritten.is_empty() {
            return;
        }
        if let Err(fault) = store.keep_estimates(self.node, &unwritten).await {
            tracing::warn!(%fault, "how well estimates were kept is not written for the moment");
            let mut sales = self.sales();
            for (sale, _) in unwritten {
                sales.entry(sale).or_default().unwritten = true;
            }
        }
    }

    fn sales(&self) -> MutexGuard<'_, HashMap<Uuid, Counted>> {
        self.sales.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose record.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The sale.
    sale: SaleId,
}

/// How well the waits told in a sale were kept so far, over all servers; what the others counted is up to a minute old.
#[utoipa::path(get, path = "/v1/live/estimates", operation_id = "estimates", tag = "live", params(Which),
    responses((status = 200, body = EstimateRecord),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn estimates(State(App(hub)): State<App>, Query(which): Query<Which>) -> Result<Response, Problem> {
    let record = hub.estimates.of(&hub.store, which.sale.0).await.map_err(|fault| problem(&fault))?;
    let ends = AHEAD_BOUNDS.into_iter().map(Some).chain([None]);
    let by_ahead = ends.zip(record.buckets());
    let told = EstimateRecord {
        sale_id: which.sale,
        all: counts(&record.all()),
        by_ahead: by_ahead
            .map(|(ahead_below, bucket)| EstimateBucket { ahead_below, counts: counts(bucket) })
            .collect(),
    };
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=5"))], Json(told)).into_response())
}

fn counts(bucket: &Bucket) -> EstimateCounts {
    EstimateCounts {
        count: bucket.count(),
        within: bucket.within,
        sooner: bucket.sooner,
        later: bucket.later,
        share_within: bucket.share_within(),
        median_error: bucket.error(0.5),
        p90_error: bucket.error(0.9),
    }
}
