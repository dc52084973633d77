//! Every number pushed is the true one as of the versions it names, recomputed from Postgres.

use std::collections::BTreeSet;

use contracts::places::{PlaceState, Seq};
use store::feed::{Change, Lane, LaneKind, Record};
use tokio::task::JoinSet;

use crate::stage::{Fan, Stage};
use crate::window::{Heard, Window};

/// Who waits as of these versions, by plain replay.
fn waiting(joins: &[Record], pace: &[Record], seats: &[Record], seq: Seq) -> BTreeSet<i64> {
    let until = |records: &[Record], version: i64| -> Vec<Change> {
        records.iter().filter(|record| record.version <= version).flat_map(|record| record.changes.clone()).collect()
    };
    let mut waiting = BTreeSet::new();
    for change in until(joins, seq.joins) {
        if let Change::Joined { last, .. } = change {
            waiting.extend(1..=last);
        }
    }
    let gone = until(pace, seq.pace).into_iter().chain(until(seats, seq.seats));
    for change in gone {
        match change {
            Change::Admitted { entries, .. } | Change::Skipped { entries } => {
                waiting.retain(|entry| !entries.contains(entry));
            }
            Change::Left { entry, .. } | Change::Unserved { entry, .. } | Change::Ended { entry, .. } => {
                waiting.remove(&entry);
            }
            Change::Held(hold) => {
                waiting.remove(&hold.entry);
            }
            _ => {}
        }
    }
    waiting
}

/// Reads a window to its end.
async fn read(mut window: Window, entry: i64) -> (i64, Vec<(Seq, contracts::places::View)>) {
    let mut frames = Vec::new();
    while let Heard::Place(seq, view) = window.heard().await {
        frames.push((seq, *view));
    }
    (entry, frames)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_number_pushed_agrees_with_a_replay_of_the_record() {
    let stage = Stage::with(|config| config.ended_linger_ms = 600_000).await;
    let mut fans: Vec<Fan> = stage.join(24).await;
    let mut readers = JoinSet::new();
    for fan in &fans {
        readers.spawn(read(stage.watch(fan).await, fan.entry));
    }
    let mut live: BTreeSet<i64> = fans.iter().map(|fan| fan.entry).collect();
    let mut free = 0..500u32;
    for round in 0..60u32 {
        match rand::random_range(0..5) {
            0 => {
                let new = stage.join(rand::random_range(1..4)).await;
                live.extend(new.iter().map(|fan| fan.entry));
                for fan in &new {
                    readers.spawn(read(stage.watch(fan).await, fan.entry));
                }
                fans.extend(new);
            }
            1 | 2 => {
                let at = rand::random_range(0..fans.len());
                if live.remove(&fans[at].entry) {
                    stage.leave(&fans[at]).await;
                }
            }
            3 => {
                let next: Vec<i64> = live.iter().copied().take(rand::random_range(1..3)).collect();
                stage.admit(&next, &[]).await;
                live.retain(|entry| !next.contains(entry));
                if let (true, Some(entry)) = (round.is_multiple_of(2), next.first()) {
                    stage.hold(*entry, &[free.next().unwrap(), free.next().unwrap()]).await;
                }
            }
            _ => {
                if let Some(entry) = live.iter().nth(1).copied() {
                    live.remove(&entry);
                    stage.admit(&[], &[entry]).await;
                }
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(rand::random_range(0..60))).await;
    }
    // Long enough for the last numbers at the front.
    tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
    stage.tasks.stop();
    let frames = readers.join_all().await;
    let records = async |scope, kind| stage.store.records_after(Lane { scope, kind }, 0, 100_000).await.unwrap();
    let joins = records(stage.sale, LaneKind::Joins).await;
    let pace = records(stage.sale, LaneKind::Pace).await;
    let seats = records(stage.event, LaneKind::Seats).await;
    let mut checked = 0;
    for (entry, frames) in &frames {
        let mut shown = u64::MAX;
        let mut before = Seq::default();
        for (seq, view) in frames {
            let waiting = waiting(&joins, &pace, &seats, *seq);
            let in_line = matches!(view.state, PlaceState::Waiting | PlaceState::Skipped);
            let truth = if in_line { waiting.range(..entry).count() as u64 } else { 0 };
            assert_eq!((view.ahead, view.waiting), (truth, waiting.len() as u64), "entry {entry} at {seq:?}: {view:?}");
            assert_eq!(view.state == PlaceState::Waiting, waiting.contains(entry), "entry {entry} at {seq:?}");
            assert!(view.ahead <= shown, "entry {entry}: {} after {shown}", view.ahead);
            assert!(seq.covers(&before), "entry {entry}: {seq:?} after {before:?}");
            (shown, before) = (view.ahead, *seq);
            checked += 1;
        }
        // The last that was shown is current.
        let end = Seq { joins: i64::MAX, pace: i64::MAX, seats: i64::MAX };
        let truth = waiting(&joins, &pace, &seats, end).range(..entry).count() as u64;
        let last = &frames.last().expect("a first frame").1;
        if last.state == PlaceState::Waiting {
            assert_eq!(last.ahead, truth, "entry {entry} was left with an old number");
        }
    }
    // A busy machine conflates more; the first frames alone would be fewer.
    assert!(checked > 50, "only {checked} frames");
}
