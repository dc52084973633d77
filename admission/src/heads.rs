//! Signs the heads of the sales' logs: every minute while a sale lives, and at its end.

use std::time::Duration;

use chassis::tasks::Tasks;
use contracts::ids::{EventId, SaleId};
use contracts::log::{Head, LaneEnd};
use contracts::papers::Papers;
use store::log::{HeadFacts, Seal};
use tokio::time::Instant;

use crate::Admission;

/// Sales that are over for longer, in milliseconds, are looked at only as often as a head is written, not each second.
const OVER_MS: i64 = 3_600_000;

/// Writes the heads that are due until told to stop. Nothing waits for it; what fails is written the next second.
pub async fn run(admission: Admission, tasks: Tasks) -> anyhow::Result<()> {
    let stop = tasks.soft();
    let every = Duration::from_millis(admission.config.head_every_ms.unsigned_abs());
    let mut all_at: Option<Instant> = None;
    while !stop.is_cancelled() {
        let (begun, all) = (Instant::now(), all_at.is_none_or(|at| at.elapsed() >= every));
        match write_due(&admission, (!all).then_some(OVER_MS)).await {
            Ok(()) if all => all_at = Some(begun),
            Ok(()) => {}
            Err(fault) => tracing::warn!(%fault, "heads of the log cannot be written for the moment"),
        }
        drop(tokio::time::timeout(Duration::from_secs(1), stop.cancelled()).await);
    }
    Ok(())
}

async fn write_due(admission: &Admission, over_ms: Option<i64>) -> store::Result<()> {
    let store = &admission.store;
    for sale in store.heads_due(admission.holder, admission.config.head_every_ms, over_ms).await? {
        if let Some(head) = store.write_head(sale, |facts| seal(&admission.papers, facts)).await? {
            tracing::debug!(%sale, seq = head.seq, "a head of the log");
        }
    }
    Ok(())
}

/// Signs what a head says.
pub fn seal(papers: &Papers, facts: &HeadFacts) -> Seal {
    let end = |end: &store::log::LaneEnd| LaneEnd { version: end.version, hash: hex::encode(&end.hash) };
    let head = papers.head_signer().seal(Head {
        sale_id: SaleId(facts.sale),
        event_id: EventId(facts.event),
        seq: facts.seq,
        at_ms: facts.at_ms,
        joins: end(&facts.joins),
        pace: end(&facts.pace),
        seats: end(&facts.seats),
        previous: hex::encode(&facts.previous),
        key_id: String::new(),
        hash: String::new(),
        signature: String::new(),
    });
    Seal {
        key_id: head.key_id,
        hash: hex::decode(&head.hash).expect("hexadecimal digits"),
        signature: contracts::log::signature_bytes(&head.signature).expect("a signature of ours"),
    }
}
