//! Complimentary tickets over HTTP.

use contracts::gifts::{Gift, Gifts};
use contracts::ids::{BlockId, EventId, GiftId};
use serde_json::{Value, json};
use store::blocks::{Blocked, NewBlock};
use store::gifts::WhichGifts;
use uuid::Uuid;

use crate::world::{Setup, World};

fn read<T: serde::de::DeserializeOwned>((status, body): (u16, Value), expected: u16) -> T {
    assert_eq!(status, expected, "{body}");
    serde_json::from_value(body).unwrap()
}

/// A row of five, of which these are blocked.
async fn blocked(seats: &[u32]) -> (World, Uuid) {
    let world = World::quiet(Setup { rows: vec![5], ..Setup::default() }).await;
    let block = chassis::ids::new(&chassis::clock::Clock::system());
    let new = NewBlock { id: block, event: world.event, label: "Guests", note: "", frees_at_ms: None, seats };
    let done = world.store.block_seats(&new, world.founder).await.unwrap();
    assert_eq!(done, Blocked::Done);
    (world, block)
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_given_found_and_taken_back() {
    let (world, block) = blocked(&[0, 1]).await;
    let promoter = world.papers.access_token(world.founder, 60_000);
    let path = format!("/v1/events/{}/gifts", EventId(world.event));
    let gift = |seats: &[u32], email: &str| json!({"block_id": BlockId(block), "seats": seats, "name": "Ada", "email": email, "reason": "she sings"});
    let stranger = world.papers.access_token(Uuid::from_u128(9), 60_000);
    assert_eq!(world.post(&path, &stranger, &gift(&[0], "ada@example.org")).await.0, 404);
    for bad in [gift(&[], "ada@example.org"), gift(&[0], "ada")] {
        assert_eq!(world.post(&path, &promoter, &bad).await.0, 422);
    }
    let (status, body) = world.post(&path, &promoter, &gift(&[0, 2], "ada@example.org")).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("not-blocked")));
    let made: Gift = read(world.post(&path, &promoter, &gift(&[0, 1], "ada@example.org")).await, 201);
    assert_eq!(made.seats, ["A 1-1", "A 1-2"]);
    assert!(made.tickets.is_empty(), "who gives a ticket does not get it");
    assert_eq!(made.by.as_deref(), Some("promoter@example.org"));

    let ask = json!({"email": "Ada@example.org", "reference": made.reference});
    let found: Gift = read(world.post("/v1/gifts/find", "", &ask).await, 200);
    assert!(found.by.is_none());
    assert_eq!(
        found.tickets.iter().map(|ticket| (ticket.seat, ticket.valid)).collect::<Vec<_>>(),
        [(0, true), (1, true)]
    );
    assert!(found.tickets.iter().all(|ticket| ticket.qr_svg.contains("<svg") && !ticket.code.is_empty()));
    assert_eq!(
        world.post("/v1/gifts/find", "", &json!({"email": "eve@example.org", "reference": made.reference})).await.0,
        404
    );
    world.verify().await;

    let revoke = format!("/v1/gifts/{}/revoke", made.gift_id);
    assert_eq!(world.post(&revoke, &stranger, &json!({"reason": "so"})).await.0, 404);
    assert_eq!(world.post(&revoke, &promoter, &json!({"reason": " "})).await.0, 422);
    for _ in 0..2 {
        let revoked: Gift = read(world.post(&revoke, &promoter, &json!({"reason": "she does not"})).await, 200);
        assert!(revoked.revoked_at_ms.is_some());
    }
    let found: Gift = read(world.post("/v1/gifts/find", "", &ask).await, 200);
    assert!(found.tickets.iter().all(|ticket| !ticket.valid));
    let all: Gifts = read(world.get(&path, &promoter).await, 200);
    assert_eq!(all.gifts.iter().map(|gift| gift.gift_id).collect::<Vec<GiftId>>(), [made.gift_id]);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_gift_gives_once_and_is_answered_alike() {
    let (world, block) = blocked(&[0, 1, 2]).await;
    let promoter = world.papers.access_token(world.founder, 60_000);
    let path = format!("/v1/events/{}/gifts", EventId(world.event));
    let gift =
        |seats: &[u32]| json!({"block_id": BlockId(block), "seats": seats, "name": "Ada", "email": "ada@example.org"});
    let give = async |seats: &[u32], key: &str| world.post_once(&path, &promoter, &gift(seats), key).await;
    let count = async || {
        world.store.gifts(WhichGifts::Event { event: world.event, after: None, limit: 10 }).await.unwrap().len()
    };
    let first: Gift = read(give(&[0, 1], "one").await, 201);
    assert_eq!(read::<Gift>(give(&[0, 1], "one").await, 201), first);
    assert_eq!(count().await, 1);
    // Without the key who lost the answer would only hear that the seats are somebody's.
    assert_eq!(world.post(&path, &promoter, &gift(&[0, 1])).await.0, 409);
    let (status, body) = give(&[2], "one").await;
    assert_eq!((status, body["code"].as_str()), (422, Some("idempotency-key-reused")));
    // What was refused was not made: the key is free again.
    assert_eq!(give(&[2, 3], "two").await.0, 409);
    let _: Gift = read(give(&[2], "two").await, 201);
    // As if the process had died between the gift and its answer.
    let lost = "update idempotency set status = null, body = jsonb_build_object('made', $1::text) where key = 'one'";
    sqlx::query(lost).bind(first.gift_id.0).execute(world.store.pool()).await.unwrap();
    let (status, body) = give(&[0, 1], "one").await;
    assert_eq!((status, body["code"].as_str()), (409, Some("idempotency-key-in-use")));
    let later = "update idempotency set created_at = now() - interval '1 minute'";
    sqlx::query(later).execute(world.store.pool()).await.unwrap();
    assert_eq!(read::<Gift>(give(&[0, 1], "one").await, 201), first);
    assert_eq!(count().await, 2);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gifts_are_read_page_by_page_newest_first() {
    let (world, block) = blocked(&[0, 1, 2]).await;
    let promoter = world.papers.access_token(world.founder, 60_000);
    let path = format!("/v1/events/{}/gifts", EventId(world.event));
    let mut made = Vec::new();
    for seat in 0..3 {
        let gift = json!({"block_id": BlockId(block), "seats": [seat], "name": "Ada", "email": "ada@example.org"});
        made.push(read::<Gift>(world.post(&path, &promoter, &gift).await, 201).gift_id);
    }
    made.reverse();
    let page = async |query: &str| {
        let page: Gifts = read(world.get(&format!("{path}{query}"), &promoter).await, 200);
        page.gifts.into_iter().map(|gift| gift.gift_id).collect::<Vec<_>>()
    };
    assert_eq!(page("").await, made);
    assert_eq!(page("?limit=2").await, made[..2]);
    assert_eq!(page(&format!("?limit=2&after={}", made[1])).await, made[2..]);
    assert!(page(&format!("?after={}", made[2])).await.is_empty());
}
