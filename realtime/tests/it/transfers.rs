//! A place that went over to another fan is told, and kept alive, by that fan's windows alone.

use contracts::places::{PlaceState, Seq};
use testkit::eventually;

use crate::stage::{SOON, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_never_in_two_hands() {
    let stage = Stage::open().await;
    let fans = stage.join(2).await;
    let (old, entry) = (&fans[1], fans[1].entry);
    let mut window = stage.watch(old).await;
    assert_eq!(window.place().await.1.state, PlaceState::Waiting);
    let new = stage.hand_over(old).await;
    let (_, view, _) = window.until(|view| view.state == PlaceState::Transferred).await;
    assert_eq!((view.ahead, view.hold, view.booking_id), (0, None, None));
    // The earlier receipt opens nothing any more.
    assert_eq!(stage.polled(old, Seq::default()).await.1.state, PlaceState::Transferred);
    assert_eq!(stage.watch(old).await.place().await.1.state, PlaceState::Transferred);

    // Only the new fan's signs of life count.
    let forgotten = async || {
        let key = format!("u:{{{}}}:seen:{}:v1", stage.event.simple(), stage.sale.simple());
        let deleted: i64 = redis::cmd("DEL").arg(key).query_async(&mut stage.redis.connection().await).await.unwrap();
        assert_eq!(deleted, 1);
    };
    // Signs are written in the order in which they come.
    let other = async || stage.store.last_seen(stage.event, stage.sale, &[fans[0].entry]).await.unwrap().seen_ms[0] > 0;
    stage.polled(&fans[0], Seq::default()).await;
    eventually(SOON, other).await;
    let seen = async || stage.store.last_seen(stage.event, stage.sale, &[entry]).await.unwrap().seen_ms[0] > 0;
    forgotten().await;
    stage.polled(old, Seq::default()).await;
    stage.polled(&fans[0], Seq::default()).await;
    eventually(SOON, other).await;
    assert!(!seen().await, "the earlier fan's page keeps the place alive");
    // Whoever took it over sees it where it was.
    assert_eq!(stage.watch(&new).await.place().await.1.ahead, 1);
    eventually(SOON, seen).await;
}
