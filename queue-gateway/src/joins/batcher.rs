//! One sale's batcher.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::draw::AcknowledgedBatch;
use metrics::{Counter, Gauge, counter, gauge, histogram};
use store::StoreError;
use store::entry::{EntryRefusal, SecretHash};
use store::joins::{EntitledBatch, JoinAsk, JoinBatch, PlaceRow};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{JoinAnswer, Joins, Waiting};
use crate::metrics::{JOIN_BATCH_SECONDS, JOIN_BATCHERS, JOIN_BATCHES, JOINS};

/// How long a stopping process waits for joins of requests that are still being answered.
const LINGER: Duration = Duration::from_millis(250);

/// Places what comes, group by group, until nothing came for a while. One transaction at a time, so that commits are in the
/// order of asking.
pub async fn run(
    joins: Arc<Joins>,
    sale: Uuid,
    mut waiting: mpsc::Receiver<Waiting>,
    soft: CancellationToken,
) -> anyhow::Result<()> {
    let batcher = Batcher::new(&joins, sale);
    let config = &joins.config;
    let mut group = Vec::with_capacity(config.batch_max);
    let mut stopping = soft.is_cancelled();
    loop {
        let idle = if stopping { LINGER } else { Duration::from_millis(config.idle_ms) };
        tokio::select! {
            taken = tokio::time::timeout(idle, waiting.recv_many(&mut group, config.batch_max)) => match taken {
                Ok(0) => break,
                Ok(_) => {
                    gather(&mut group, &mut waiting, config.batch_max, config.gather_us).await;
                    batcher.place(&mut group).await;
                }
                // Closed first, so that nothing can come between the last look and the end; then what came is served.
                Err(_) => waiting.close(),
            },
            () = soft.cancelled(), if !stopping => stopping = true,
        }
    }
    joins.forget_closed(sale);
    Ok(())
}

/// Waits a moment for others, unless the group is full already.
async fn gather(group: &mut Vec<Waiting>, waiting: &mut mpsc::Receiver<Waiting>, max: usize, gather_us: u64) {
    if gather_us > 0 && group.len() < max {
        tokio::time::sleep(Duration::from_micros(gather_us)).await;
        while group.len() < max {
            let Ok(next) = waiting.try_recv() else { break };
            group.push(next);
        }
    }
}

struct Batcher<'a> {
    joins: &'a Joins,
    sale: Uuid,
    batches: Counter,
    new: Counter,
    existing: Counter,
    at_work: Gauge,
}

impl<'a> Batcher<'a> {
    fn new(joins: &'a Joins, sale: Uuid) -> Self {
        let at_work = gauge!(JOIN_BATCHERS);
        at_work.increment(1.0);
        Self {
            joins,
            sale,
            batches: counter!(JOIN_BATCHES),
            new: counter!(JOINS, "outcome" => "new"),
            existing: counter!(JOINS, "outcome" => "existing"),
            at_work,
        }
    }

    /// Places a group and answers everyone in it. Leaves it empty.
    async fn place(&self, group: &mut Vec<Waiting>) {
        let began = Instant::now();
        match self.ask(group).await {
            Ok(EntitledBatch { batch: JoinBatch::Placed(places, version), refused, lobby_ms }) => {
                turn_away(group, &refused);
                self.answer(group.drain(..), places, version, lobby_ms).await;
            }
            Ok(EntitledBatch { batch: refusal, .. }) => self.refuse(group, refusal).await,
            Err(fault) => {
                if fault.is_away() {
                    tracing::warn!(sale = %self.sale, %fault, joins = group.len(), "joins were not placed: the store is away");
                } else {
                    tracing::error!(sale = %self.sale, %fault, joins = group.len(), "joins were not placed");
                }
                let answer = if fault.is_away() { JoinAnswer::Away } else { JoinAnswer::Broken };
                answer_all(group, "away", &answer);
            }
        }
        self.batches.increment(1);
        histogram!(JOIN_BATCH_SECONDS).record(began.elapsed());
    }

    async fn ask(&self, group: &[Waiting]) -> Result<EntitledBatch, StoreError> {
        let asks: Vec<JoinAsk> = group.iter().map(|waiting| waiting.ask).collect();
        let codes: Vec<Option<SecretHash>> = group.iter().map(|waiting| waiting.code).collect();
        let hash_email = |email: &str| self.joins.keys.email(self.sale, email);
        self.joins.store.join_entitled(self.sale, &asks, &codes, &hash_email).await
    }

