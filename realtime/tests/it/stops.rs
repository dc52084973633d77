//! When parts stop: Redis, and this node itself.

use std::time::{Duration, Instant};

use contracts::places::{PlaceState, Seq};
use contracts::push::close;
use tokio::task::JoinSet;

use crate::stage::{SOON, Stage};
use crate::window::Window;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_tells_every_socket_when_to_come_back() {
    let stage = Stage::open().await;
    let fans = stage.join(30).await;
    let mut windows = Vec::new();
    for fan in &fans {
        let mut window = stage.watch(fan).await;
        window.place().await;
        windows.push(window);
    }
    let mut unready = Window::open(stage.address).await;
    let mut ended = JoinSet::new();
    ended.spawn(stage.tasks.clone().run_until_stopped(Duration::from_secs(5)));
    stage.tasks.stop();
    let mut reasons = Vec::new();
    for window in &mut windows {
        let (code, reason) = window.closed().await;
        assert_eq!(code, close::GOING_AWAY);
        reasons.push(reason.parse::<u64>().expect("milliseconds"));
    }
    assert_eq!(unready.closed().await.0, close::GOING_AWAY);
    assert!(reasons.iter().all(|ms| *ms < 1_000), "{reasons:?}");
    let (least, most) = (reasons.iter().min().unwrap(), reasons.iter().max().unwrap());
    assert!(most - least > 200, "thirty draws from a second lie apart: {reasons:?}");
    ended.join_next().await.unwrap().unwrap().expect("nothing had to be dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hard_stop_drops_sockets_whose_clients_do_not_answer() {
    let stage = Stage::open().await;
    let fans = stage.join(1).await;
    let mut window = stage.watch(&fans[0]).await;
    window.place().await;
    let began = Instant::now();
    stage.tasks.stop();
    // It is never read again, so the close frame is never answered.
    let outcome = stage.tasks.clone().run_until_stopped(Duration::from_millis(200)).await;
    assert!(outcome.is_err() && began.elapsed() < Duration::from_secs(2), "{outcome:?} after {:?}", began.elapsed());
    drop(window);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_go_on_without_redis_and_after_it_came_back_empty() {
    let stage = Stage::open().await;
    let fans = stage.join(6).await;
    let mut window = stage.watch(&fans[5]).await;
    assert_eq!(window.place().await.1.ahead, 5);
    stage.redis.kill().await;
    stage.leave(&fans[0]).await;
    window.until(|view| view.ahead == 4).await;
    stage.admit(&[2], &[]).await;
    window.until(|view| view.ahead == 3).await;
    // Newcomers and pollers are served meanwhile.
    let late = stage.join(1).await.remove(0);
    assert_eq!(stage.watch(&late).await.place().await.1.ahead, 4);
    assert_eq!(stage.polled(&late, Seq::default()).await.1.ahead, 4);
    stage.redis.restart().await;
    stage.admit(&[3, 4], &[]).await;
    window.until(|view| view.ahead == 1).await;
    stage.admit(&[5, 6], &[]).await;
    let (_, view, _) = window.until(|view| view.state == PlaceState::Standing).await;
    assert!(view.changed_at_ms > 0);
    // The feed flows again: a change comes much sooner than Postgres is asked.
    testkit::eventually(SOON, async || {
        let fan = stage.join(1).await.remove(0);
        let mut window = stage.watch(&fan).await;
        window.place().await;
        stage.leave(&fan).await;
        let (_, view, _) = window.until(|view| view.state == PlaceState::Left).await;
        stage.clock.now_ms() - view.changed_at_ms < 60
    })
    .await;
}
