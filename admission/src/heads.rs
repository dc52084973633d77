//! Signs the heads of the sales' logs: every minute while a sale lives, and at its end.

use std::time::Duration;

use chassis::tasks::Tasks;
use contracts::ids::{EventId, SaleId};
use contracts::log::{Head, LaneEnd};
use contracts::papers::Papers;
use store::log::{HeadFacts, Seal};

use crate::Admission;

/// Writes the heads that are due until told to stop. Nothing waits for it; what fails is written the next second.
pub async fn run(admission: Admission, tasks: Tasks) -> anyhow::Result<()> {
    let stop = tasks.soft();
    while !stop.is_cancelled() {
        if let Err(fault) = write_due(&admission).await {
            tracing::warn!(%fault, "heads of the log cannot be written for the moment");
        }
        drop(tokio::time::timeout(Duration::from_secs(1), stop.cancelled()).await);
    }
    Ok(())
}

async fn write_due(admission: &Admission) -> store::Result<()> {
    let store = &admission.store;
    for sale in store.heads_due(admission.holder, admission.config.head_every_ms).await? {
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
