//! Seats kept back, over HTTP.

use contracts::blocks::{Block, Blocks};
use serde_json::{Value, json};

use crate::desk::{desk, hall, problem};

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
    let left: Blocks = read(desk.ask_for(&desk.promoter, "POST", &free, &one).await, 200);
    assert_eq!(left.blocks[0].seats, block.seats[1..]);
    let (status, again) = problem(desk.ask_for(&desk.promoter, "POST", &free, &one).await);
    assert_eq!((status, again.code.as_str()), (409, "not-blocked"));
    let left: Blocks = read(desk.ask_for(&desk.promoter, "POST", &free, &json!({})).await, 200);
    assert!(left.blocks.is_empty());
    assert_eq!(desk.put_map(&hall(1, 1, 1)).await.0, 204);
}
