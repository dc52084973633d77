//! What operators announce reaches everybody in the line, once, and whoever comes later.

use std::collections::BTreeMap;

use contracts::places::{Seq, View};
use contracts::sales::SaleState;
use store::tuning::{KnobChange, Tune};

use crate::stage::{Fan, Stage};

async fn announce(stage: &Stage, texts: Option<&[(&str, &str)]>) -> i64 {
    let texts: Option<BTreeMap<_, _>> =
        texts.map(|texts| texts.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned())).collect());
    let now = stage.store.announce(stage.sale, uuid::Uuid::from_u128(1), texts.as_ref()).await.unwrap();
    now.expect("the sale is published").map_or(0, |now| now.at_ms)
}

/// The time of what is announced, and how many texts came with it.
fn told(view: &View) -> Option<(i64, usize)> {
    view.announcement.as_ref().map(|now| (now.at_ms, now.texts.len()))
}

async fn polled(stage: &Stage, fan: &Fan, has_ms: i64) -> Option<(i64, usize)> {
    let Seq { joins, .. } = stage.polled(fan, Seq::default()).await.0;
    let url = format!("http://{}/v1/live/place?joins={joins}&announced={has_ms}", stage.address);
    let reply = reqwest::Client::new().get(url).bearer_auth(&fan.receipt).send().await.unwrap();
    let body: serde_json::Value = reply.json().await.unwrap();
    told(&serde_json::from_value(body["view"].clone()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_told_once_and_whoever_comes_later_too() {
    let stage = Stage::open().await;
    let fans = stage.join(3).await;
    let mut windows = [stage.watch(&fans[1]).await, stage.watch(&fans[2]).await];
    for window in &mut windows {
        assert_eq!(told(&window.place().await.1), None);
    }
    let first = announce(&stage, Some(&[("en", "Doors open late"), ("de", "Einlass später")])).await;
    for window in &mut windows {
        let (_, view) = window.place().await;
        assert_eq!(told(&view), Some((first, 2)));
        assert_eq!(view.announcement.unwrap().texts["de"], "Einlass später");
        let late_ms = view.server_now_ms - first;
        assert!((0..1_000).contains(&late_ms), "told {late_ms} ms after the decision");
    }
    // Later frames say that it is still so, and no more.
    stage.leave(&fans[0]).await;
    let (_, view, _) = windows[1].until(|view| view.ahead == 1).await;
    assert_eq!(told(&view), Some((first, 0)));
    assert_eq!(polled(&stage, &fans[1], 0).await, Some((first, 2)));
    assert_eq!(polled(&stage, &fans[1], first).await, Some((first, 0)));
    assert_eq!(told(&stage.watch(&fans[1]).await.place().await.1), Some((first, 2)));

    let second = announce(&stage, Some(&[("en", "Doors are open")])).await;
    assert!(second > first);
    let (_, view, _) = windows[1].until(|view| told(view) == Some((second, 1))).await;
    assert_eq!(view.sale, SaleState::Open);
    announce(&stage, None).await;
    let (_, view, _) = windows[1].until(|view| view.announcement.is_none()).await;
    assert_eq!(view.estimate.and_then(|estimate| estimate.changed), None, "an announcement moves no estimate");
    assert_eq!(polled(&stage, &fans[1], second).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lobby_and_its_closing_are_told_to_everybody_connected() {
    let stage = Stage::open().await;
    let fans = stage.join(2).await;
    let mut windows = [stage.watch(&fans[0]).await, stage.watch(&fans[1]).await];
    for window in &mut windows {
        assert_eq!(window.place().await.1.sale, SaleState::Open);
    }
    let opens_at_ms = stage.clock.now_ms() + 1_500;
    sqlx::query("update sale set lobby_opens_at = from_ms($2 - 60000), opens_at = from_ms($2) where id = $1")
        .bind(stage.sale)
        .bind(opens_at_ms)
        .execute(stage.store.pool())
        .await
        .unwrap();
    stage.tune(Tune::Knobs(KnobChange { max_active: Some(10), ..KnobChange::default() }), "with the window").await;
    for window in &mut windows {
        let (_, view, _) = window.until(|view| view.sale == SaleState::Lobby).await;
        assert_eq!((view.opens_at_ms, view.ahead), (Some(opens_at_ms), 0));
        let (_, view, _) = window.until(|view| view.sale == SaleState::Drawing).await;
        assert_eq!(view.changed_at_ms, opens_at_ms);
    }
}