    async fn answer(
        &self,
        group: impl Iterator<Item = Waiting>,
        places: Vec<(PlaceRow, bool)>,
        version: i64,
        lobby_ms: Option<i64>,
    ) {
        // One signature for all of the group, those included who ask again for a place of before.
        let acknowledged = lobby_ms.and_then(|now_ms| {
            let entries = places.iter().map(|(place, _)| (place.entry, place.id));
            AcknowledgedBatch::sign(self.sale, entries, now_ms, &self.joins.signer).map(Arc::new)
        });
        // A group without new places moved no version; whoever listens needs one that knows of the place.
        let version = match version {
            0 => self.joins.store.joins_version(self.sale).await.unwrap_or(0),
            moved => moved,
        };
        let mut given = HashSet::with_capacity(places.len());
        for (waiting, (place, new)) in group.zip(places) {
            // A fan twice in one group got one place, given once.
            let new = new && given.insert(place.id);
            if new { &self.new } else { &self.existing }.increment(1);
            // Who went away meanwhile keeps the place all the same.
            let acknowledged = acknowledged.clone();
            drop(waiting.reply.send(JoinAnswer::Placed { place, new, version, acknowledged }));
        }
    }

    /// A refusal is for newcomers; who has a place in the group is given it.
    async fn refuse(&self, group: &mut Vec<Waiting>, refusal: JoinBatch) {
        let (outcome, answer) = match refusal {
            JoinBatch::NotOpenYet { opens_at_ms } => ("not_open", JoinAnswer::NotOpenYet { opens_at_ms }),
            JoinBatch::LobbyClosed => ("lobby_closed", JoinAnswer::LobbyClosed),
            JoinBatch::Closed => ("closed", JoinAnswer::Closed),
            JoinBatch::SoldOut => ("sold_out", JoinAnswer::SoldOut),
            JoinBatch::Stopped { reason } => ("stopped", JoinAnswer::Stopped { reason }),
            JoinBatch::NoSale | JoinBatch::Placed(..) => ("no_sale", JoinAnswer::NoSale),
        };
        if !matches!(answer, JoinAnswer::NoSale) {
            self.answer_placed(group).await;
        }
        answer_all(group, outcome, &answer);
    }

    /// Answers those of a refused group who have a place, and takes them out of it.
    async fn answer_placed(&self, group: &mut Vec<Waiting>) {
        let fans: Vec<Uuid> = group.iter().map(|waiting| waiting.ask.fan).collect();
        let Ok(placed) = self.joins.store.fans_with_place(self.sale, &fans).await else { return };
        if placed.is_empty() {
            return;
        }
        let (placed, rest): (Vec<_>, Vec<_>) = group.drain(..).partition(|waiting| placed.contains(&waiting.ask.fan));
        *group = rest;
        let mut placed = placed;
        match self.ask(&placed).await {
            Ok(EntitledBatch { batch: JoinBatch::Placed(places, version), refused, lobby_ms }) => {
                turn_away(&mut placed, &refused);
                self.answer(placed.into_iter(), places, version, lobby_ms).await;
            }
            // Their places ended in between: they are newcomers now.
            _ => group.extend(placed),
        }
    }
}

/// Answers those of a group who brought nothing that lets them in, and takes them out of it.
fn turn_away(group: &mut Vec<Waiting>, refused: &[Option<EntryRefusal>]) {
    if refused.iter().all(Option::is_none) {
        return;
    }
    let all = std::mem::take(group);
    for (waiting, refused) in all.into_iter().zip(refused) {
        let Some(refusal) = *refused else {
            group.push(waiting);
            continue;
        };
        let outcome = if refusal == EntryRefusal::NotInvited { "not_invited" } else { "code_refused" };
        counter!(JOINS, "outcome" => outcome).increment(1);
        drop(waiting.reply.send(JoinAnswer::NotEntitled(refusal)));
    }
}

fn answer_all(group: &mut Vec<Waiting>, outcome: &'static str, answer: &JoinAnswer) {
    counter!(JOINS, "outcome" => outcome).increment(group.len() as u64);
    for waiting in group.drain(..) {
        drop(waiting.reply.send(answer.clone()));
    }
}

impl Drop for Batcher<'_> {
    fn drop(&mut self) {
        self.at_work.decrement(1.0);
    }
}
