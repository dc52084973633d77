//! Picking over HTTP: what is gone, what is offered instead, and what each refusal says.

use std::time::Duration;

use chassis::tasks::Tasks;
use contracts::ids::{EventId, SaleId};
use contracts::papers::Receipt;
use contracts::picking::{PickedSeats, SeatsTaken, TakenSeats};
use domain::order::Class;
use serde_json::{Value, json};
use store::joins::{Accepts, JoinAsk, JoinBatch};
use testkit::eventually;
use uuid::Uuid;

use crate::desk::{Desk, NOW_MS, SALE, desk, hall, problem};

/// A sale in which fans pick from two rows of four, the first seat of each accessible, an aisle before the last; and a pit of five.
async fn shop() -> (Desk, Tasks) {
    let desk = desk().await;
    sqlx::query("update sale set seating = 'pick'").execute(desk.store.pool()).await.unwrap();
    assert_eq!(desk.put_map(&hall(1, 2, 4)).await.0, 204);
    desk.store.publish_event(desk.event, Uuid::from_u128(4)).await.unwrap();
    desk.store.publish_sale(SALE, Uuid::from_u128(4)).await.unwrap();
    let tasks = desk.run();
    eventually(Duration::from_secs(10), async || map(&desk, "").await.0 == 200).await;
    (desk, tasks)
}

async fn map(desk: &Desk, query: &str) -> (u16, Vec<u8>) {
    desk.send("GET", &format!("/v1/events/{}/taken-seats{query}", EventId(desk.event)), None, &Value::Null).await
}

/// The receipts of fans who were let in, two in each party.
async fn fans(desk: &Desk, count: usize) -> Vec<String> {
    let new = || chassis::ids::new(&desk.clock);
    let accepts = Accepts { apart: true, ..Accepts::default() };
    let asks: Vec<JoinAsk> = (0..count)
        .map(|_| JoinAsk { place: new(), fan: new(), party: 2, tiers: 0, accepts, class: Class::GENERAL })
        .collect();
    let JoinBatch::Placed(places, _) = desk.store.join_batch(SALE, &asks).await.unwrap() else { panic!("it is open") };
    let admit = "update place set state = 'standing', admitted_at = clock_timestamp(), shops_until = clock_timestamp() + interval '1 hour'";
    sqlx::query(admit).execute(desk.store.pool()).await.unwrap();
    let receipt = |sale, place, fan, entry| {
        let (issued_ms, expires_ms) = (NOW_MS, NOW_MS + 3_600_000);
        desk.papers.receipt(&Receipt {
            sale,
            event: desk.event,
            place,
            fan,
            entry,
            party: 2,
            issued_ms,
            expires_ms,
            joins: 0,
        })
    };
    places.into_iter().map(|(place, _)| receipt(SALE, place.id, place.fan, place.entry)).collect()
}

async fn pick(desk: &Desk, receipt: &str, seats: &Value) -> (u16, Vec<u8>) {
    let path = format!("/v1/sales/{}/places/mine/seats", SaleId(SALE));
    desk.send("PUT", &path, Some(receipt), &json!({"seats": seats})).await
}

