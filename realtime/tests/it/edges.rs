//! Who is let in, who is shown out, and that nobody harms the others.

use std::time::{Duration, Instant};

use contracts::places::Seq;
use contracts::push::close;
use store::tuning::Tune;

use crate::stage::{SOON, Stage};
use crate::window::{Heard, Window};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_receipts_and_other_first_messages_are_shown_out() {
    let stage = Stage::open().await;
    let fan = stage.join(1).await.remove(0);
    let mut forged = fan.receipt.clone();
    forged.replace_range(20..21, if &forged[20..21] == "A" { "B" } else { "A" });
    for receipt in [forged.as_str(), "rcp_", "vis_nobody", ""] {
        let mut window = Window::open(stage.address).await;
        window.hello(receipt, None).await;
        assert_eq!(window.closed().await.0, close::BAD_RECEIPT, "{receipt}");
    }
    for nonsense in ["", "hello", "{}", r#"{"v":1,"type":"ping"}"#, "[1,2", r#"{"v":1,"type":"hello"}"#] {
        let mut window = Window::open(stage.address).await;
        window.say(nonsense).await;
        assert_eq!(window.closed().await.0, close::BAD_RECEIPT, "{nonsense}");
    }
    let (status, _) = stage.poll(&crate::stage::Fan { receipt: forged, ..fan }, Seq::default()).await;
    assert_eq!(status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_says_nothing_is_shown_out_in_time() {
    let stage = Stage::with(|config| config.hello_timeout_ms = 300).await;
    let began = Instant::now();
    let mut window = Window::open(stage.address).await;
    assert_eq!(window.closed().await.0, close::BAD_RECEIPT);
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_foreign_origins_are_refused_and_our_own_are_not() {
    let stage = Stage::with(|config| config.allowed_origins = vec!["https://shop.example".to_owned()]).await;
    let own = format!("http://{}", stage.address);
    assert!(Window::try_open(stage.address, Some(&own), None).await.is_ok());
    assert!(Window::try_open(stage.address, Some("https://shop.example"), None).await.is_ok());
    for foreign in ["https://evil.example", "null"] {
        assert_eq!(Window::try_open(stage.address, Some(foreign), None).await.err(), Some(403), "{foreign}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_full_refuse_upgrades() {
    let stage = Stage::with(|config| config.max_sockets = 1).await;
    let _one = Window::open(stage.address).await;
    assert_eq!(Window::try_open(stage.address, None, None).await.err(), Some(503));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_six_sockets_of_one_fan_the_newest_five_stay() {
    let stage = Stage::open().await;
    let fans = stage.join(1).await;
    let mut windows = Vec::new();
    for _ in 0..6 {
        let mut window = stage.watch(&fans[0]).await;
        window.place().await;
        windows.push(window);
    }
    assert_eq!(windows.remove(0).closed().await.0, close::LIMITED);
    stage.admit(&[1], &[]).await;
    for window in &mut windows {
        window.until(|view| view.state == contracts::places::PlaceState::Standing).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_messages_are_answered_and_too_many_end_the_socket() {
    let stage = Stage::with(|config| config.messages_burst = 6).await;
    let fans = stage.join(1).await;
    let mut window = stage.watch(&fans[0]).await;
    window.place().await;
    window.say(r#"{"v":1,"type":"ping"}"#).await;
    for nonsense in ["}", r#"{"v":1,"type":"dance"}"#] {
        window.say(nonsense).await;
        let heard = window.heard().await;
        assert!(matches!(&heard, Heard::Problem(code) if code == "invalid-request"), "{heard:?}");
    }
    stage.admit(&[1], &[]).await;
    assert_eq!(window.place().await.1.state, contracts::places::PlaceState::Standing);
    for _ in 0..6 {
        window.say(r#"{"v":1,"type":"ping"}"#).await;
    }
    assert_eq!(window.closed().await.0, close::LIMITED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_ends_the_socket_only() {
    let stage = Stage::open().await;
    let fans = stage.join(2).await;
    let (mut large, mut other) = (stage.watch(&fans[0]).await, stage.watch(&fans[1]).await);
    large.place().await;
    other.place().await;
    large.say("x".repeat(5_000)).await;
    assert!(matches!(large.heard().await, Heard::Lost | Heard::Closed(..)));
    stage.leave(&fans[0]).await;
    assert_eq!(other.place().await.1.ahead, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_closed_and_harms_nobody() {
    let stage = Stage::with(|config| config.slow_ms = 500).await;
    let fans = stage.join(2).await;
    let mut slow = Window::narrow(stage.address).await;
    slow.hello(&fans[0].receipt, None).await;
    let mut other = stage.watch(&fans[1]).await;
    other.place().await;
    let sockets = async || {
        let page = chassis::metrics::Metrics::install().render();
        page.contains("usher_sockets_closed_total{reason=\"slow\"} 1")
    };
    // Nobody reads `slow`, so large frames pile up in the system until it takes no more.
    let began = Instant::now();
    while !sockets().await {
        assert!(began.elapsed() < 3 * SOON, "the slow reader was never closed");
        stage.tune(Tune::Pause, &"no reason ".repeat(4_000)).await;
        let (_, view) = other.place().await;
        assert!(stage.clock.now_ms() - view.changed_at_ms < 1_000, "others wait for a slow reader");
        stage.tune(Tune::Resume, "on").await;
        other.place().await;
    }
    // Its last word may be the close code, or be lost behind what it never read.
    stage.leave(&fans[0]).await;
    assert_eq!(other.until(|view| view.ahead == 0).await.1.waiting, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_ended_is_shown_a_while_and_a_dead_client_is_found() {
    let stage = Stage::with(|config| {
        config.ended_linger_ms = 400;
        config.alive_every_ms = 1_000;
        config.idle_timeout_ms = 1_500;
    })
    .await;
    let fans = stage.join(2).await;
    let mut window = stage.watch(&fans[0]).await;
    window.place().await;
    stage.leave(&fans[0]).await;
    assert_eq!(window.place().await.1.state, contracts::places::PlaceState::Left);
    assert_eq!(window.closed().await.0, close::ENDED);

    // While its network stack answers pings a page may sleep; read by nobody, the socket is taken for dead.
    let mut sleeping = stage.watch(&fans[1]).await;
    let mut dead = stage.watch(&fans[1]).await;
    sleeping.place().await;
    dead.place().await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        if let Some(heard) = sleeping.silent_for(Duration::from_millis(200)).await {
            assert!(matches!(heard, Heard::Place(..)), "{heard:?}");
        }
    }
    // Its close frame may be lost behind pings that nobody answered.
    let ended = loop {
        match dead.heard().await {
            Heard::Place(..) => {}
            other => break other,
        }
    };
    assert!(matches!(&ended, Heard::Lost | Heard::Closed(close::SLOW, _)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_and_polling_count_as_present() {
    let stage = Stage::with(|config| config.presence_write_ms = 300).await;
    let fans = stage.join(3).await;
    let mut window = stage.watch(&fans[0]).await;
    window.place().await;
    stage.polled(&fans[1], Seq::default()).await;
    let seen = async || stage.store.last_seen(stage.event, stage.sale, &[1, 2, 3]).await.unwrap().seen_ms;
    testkit::eventually(SOON, async || {
        let seen = seen().await;
        seen[0] > 0 && seen[1] > 0
    })
    .await;
    let before = seen().await;
    assert_eq!(before[2], 0);
    // An open socket goes on counting without a word from its page; a poll does not.
    testkit::eventually(SOON, async || seen().await[0] > before[0]).await;
    assert_eq!(seen().await[1], before[1]);
}
