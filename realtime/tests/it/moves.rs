//! What fans are told as their places move.

use std::time::Duration;

use contracts::bookings::ExchangeState;
use contracts::ids::BookingId;
use contracts::places::{PlaceState, View};
use contracts::sales::SaleState;
use store::clock::{ClockChange, ClockChanged};
use store::exchanges::{AskedExchange, OtherSeats};
use store::joins::Accepts;
use store::mending::{Mend, Mended};
use store::tuning::{KnobChange, Tune};
use uuid::Uuid;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_frame_equals_a_poll() {
    let stage = Stage::open().await;
    let fans = stage.join(5).await;
    let (seq, pushed) = stage.watch(&fans[3]).await.place().await;
    let (polled_seq, mut polled) = stage.polled(&fans[3], seq).await;
    assert!(polled.server_now_ms >= pushed.server_now_ms);
    polled.server_now_ms = pushed.server_now_ms;
    // What the fan wishes is read soon after they first ask.
    polled.chances.clear();
    assert_eq!((polled_seq, &polled), (seq, &pushed));
    assert_eq!((pushed.state, pushed.ahead, pushed.waiting), (PlaceState::Waiting, 3, 5));
    assert_eq!((pushed.sale, pushed.changed_at_ms), (SaleState::Open, 0));
    let estimate = pushed.estimate.expect("the sale is open at a known rate");
    assert!(estimate.low_s == 0 && estimate.high_s == 40 && estimate.changed.is_none(), "{estimate:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ahead_falls_as_others_leave_or_are_let_in_and_never_grows() {
    let stage = Stage::open().await;
    let fans = stage.join(10).await;
    let mut last = stage.watch(&fans[9]).await;
    assert_eq!(last.place().await.1.ahead, 9);
    stage.leave(&fans[0]).await;
    let (_, view, before) = last.until(|view| view.ahead == 8).await;
    assert!(before.is_empty() && view.changed_at_ms == 0, "{before:?} {view:?}");
    stage.join(3).await;
    stage.admit(&[2, 3, 4], &[5]).await;
    let (_, view, before) = last.until(|view| view.ahead == 4).await;
    assert!(before.iter().all(|view| (4..=8).contains(&view.ahead)), "{before:?}");
    assert_eq!((view.waiting, view.state), (8, PlaceState::Waiting));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letting_in_holding_and_lapsing_are_pushed_at_once_with_what_they_need() {
    let stage = Stage::open().await;
    let fans = stage.join(2).await;
    let mut window = stage.watch(&fans[0]).await;
    assert_eq!(window.place().await.1.state, PlaceState::Waiting);

    stage.admit(&[1], &[]).await;
    let (_, view) = window.place().await;
    assert_eq!((view.state, view.ahead, view.estimate), (PlaceState::Standing, 0, None));
    let late_ms = stage.clock.now_ms() - view.changed_at_ms;
    assert!((0..250).contains(&late_ms), "told {late_ms} ms after the decision");

    let held = stage.hold(1, &[7, 8]).await;
    let (_, view) = window.place().await;
    let hold = view.hold.expect("seats are held");
    assert_eq!((view.state, view.booking_id), (PlaceState::Holding, Some(BookingId(held.booking))));
    assert_eq!((hold.booking_id, hold.deadline_ms, hold.seats), (BookingId(held.booking), held.deadline_ms, 2));
    assert!(!hold.paying && !hold.declined && hold.can_extend && view.changed_at_ms > 0);

    assert!(stage.store.extend_hold(held.booking).await.unwrap());
    let (_, view) = window.place().await;
    let extended = view.hold.expect("seats are still held");
    assert!(!extended.can_extend && extended.deadline_ms == held.deadline_ms + 1_000, "{extended:?}");

    testkit::eventually(crate::stage::SOON, async || stage.store.lapse_due().await.unwrap().0 == 1).await;
    let (seq, view) = window.place().await;
    assert_eq!((view.state, view.hold), (PlaceState::Lapsed, None));
    assert_eq!(view.booking_id, Some(BookingId(held.booking)));
    assert_eq!(stage.polled(&fans[0], seq).await.1.state, PlaceState::Lapsed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_a_wish_for_other_seats_is_pushed_at_once() {
    let stage = Stage::open().await;
    let fans = stage.join(1).await;
    stage.admit(&[1], &[]).await;
    let held = stage.hold(1, &[7, 8]).await;
    assert!(stage.store.extend_hold(held.booking).await.unwrap());
    let mut window = stage.watch(&fans[0]).await;
    let mut told = async |state| {
        let is = |view: &View| view.hold.as_ref().is_some_and(|hold| hold.exchange == Some(state));
        window.until(is).await.1.hold.expect("seats are held")
    };
    told(ExchangeState::Possible).await;
    for (asks, seats, state) in [(1, None, ExchangeState::Nothing), (2, Some(&[3, 4][..]), ExchangeState::Done)] {
        let other = OtherSeats { tiers: 0, accepts: Accepts::default(), elsewhere: false };
        assert_eq!(stage.store.ask_exchange(held.booking, other).await.unwrap(), AskedExchange::Looking);
        told(ExchangeState::Looking).await;
        stage.exchange(held.booking, asks, seats).await;
        let hold = told(state).await;
        assert_eq!(
            (hold.booking_id, hold.deadline_ms, hold.seats),
            (BookingId(held.booking), held.deadline_ms + 1_000, 2)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_clock_and_more_time_for_all_are_pushed_at_once() {
    let stage = Stage::open().await;
    let fans = stage.join(1).await;
    stage.admit(&[1], &[]).await;
    let held = stage.hold(1, &[7]).await;
    let mut window = stage.watch(&fans[0]).await;
    window.until(|view| view.hold.is_some()).await;
    let change = async |change| {
        let now = stage.store.clock_now(stage.sale).await.unwrap().expect("the sale");
        let by = Uuid::from_u128(1);
        let done = stage.store.change_clock(stage.sale, by, change, "the bank is down", now.version()).await;
        assert_eq!(done.unwrap(), ClockChanged::Done);
    };
    change(ClockChange::Extend { by_ms: 60_000 }).await;
    let (_, view, _) =
        window.until(|view| view.hold.as_ref().is_some_and(|hold| hold.deadline_ms > held.deadline_ms)).await;
    let hold = view.hold.expect("seats are held");
    assert!(hold.can_extend && hold.deadline_ms == held.deadline_ms + 60_000, "{hold:?}");
    change(ClockChange::Freeze).await;
    let (seq, view, _) = window.until(|view| view.hold.as_ref().is_some_and(|hold| hold.frozen.is_some())).await;
    assert_eq!(view.hold.and_then(|hold| hold.frozen).as_deref(), Some("the bank is down"));
    // Whoever counts by the deadline alone is never told less than there is.
    let (_, polled) = stage.polled(&fans[0], seq).await;
    let told = polled.hold.expect("seats are held").deadline_ms;
    assert!(told >= hold.deadline_ms, "{told}");
    change(ClockChange::Thaw).await;
    let (_, view, _) = window.until(|view| view.hold.as_ref().is_some_and(|hold| hold.frozen.is_none())).await;
    assert!(view.hold.expect("seats are held").deadline_ms > told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skipped_places_and_those_who_leave_are_told() {
    let stage = Stage::open().await;
    let fans = stage.join(3).await;
    let (mut first, mut second) = (stage.watch(&fans[0]).await, stage.watch(&fans[1]).await);
    first.place().await;
    second.place().await;
    stage.admit(&[], &[1]).await;
    let (_, view) = first.place().await;
    assert_eq!((view.state, view.ahead), (PlaceState::Skipped, 0));
    let (_, _, before) = second.until(|view| view.ahead == 0).await;
    assert!(before.is_empty());
    stage.admit(&[1], &[]).await;
    assert_eq!(first.place().await.1.state, PlaceState::Standing);
    stage.leave(&fans[1]).await;
    let (_, view) = second.place().await;
    assert!(view.state == PlaceState::Left && view.changed_at_ms > 0, "{view:?}");
    // Whom an operator takes out is not told to have left.
    let mut third = stage.watch(&fans[2]).await;
    third.place().await;
    let place = stage.store.place_of(stage.sale, fans[2].id).await.unwrap().expect("a place").id;
    let mend = Mend { sale: stage.sale, place, account: Uuid::from_u128(1), reason: "twice here" };
    assert_eq!(stage.store.remove_place(&mend).await.unwrap(), Mended::Done);
    let (seq, view) = third.place().await;
    assert!(view.state == PlaceState::Removed && view.changed_at_ms > 0, "{view:?}");
    assert_eq!(stage.polled(&fans[2], seq).await.1.state, PlaceState::Removed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_told_to_all_with_its_reason_and_so_is_its_end() {
    let stage = Stage::open().await;
    let fans = stage.join(2).await;
    let mut windows = [stage.watch(&fans[0]).await, stage.watch(&fans[1]).await];
    for window in &mut windows {
        window.place().await;
    }
    stage.tune(Tune::Pause, "the hall's doors are stuck").await;
    for window in &mut windows {
        let (_, view) = window.place().await;
        assert_eq!((view.sale, view.estimate), (SaleState::Paused, None));
        assert_eq!(view.pause_reason.as_deref(), Some("the hall's doors are stuck"));
        let late_ms = stage.clock.now_ms() - view.changed_at_ms;
        assert!((0..1_000).contains(&late_ms), "told {late_ms} ms after the decision");
    }
    // A new rate alone is nothing that fans are told at once.
    stage.tune(Tune::Knobs(KnobChange::rate(6)), "slower").await;
    assert!(windows[0].silent_for(Duration::from_millis(400)).await.is_none());
    stage.tune(Tune::Resume, "doors open").await;
    for window in &mut windows {
        let (_, view) = window.place().await;
        assert_eq!((view.sale, view.pause_reason), (SaleState::Open, None));
    }
    // An emergency stop is told as more than a pause.
    stage.tune(Tune::Stop, "smoke").await;
    for window in &mut windows {
        let (_, view) = window.place().await;
        assert_eq!((view.sale, view.stopped, view.pause_reason.as_deref()), (SaleState::Paused, true, Some("smoke")));
    }
    stage.tune(Tune::Start, "clear").await;
    for window in &mut windows {
        let (_, view) = window.place().await;
        assert_eq!((view.sale, view.stopped), (SaleState::Open, false));
    }
    let estimate = stage.polled(&fans[1], contracts::places::Seq::default()).await.1.estimate;
    let estimate = estimate.expect("the rate that was set counts after a change");
    assert_eq!((estimate.low_s, estimate.high_s), (0, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_that_closes_by_the_clock_says_so_by_itself() {
    let stage = Stage::open().await;
    let fans = stage.join(1).await;
    let mut window = stage.watch(&fans[0]).await;
    window.place().await;
    let closes_at_ms = stage.clock.now_ms() + 700;
    sqlx::query("update sale set closes_at = from_ms($2) where id = $1")
        .bind(stage.sale)
        .bind(closes_at_ms)
        .execute(stage.store.pool())
        .await
        .unwrap();
    // Any decision about the sale carries its window to the followers.
    stage.tune(Tune::Knobs(KnobChange { max_active: Some(10), ..KnobChange::default() }), "with the window").await;
    let (_, view, before) = window.until(|view| view.sale == SaleState::Closed).await;
    assert!(before.iter().all(|view| view.sale == SaleState::Open));
    assert_eq!((view.changed_at_ms, view.estimate), (closes_at_ms, None));
    assert!(view.server_now_ms - closes_at_ms < 500, "{view:?}");
}
