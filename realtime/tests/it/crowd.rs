//! With a crowd connected, those let in hear of it at once.

use std::time::Instant;

use contracts::places::PlaceState;
use contracts::sales::SaleState;
use store::tuning::Tune;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::stage::{SOON, Stage};
use crate::window::Heard;

const CROWD: usize = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_crowd_those_let_in_are_told_within_a_quarter_second() {
    let stage = Stage::open().await;
    let fans = stage.join(CROWD).await;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    for fan in &fans {
        let mut window = stage.watch(fan).await;
        assert_eq!(window.place().await.1.ahead, (fan.entry - 1).unsigned_abs());
        let (sender, clock) = (sender.clone(), stage.clock.clone());
        readers.spawn(async move {
            while let Some(Heard::Place(_, view)) = window.silent_for(6 * SOON).await {
                if view.changed_at_ms > 0 && sender.send((clock.now_ms() - view.changed_at_ms, view)).is_err() {
                    return;
                }
            }
        });
    }
    let mut delays = Vec::new();
    let began = Instant::now();
    // Everybody's number changes as well, all the while.
    for first in (1..=200).step_by(20) {
        let next: Vec<i64> = (first..first + 20).collect();
        stage.admit(&next, &[]).await;
        for _ in &next {
            let (delay_ms, view) = heard.recv().await.unwrap();
            assert_eq!(view.state, PlaceState::Standing);
            delays.push(delay_ms);
        }
    }
    assert!(began.elapsed() < SOON);
    delays.sort_unstable();
    assert!(delays[delays.len() * 99 / 100] < 250, "pushes came late: {delays:?}");
    stage.tune(Tune::Pause, "all of you, wait").await;
    for _ in 0..CROWD {
        let (delay_ms, view) = heard.recv().await.unwrap();
        assert!(view.sale == SaleState::Paused && delay_ms < 2_000, "{delay_ms} ms: {view:?}");
    }
    readers.abort_all();
}
