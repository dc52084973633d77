//! The live map: whoever picks hears which seats move, and nobody else does.

use std::time::Duration;

use contracts::places::{PlaceState, View};
use store::clock::{ClockChange, ClockChanged};
use store::picks::{Pick, Picked};
use uuid::Uuid;

use crate::stage::{Fan, Stage};
use crate::window::{Heard, Window};

async fn pick(stage: &Stage, fan: &Fan, seats: &[u32]) -> Picked {
    let booking = chassis::ids::new(&stage.clock);
    let reference = booking.simple().to_string();
    let pick = Pick { place: fan.place, fan: fan.id, booking, reference, seats: seats.to_vec() };
    stage.store.pick(stage.event, &[pick], &|_| false).await.unwrap().remove(0)
}

/// What a page that began with this version knows after what it hears: the version, and the seats taken.
async fn follow(window: &mut Window, mut version: i64, upto: i64) -> Vec<u32> {
    let mut taken = Vec::new();
    while version < upto {
        let Heard::Seats(moved) = window.heard().await else { continue };
        assert!(moved.after <= version, "a page that was told before misses nothing: {moved:?}");
        taken.retain(|seat| !moved.freed.contains(seat) && !moved.taken.contains(seat));
        taken.extend(&moved.taken);
        version = version.max(moved.upto);
    }
    taken.sort_unstable();
    taken
}

async fn shops(window: &mut Window) -> View {
    window.until(|view| view.state == PlaceState::Standing).await.1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_picks_hears_what_moves() {
    let stage = Stage::picking().await;
    let fans = stage.join(3).await;
    let (mut first, mut second, mut waits) =
        (stage.watch(&fans[0]).await, stage.watch(&fans[1]).await, stage.watch(&fans[2]).await);
    waits.place().await;
    stage.admit(&[1, 2], &[]).await;
    let told = shops(&mut first).await;
    let left_ms = told.shops_until_ms.expect("a time to pick") - told.server_now_ms;
    assert!((50_000..=60_000).contains(&left_ms), "{left_ms}");
    shops(&mut second).await;
    let begins = stage.store.taken_seats(stage.event).await.unwrap().version;
    for seats in [&[0, 1][..], &[1, 2], &[40], &[40, 41]] {
        assert!(matches!(pick(&stage, &fans[0], seats).await, Picked::Held(_)));
    }
    assert!(matches!(pick(&stage, &fans[1], &[2]).await, Picked::Held(_)));
    let upto = stage.store.taken_seats(stage.event).await.unwrap().version;
    for window in [&mut first, &mut second] {
        assert_eq!(follow(window, begins, upto).await, [2, 40, 41]);
    }
    // Whoever waits sees no map.
    while let Some(heard) = waits.silent_for(Duration::from_millis(700)).await {
        assert!(matches!(heard, Heard::Place(..)), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_picked_nothing_in_time_is_told() {
    let stage = Stage::picking().await;
    sqlx::query("update sale set shop_ms = 300").execute(stage.store.pool()).await.unwrap();
    let fan = stage.join(1).await.remove(0);
    let mut window = stage.watch(&fan).await;
    stage.admit(&[1], &[]).await;
    shops(&mut window).await;
    testkit::eventually(crate::stage::SOON, async || stage.store.end_idle().await.unwrap().0 == 1).await;
    let view = window.until(|view| view.state == PlaceState::Idle).await.1;
    assert_eq!((view.booking_id, view.shops_until_ms), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_for_seats_is_told_at_once_that_the_clock_stands() {
    let stage = Stage::picking().await;
    let fan = stage.join(1).await.remove(0);
    let mut window = stage.watch(&fan).await;
    stage.admit(&[1], &[]).await;
    let until_ms = shops(&mut window).await.shops_until_ms;
    for (change, reason) in [(ClockChange::Freeze, Some("the bank is down")), (ClockChange::Thaw, None)] {
        let now = stage.store.clock_now(stage.sale).await.unwrap().expect("the sale");
        let by = Uuid::from_u128(1);
        let done = stage.store.change_clock(stage.sale, by, change, "the bank is down", now.version()).await.unwrap();
        assert_eq!(done, ClockChanged::Done);
        let view = window.until(|view| view.shops_frozen.as_deref() == reason).await.1;
        assert!(view.shops_until_ms >= until_ms, "{view:?}");
    }
}
