//! The heads of the sale's log reach every page while it waits, each once, without frames of their own.

use std::time::Duration;

use contracts::places::{Seq, View};
use realtime::Config;
use store::log::{HeadFacts, Seal};
use testkit::eventually;

use crate::stage::{Fan, SOON, Stage};

fn seal(facts: &HeadFacts) -> Seal {
    Seal { key_id: "k".to_owned(), hash: vec![facts.seq as u8; 32], signature: Vec::new() }
}

/// The next head is written; its number.
async fn write(stage: &Stage) -> i64 {
    stage.store.write_head(stage.sale, seal).await.unwrap().expect("nobody else writes").seq
}

fn told(view: &View) -> Option<i64> {
    let head = view.log_head.as_ref()?;
    assert_eq!((head.key_id.as_str(), head.hash.as_str()), ("k", hex(head.seq).as_str()));
    Some(head.seq)
}

fn hex(seq: i64) -> String {
    format!("{seq:02x}").repeat(32)
}

async fn polled(stage: &Stage, fan: &Fan) -> Option<i64> {
    told(&stage.polled(fan, Seq::default()).await.1)
}

/// A node that looks often, and lets no quiet page hear of anything for so long.
async fn quiet(alive_every_ms: u64) -> Stage {
    Stage::with(|config| *config = Config { heads_every_ms: 100, alive_every_ms, ..Config::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_told_each_head_once_on_a_frame_that_is_due_anyway() {
    let stage = quiet(25_000).await;
    let fans = stage.join(3).await;
    let mut early = stage.watch(&fans[2]).await;
    assert_eq!(told(&early.place().await.1), None);
    let first = write(&stage).await;
    eventually(SOON, async || polled(&stage, &fans[2]).await == Some(first)).await;
    // A head alone is no frame.
    assert!(early.silent_for(Duration::from_millis(500)).await.is_none());
    stage.leave(&fans[0]).await;
    assert_eq!(told(&early.until(|view| view.ahead == 1).await.1), Some(first));
    stage.leave(&fans[1]).await;
    assert_eq!(told(&early.until(|view| view.ahead == 0).await.1), None);
    // Whoever comes later is told at once, and polls always are.
    assert_eq!(told(&stage.watch(&fans[2]).await.place().await.1), Some(first));
    assert_eq!(polled(&stage, &fans[2]).await, Some(first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_page_hears_of_a_new_head_with_its_next_sign_of_life() {
    let stage = quiet(1_000).await;
    let fan = &stage.join(1).await[0];
    let mut window = stage.watch(fan).await;
    for _ in 0..2 {
        let seq = write(&stage).await;
        let (_, view, _) = window.until(|view| view.log_head.is_some()).await;
        assert_eq!(told(&view), Some(seq));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_heads_cannot_be_read_the_last_one_stays() {
    let stage = quiet(25_000).await;
    let fan = &stage.join(1).await[0];
    let first = write(&stage).await;
    eventually(SOON, async || polled(&stage, fan).await == Some(first)).await;
    let rename = async |sql: &'static str| sqlx::query(sql).execute(stage.store.pool()).await.unwrap();
    rename("alter table log_head rename to log_head_away").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(polled(&stage, fan).await, Some(first));
    rename("alter table log_head_away rename to log_head").await;
    let second = write(&stage).await;
    eventually(SOON, async || polled(&stage, fan).await == Some(second)).await;
}
