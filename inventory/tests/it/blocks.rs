//! Seats kept back, over HTTP.

use contracts::blocks::{Block, Blocks};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::desk::{Desk, desk, hall, problem};

fn read<T: serde::de::DeserializeOwned>((status, body): (u16, Vec<u8>), expected: u16) -> T {
    assert_eq!(status, expected, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn promoters_keep_seats_back_and_give_them_free() {
    let desk = desk().await;
    let guests = |parts: Value| json!({"label": "Guests", "note": "of the band", "parts": parts});
    let row = json!([{"section": "A", "row": "2", "seats": ["1", "3"]}]);
    assert_eq!(
        desk.ask_for(&desk.promoter, "POST", "/blocks", &guests(row.clone())).await.0,
        404,
        "there is no hall yet"
    );
    assert_eq!(desk.put_map(&hall(2, 2, 4)).await.0, 204);
    for method in ["POST", "GET"] {
        assert_eq!(desk.ask_for(&desk.operator, method, "/blocks", &guests(row.clone())).await.0, 403);
    }
    for (body, told) in [
        (guests(json!([])), "parts: 1 to 100, not 0"),
        (
            guests(json!([{"section": "C"}, {"section": "A", "row": "9"}])),
            "part 1: the hall has no section or area C; part 2",
        ),
        (json!({"label": " ", "parts": row}), "label: 1 to 100 characters"),
    ] {
        let (status, problem) = problem(desk.ask_for(&desk.promoter, "POST", "/blocks", &body).await);
        assert!(status == 422 && problem.detail.contains(told), "{problem:?}");
    }
    let block: Block = read(desk.ask_for(&desk.promoter, "POST", "/blocks", &guests(row)).await, 201);
    let seats: Vec<_> = block.seats.iter().map(|seat| seat.label.as_str()).collect();
    assert_eq!(seats, ["A, row 2, seat 1", "A, row 2, seat 3"]);
    assert_eq!((block.by.as_str(), block.note.as_str()), ("4@example.org", "of the band"));

    let (status, taken) =
        problem(desk.ask_for(&desk.promoter, "POST", "/blocks", &guests(json!([{"section": "A"}]))).await);
    assert_eq!((status, taken.code.as_str()), (409, "seats-taken"));
    assert_eq!(taken.faults, ["A, row 2, seat 1: blocked", "A, row 2, seat 3: blocked"]);
    let (status, in_use) = problem(desk.put_map(&hall(1, 1, 1)).await);
    assert!(status == 409 && in_use.detail.contains("2 of its places are blocked"), "{in_use:?}");
    let (_, availability) = desk.ask_for(&desk.promoter, "GET", "/availability", &Value::Null).await;
    let availability: Value = serde_json::from_slice(&availability).unwrap();
    let blocked: u64 =
        availability["tiers"].as_array().unwrap().iter().map(|tier| tier["blocked"].as_u64().unwrap()).sum();
    assert_eq!(blocked, 2);

    let free = format!("/blocks/{}/free", block.block_id);
    let one = json!({"seats": [block.seats[0].seat]});
    assert_eq!(desk.ask_for(&desk.operator, "POST", &free, &one).await.0, 403);
    let left: Block = read(desk.ask_for(&desk.promoter, "POST", &free, &one).await, 200);
    assert_eq!(left.seats, block.seats[1..]);
    let (status, again) = problem(desk.ask_for(&desk.promoter, "POST", &free, &one).await);
    assert_eq!((status, again.code.as_str()), (409, "not-blocked"));
    let left: Block = read(desk.ask_for(&desk.promoter, "POST", &free, &json!({})).await, 200);
    assert!(left.block_id == block.block_id && left.seats.is_empty());
    let left: Blocks = read(desk.ask_for(&desk.promoter, "GET", "/blocks", &Value::Null).await, 200);
    assert!(left.blocks.is_empty());
    assert_eq!(desk.put_map(&hall(1, 1, 1)).await.0, 204);
}

/// Keeps so many places of the standing area back.
async fn crew(desk: &Desk, count: u32, key: Option<&str>) -> (u16, Vec<u8>) {
    let body = json!({"label": "Crew", "parts": [{"section": "Pit", "count": count}]});
    desk.ask_once(&desk.promoter, "POST", "/blocks", &body, key).await
}

async fn blocked(desk: &Desk) -> usize {
    desk.store.blocks(desk.event, None, 100).await.unwrap().iter().map(|block| block.seats.len()).sum()
}

/// Two places are kept back; the answer is lost, and the same is asked again.
async fn a_repeat_keeps_nothing_more_back(desk: &Desk, key: Option<&str>) -> Result<Block, String> {
    assert_eq!(desk.put_map(&hall(1, 1, 4)).await.0, 204);
    let first: Block = read(crew(desk, 2, key).await, 201);
    let again: Block = read(crew(desk, 2, key).await, 201);
    match blocked(desk).await {
        2 if again == first => Ok(first),
        count => Err(format!("{count} places are kept back")),
    }
}

#[tokio::test]
async fn a_repeated_block_keeps_back_once() {
    let desk = desk().await;
    let first = a_repeat_keeps_nothing_more_back(&desk, Some("one")).await.unwrap();
    let (status, reused) = problem(crew(&desk, 3, Some("one")).await);
    assert_eq!((status, reused.code.as_str()), (422, "idempotency-key-reused"));
    // What was refused was not made: the key is free again.
    let (status, refused) = problem(crew(&desk, 4, Some("two")).await);
    assert!(status == 422 && refused.detail.contains("only 3 places"), "{refused:?}");
    let _: Block = read(crew(&desk, 1, Some("two")).await, 201);
    assert_eq!(blocked(&desk).await, 3);
    // As if the process had died between the block and its answer; by now too few places are left to name them anew.
    let _: Block = read(crew(&desk, 2, None).await, 201);
    let lost = "update idempotency set status = null, body = jsonb_build_object('made', $1::text) where key = 'one'";
    sqlx::query(lost).bind(first.block_id.0).execute(desk.store.pool()).await.unwrap();
    let (status, waits) = problem(crew(&desk, 2, Some("one")).await);
    assert_eq!((status, waits.code.as_str(), waits.retry_after_s), (409, "idempotency-key-in-use", Some(1)));
    let later = "update idempotency set created_at = now() - interval '1 minute'";
    sqlx::query(later).execute(desk.store.pool()).await.unwrap();
    assert_eq!(read::<Block>(crew(&desk, 2, Some("one")).await, 201), first);
    assert_eq!(blocked(&desk).await, 5);
}

#[tokio::test]
async fn a_repeated_block_keeps_back_once_without_key() {
    let failed = a_repeat_keeps_nothing_more_back(&desk().await, None).await.unwrap_err();
    assert_eq!(failed, "4 places are kept back");
}

#[tokio::test]
async fn a_block_asked_for_many_times_at_once_is_one() {
    let desk = desk().await;
    assert_eq!(desk.put_map(&hall(1, 1, 4)).await.0, 204);
    let answers = join_all((0..8).map(|_| crew(&desk, 1, Some("one")))).await;
    assert!(answers.iter().any(|(status, _)| *status == 201));
    assert!(answers.iter().all(|(status, _)| matches!(status, 201 | 409)), "{answers:?}");
    assert_eq!(blocked(&desk).await, 1);
}

#[tokio::test]
async fn blocks_are_read_page_by_page_newest_first() {
    let desk = desk().await;
    assert_eq!(desk.put_map(&hall(1, 1, 4)).await.0, 204);
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(read::<Block>(crew(&desk, 1, None).await, 201).block_id);
    }
    made.reverse();
    let page = async |query: &str| {
        let answer = desk.ask_for(&desk.promoter, "GET", &format!("/blocks{query}"), &Value::Null).await;
        read::<Blocks>(answer, 200).blocks.into_iter().map(|block| block.block_id).collect::<Vec<_>>()
    };
    assert_eq!(page("").await, made);
    assert_eq!(page("?limit=2").await, made[..2]);
    assert_eq!(page(&format!("?limit=2&after={}", made[1])).await, made[2..]);
    assert!(page(&format!("?after={}", made[2])).await.is_empty());
    // What has no seats any more is on no page, and pages go on after it all the same.
    let free = format!("/blocks/{}/free", made[1]);
    let _: Block = read(desk.ask_for(&desk.promoter, "POST", &free, &json!({})).await, 200);
    assert_eq!(page("?limit=2").await, [made[0], made[2]]);
    assert_eq!(page(&format!("?after={}", made[1])).await, made[2..]);
    for bad in ["?limit=many", "?after=no", "?page=2"] {
        let answer = desk.ask_for(&desk.promoter, "GET", &format!("/blocks{bad}"), &Value::Null).await;
        assert!((400..500).contains(&problem(answer).0), "{bad}");
    }
}
