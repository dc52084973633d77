//! Who may see and do what with a booking.

use contracts::ids::{BookingId, EventId};
use contracts::papers::Receipt;
use serde_json::json;
use uuid::Uuid;

use crate::world::{Setup, World};

fn path(booking: Uuid, rest: &str) -> String {
    format!("/v1/bookings/{}{rest}", BookingId(booking))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_its_owners_and_the_promoters_to_see() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    let (other, _) = world.holder(1).await;
    let row = world.store.booking(booking).await.unwrap().unwrap();
    let receipt = |place, fan| {
        world.papers.receipt(&Receipt {
            sale: world.sale,
            event: world.event,
            place,
            fan,
            entry: 1,
            party: 2,
            issued_ms: 0,
            expires_ms: i64::MAX,
            joins: 1,
        })
    };
    let (own, foreign) = (receipt(row.place, row.fan), receipt(Uuid::from_u128(3), row.fan));
    let (founder, stranger) =
        (world.papers.access_token(world.founder, 60_000), world.papers.access_token(Uuid::from_u128(4), 60_000));
    for (token, expected) in
        [(&fan.token, 200), (&own, 200), (&founder, 200), (&other.token, 404), (&foreign, 404), (&stranger, 404)]
    {
        assert_eq!(world.get(&path(booking, ""), token).await.0, expected);
    }
    for (token, expected) in [(&other.token, 404), (&foreign, 404), (&founder, 404)] {
        for step in ["/pay", "/extend", "/exchange", "/give-back"] {
            assert_eq!(world.post(&path(booking, step), token, &json!({})).await.0, expected, "{step}");
        }
    }
    // Of its own place, which another fan has taken over since: told so, and nothing more.
    let moved = receipt(row.place, Uuid::from_u128(5));
    for (status, body) in
        [world.get(&path(booking, ""), &moved).await, world.post(&path(booking, "/pay"), &moved, &json!({})).await]
    {
        assert_eq!((status, body["code"].as_str()), (403, Some("place-moved")));
    }
    assert_eq!(world.get(&path(booking, ""), "nonsense").await.0, 401);
    for token in [&fan.token, &own] {
        let (_, body) = world.get("/v1/bookings", token).await;
        assert_eq!(body["bookings"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(world.get("/v1/bookings", &foreign).await.1["bookings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_extended_once() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    let before = world.get(&path(booking, ""), &fan.token).await.1;
    assert_eq!(before["can_extend"], true);
    let (status, after) = world.ask(&fan, booking, "extend").await;
    assert_eq!((status, after["can_extend"].as_bool()), (200, Some(false)));
    assert_eq!(after["deadline_ms"].as_i64().unwrap() - before["deadline_ms"].as_i64().unwrap(), 30_000);
    assert_eq!(world.ask(&fan, booking, "extend").await.1["code"], "already-extended");
    // Paying does not extend it again.
    assert_eq!(world.pay(&fan, booking).await.deadline_ms, after["deadline_ms"].as_i64().unwrap());
    world.ask(&fan, booking, "give-back").await;
    assert_eq!(world.ask(&fan, booking, "extend").await.1["code"], "hold-over");
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_need_an_address() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(1).await;
    let (status, body) = world.post(&path(booking, "/pay"), &fan.token, &json!({})).await;
    assert_eq!((status, body["code"].as_str()), (422, Some("email-needed")));
    assert_eq!(world.post(&path(booking, "/pay"), &fan.token, &json!({ "email": "nobody" })).await.0, 422);
    assert_eq!(world.states(booking).await.0, "held");
    // An account has one.
    let account = chassis::ids::new(&world.clock);
    world.store.create_account(account, "ada@example.org", "x").await.unwrap();
    sqlx::query("update booking set fan = $2 where id = $1")
        .bind(booking)
        .bind(account)
        .execute(world.store.pool())
        .await
        .unwrap();
    let token = world.papers.access_token(account, 60_000);
    let (status, body) = world.post(&path(booking, "/pay"), &token, &json!({})).await;
    assert_eq!((status, body["email"].as_str()), (200, Some("ada@example.org")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_found_by_address_and_reference_and_not_by_trying() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(1).await;
    let paying = world.pay(&fan, booking).await;
    let (email, reference) = (paying.email.unwrap(), paying.reference);
    let find = async |email: &str, reference: &str| {
        world.post("/v1/bookings/find", "", &json!({ "email": email, "reference": reference })).await
    };
    let typed = format!("{}-{}", &reference[..4], reference[4..].to_lowercase());
    let (status, body) = find(&email.to_uppercase(), &typed).await;
    assert_eq!((status, body["booking_id"].as_str()), (200, Some(paying.booking_id.to_string().as_str())));
    assert!(body["payment"]["client_secret"].is_null());
    let (wrong_email, wrong_reference) = (find("x@example.org", &reference).await, find(&email, "00000000").await);
    assert_eq!(wrong_email.0, 404);
    assert_eq!(wrong_email, wrong_reference);
    let mut limited = false;
    for _ in 0..10 {
        let (status, body) = find(&email, "00000000").await;
        limited |= (status, body["code"].as_str()) == (429, Some("too-many-requests"));
    }
    assert!(limited);
}

#[tokio::test(flavor = "multi_thread")]
async fn promoters_page_through_an_events_bookings() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let mut bookings = Vec::new();
    for _ in 0..3 {
        bookings.push(world.holder(1).await.1);
    }
    let promoter = world.papers.access_token(world.founder, 60_000);
    let base = format!("/v1/events/{}/bookings", EventId(world.event));
    let ids = |body: &serde_json::Value| -> Vec<String> {
        body["bookings"].as_array().unwrap().iter().map(|it| it["booking_id"].as_str().unwrap().to_owned()).collect()
    };
    let first = ids(&world.get(&format!("{base}?limit=2"), &promoter).await.1);
    let second = ids(&world.get(&format!("{base}?limit=2&after={}", first[1]), &promoter).await.1);
    bookings.sort_unstable();
    let expected: Vec<String> = bookings.into_iter().map(|id| BookingId(id).to_string()).collect();
    assert_eq!([first, second].concat(), expected);
    world.store.create_account(Uuid::from_u128(8), "operator@example.org", "x").await.unwrap();
    world.store.add_member(world.organisation, "operator@example.org", "operator").await.unwrap();
    assert_eq!(world.get(&base, &world.papers.access_token(Uuid::from_u128(8), 60_000)).await.0, 403);
    assert_eq!(world.get(&base, &world.papers.access_token(Uuid::from_u128(9), 60_000)).await.0, 404);
}