fn read<T: serde::de::DeserializeOwned>((status, body): (u16, Vec<u8>), expected: u16) -> T {
    assert_eq!(status, expected, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_picked_and_the_map_follows() {
    let (desk, _tasks) = shop().await;
    let fans = fans(&desk, 3).await;
    let TakenSeats::All(before) = read(map(&desk, "").await, 200) else { panic!("all was asked for") };
    assert_eq!((before.capacity, before.taken().unwrap()), (13, vec![0, 0]));
    let first: PickedSeats = read(pick(&desk, &fans[0], &json!([2, 1])).await, 200);
    assert_eq!(first.seats, [1, 2]);
    assert!(first.deadline_ms > first.server_now_ms);
    // Somebody else loses, and is offered the same place in the row behind; seat 4 is kept.
    let lost: SeatsTaken = read(pick(&desk, &fans[1], &json!([2, 3])).await, 409);
    assert_eq!((lost.problem.code.as_str(), lost.taken, lost.nearest.clone()), ("seats-taken", vec![2], vec![5, 6]));
    let second: PickedSeats = read(pick(&desk, &fans[1], &json!(lost.nearest)).await, 200);
    assert_eq!(second.seats, [5, 6]);
    let again: PickedSeats = read(pick(&desk, &fans[0], &json!([1, 12])).await, 200);
    assert_eq!((again.booking_id, again.deadline_ms), (first.booking_id, first.deadline_ms));
    eventually(Duration::from_secs(1), async || {
        let TakenSeats::Since(moved) = read(map(&desk, &format!("?after={}", before.version)).await, 200) else {
            panic!("that was a moment ago")
        };
        moved.after == before.version && moved.taken == [1, 5, 6, 12] && moved.freed == [2]
    })
    .await;
    let TakenSeats::All(now) = read(map(&desk, "?after=-5").await, 200) else { panic!("nobody knows what was then") };
    assert_eq!(now.taken().unwrap(), [1 << 1 | 1 << 5 | 1 << 6, 1 << 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_picked_is_told_and_nothing_is_lost() {
    let (desk, _tasks) = shop().await;
    let fans = fans(&desk, 2).await;
    let held: PickedSeats = read(pick(&desk, &fans[0], &json!([1])).await, 200);
    for (seats, status, code, told) in [
        (json!([1, 1]), 422, "invalid-request", "each once"),
        (json!([1, 2, 3]), 422, "invalid-request", "your party has 2"),
        (json!([0, 1, 2, 3, 4, 5, 6, 7, 8]), 422, "invalid-request", "at most 8"),
        (json!([99]), 422, "invalid-request", "that the seat map has"),
        (json!([-1]), 422, "invalid-request", ""),
        (json!([0]), 409, "accessible-only", "choose others"),
    ] {
        let (told_status, problem) = problem(pick(&desk, &fans[0], &seats).await);
        assert_eq!((told_status, problem.code.as_str()), (status, code), "{problem:?}");
        assert!(problem.detail.contains(told), "{problem:?}");
    }
    assert_eq!(problem(pick(&desk, &fans[1], &json!([])).await).0, 422, "nothing to give back");
    let other = Receipt { sale: Uuid::from_u128(9), ..desk.papers.open_receipt(&fans[0]).unwrap() };
    assert_eq!(problem(pick(&desk, &desk.papers.receipt(&other), &json!([2])).await).0, 403);
    assert_eq!(problem(pick(&desk, &desk.promoter, &json!([2])).await).0, 401, "no receipt");
    let stranger = Receipt { fan: Uuid::from_u128(8), ..desk.papers.open_receipt(&fans[0]).unwrap() };
    let (status, refused) = problem(pick(&desk, &desk.papers.receipt(&stranger), &json!([2])).await);
    assert_eq!((status, refused.code.as_str()), (409, "not-picking"));
    let nowhere = format!("/v1/events/{}/taken-seats", EventId(Uuid::from_u128(7)));
    assert_eq!(problem(desk.send("GET", &nowhere, None, &Value::Null).await).0, 503);
    // Whoever goes on and on is slowed down, and keeps what they hold.
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(problem(pick(&desk, &fans[0], &json!([0])).await));
    }
    let (status, slowed) = answers.last().unwrap();
    assert!(*status == 429 && slowed.retry_after_s == Some(1), "{slowed:?}");
    let seats = desk.store.booking(held.booking_id.0).await.unwrap().unwrap().seats;
    assert_eq!(seats.iter().map(|seat| seat.seat).collect::<Vec<_>>(), [1]);
}

/// Nobody goes in circles between those who look and those who hold.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_told_of_lost_seats_is_told_that_it_failed() {
    let (desk, _tasks) = shop().await;
    let fans = fans(&desk, 2).await;
    let _held: PickedSeats = read(pick(&desk, &fans[0], &json!([1])).await, 200);
    eventually(Duration::from_secs(5), async || {
        let TakenSeats::All(now) = read(map(&desk, "").await, 200) else { panic!("all was asked for") };
        now.taken().unwrap()[0] == 1 << 1
    })
    .await;
    let rename = async |from: &str, to: &str| {
        let sql = sqlx::AssertSqlSafe(format!("alter table {from} rename to {to}"));
        sqlx::query(sql).execute(desk.store.pool()).await.unwrap();
    };
    rename("hold_seat", "hidden").await;
    let asked = tokio::time::timeout(Duration::from_secs(5), pick(&desk, &fans[1], &json!([1]))).await;
    assert_eq!(problem(asked.expect("an answer")).0, 500);
    rename("hidden", "hold_seat").await;
    let _lost: SeatsTaken = read(pick(&desk, &fans[1], &json!([1])).await, 409);
}
