//! Coming back: nobody is answered with less than they have seen.

use std::time::Duration;

use contracts::places::{PlaceState, Seq};
use contracts::push::close;
use store::joins::JoinBatch;

use crate::stage::Stage;
use crate::window::Window;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_behind_waits_until_it_has_seen_as_much() {
    let stage = Stage::open().await;
    let fans = stage.join(2).await;
    let (seq, _) = stage.watch(&fans[1]).await.place().await;
    let ahead = Seq { pace: seq.pace + 1, ..seq };
    let mut window = Window::open(stage.address).await;
    window.hello(&fans[1].receipt, Some(ahead)).await;
    assert!(window.silent_for(Duration::from_millis(300)).await.is_none());
    let poll = async { stage.polled(&fans[1], ahead).await };
    let ((polled_seq, polled), ()) = tokio::join!(poll, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stage.leave(&fans[0]).await;
    });
    let (seq, view) = window.place().await;
    assert!(seq.covers(&ahead) && polled_seq.covers(&ahead));
    assert_eq!((view.ahead, polled.ahead), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stays_behind_sends_the_page_elsewhere() {
    let stage = Stage::with(|config| config.cover_wait_ms = 300).await;
    let fans = stage.join(1).await;
    let far = Seq { seats: 99, ..Seq::default() };
    let mut window = Window::open(stage.address).await;
    window.hello(&fans[0].receipt, Some(far)).await;
    let (code, reason) = window.closed().await;
    assert!(code == close::GOING_AWAY && reason.parse::<u64>().is_ok(), "{code} {reason}");
    let (status, body) = stage.poll(&fans[0], far).await;
    assert_eq!((status, body["code"].as_str()), (503, Some("try-again")));
    // The same place without that claim is answered.
    assert_eq!(stage.polled(&fans[0], Seq::default()).await.1.state, PlaceState::Waiting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_answered_right_after_its_join_and_in_a_new_event() {
    let mut stage = Stage::open().await;
    for _ in 0..20 {
        let fan = stage.join(1).await.remove(0);
        assert_eq!(stage.polled(&fan, Seq::default()).await.1.ahead, (fan.entry - 1).unsigned_abs());
    }
    // A second sale of an event that is followed already.
    let second = chassis::ids::new(&stage.clock);
    for statement in [
        "insert into sale select $2, event, name, opens_at, closes_at, entry, party_max, rate_per_minute, max_active, hold_ttl_ms,
                extension_ms, grace_ms, presence_ms, rejoin, published from sale where id = $1",
        "insert into line (sale) select $2::uuid where $1::uuid is not null",
        "insert into lane (scope, kind, event) select $2, kind, event from lane where scope = $1",
    ] {
        sqlx::query(statement).bind(stage.sale).bind(second).execute(stage.store.pool()).await.unwrap();
    }
    stage.sale = second;
    let fan = stage.join(1).await.remove(0);
    let (_, view) = stage.watch(&fan).await.place().await;
    assert_eq!((view.ahead, view.waiting), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_of_sales_long_over_are_told_from_the_record() {
    let stage = Stage::open().await;
    let fans = stage.join(3).await;
    stage.leave(&fans[0]).await;
    sqlx::query("update sale set opens_at = opens_at - interval '1 day', closes_at = closes_at - interval '1 day' where id = $1")
        .bind(stage.sale)
        .execute(stage.store.pool())
        .await
        .unwrap();
    let refused = stage.store.join_batch(stage.sale, &[]).await.unwrap();
    assert!(matches!(refused, JoinBatch::Placed(places, _) if places.is_empty()));
    testkit::eventually(crate::stage::SOON, async || stage.poll(&fans[1], Seq::default()).await.0 == 503).await;
    let (_, view) = stage.polled(&fans[0], Seq::default()).await;
    assert_eq!((view.state, view.ahead), (PlaceState::Left, 0));
    let mut window = stage.watch(&fans[0]).await;
    assert_eq!(window.place().await.1.state, PlaceState::Left);
    assert_eq!(window.closed().await.0, close::ENDED);
}
