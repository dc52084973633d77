//! A place in other hands, changed, and explained.

use contracts::access::{PlaceHistory, StepKind, TransferCode};
use contracts::ids::SaleId;
use contracts::places::Joined;
use queue_gateway::{Config, LimitsConfig, Rate};
use serde_json::{Value, json};

use crate::harness::{Answer, Ask, Door, config, door_with, mine};

async fn free_door() -> Door {
    let limits = LimitsConfig { codes_per_fan: Rate::OFF, codes_per_address: Rate::OFF, ..config().limits };
    door_with(Config { limits, ..config() }).await
}

async fn offer(door: &Door, token: &str, sale: SaleId) -> Answer {
    Ask::new("POST", format!("/v1/sales/{sale}/places/mine/transfer")).by(token).to(door).await
}

async fn take(door: &Door, token: &str, code: &str) -> Answer {
    Ask::new("POST", "/v1/places/transfer").by(token).json(&json!({"code": code})).to(door).await
}

async fn change(door: &Door, token: &str, sale: SaleId, what: &Value) -> Answer {
    Ask::new("PATCH", format!("/v1/sales/{sale}/places/mine")).by(token).json(what).to(door).await
}

async fn history(door: &Door, token: &str, sale: SaleId) -> PlaceHistory {
    Ask::new("GET", format!("/v1/sales/{sale}/places/mine/history")).by(token).to(door).await.ok(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitors_place_goes_over_to_an_account_and_the_old_receipt_is_worthless() {
    let door = free_door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let sale = sale.sale_id;
    let visitor = door.visitor().await;
    let joined = door.joined(&visitor.token, sale).await;
    let account = door.account("ada@example.org").await.access_token;
    let code: TransferCode = offer(&door, &joined.receipt, sale).await.ok(200);
    assert!((code.expires_at_ms - code.server_now_ms - 600_000).abs() < 5_000);
    take(&door, &joined.receipt, &code.code.0).await.problem(401);
    assert_eq!(take(&door, &account, "0000-0000-0000").await.problem(404).code, "transfer-unknown");
    assert_eq!(take(&door, &visitor.token, &code.code.0).await.problem(409).code, "transfer-own");
    let taken: Joined = take(&door, &account, &code.code.0.to_lowercase()).await.ok(200);
    assert_eq!(taken.place, joined.place, "the same place, entry and all");
    let found: Joined = mine(&account, sale).to(&door).await.ok(200);
    assert_eq!(found.place, joined.place);
    assert_eq!(take(&door, &account, &code.code.0).await.problem(409).code, "transfer-used");
    let other = door.visitor().await;
    assert_eq!(take(&door, &other.token, &code.code.0).await.problem(409).code, "transfer-used");
    // The old receipt acts for nothing; the visitor has no place, and the new receipt works.
    for ask in [
        mine(&joined.receipt, sale),
        Ask::new("DELETE", format!("/v1/sales/{sale}/places/mine")).by(&joined.receipt),
        Ask::new("PATCH", format!("/v1/sales/{sale}/places/mine")).by(&joined.receipt).json(&json!({"party": 1})),
        Ask::new("GET", format!("/v1/sales/{sale}/places/mine/history")).by(&joined.receipt),
        Ask::new("POST", format!("/v1/sales/{sale}/places/mine/transfer")).by(&joined.receipt),
    ] {
        assert_eq!(ask.to(&door).await.problem(403).code, "place-moved");
    }
    mine(&visitor.token, sale).to(&door).await.problem(404);
    let _: Joined = mine(&taken.receipt, sale).to(&door).await.ok(200);
    // Nobody has two.
    let back: TransferCode = offer(&door, &taken.receipt, sale).await.ok(200);
    door.joined(&other.token, sale).await;
    let problem = take(&door, &other.token, &back.code.0).await.problem(409);
    assert_eq!(problem.code, "has-place");
    assert!(problem.detail.contains("leave yours first"), "{problem:?}");
    Ask::new("DELETE", format!("/v1/sales/{sale}/places/mine")).by(&other.token).to(&door).await.empty(204);
    let _: Joined = take(&door, &other.token, &back.code.0).await.ok(200);
    let steps: Vec<StepKind> = history(&door, &other.token, sale).await.steps.iter().map(|step| step.step).collect();
    assert_eq!(steps, [StepKind::Joined, StepKind::Transferred, StepKind::Transferred]);
}

#[tokio::test(flavor = "multi_thread")]
async fn party_and_wishes_change_while_waiting() {
    let door = free_door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let sale = sale.sale_id;
    let fan = door.visitor().await;
    assert_eq!(change(&door, &fan.token, sale, &json!({"party": 1})).await.problem(404).code, "not-live");
    let joined = door.joined(&fan.token, sale).await;
    let changed: Joined =
        change(&door, &fan.token, sale, &json!({"party": 3, "wishes": {"tiers": ["silver"]}})).await.ok(200);
    assert_eq!((changed.place.entry, changed.place.party), (joined.place.entry, 3));
    assert_eq!(door.papers.open_receipt(&changed.receipt).unwrap().party, 3);
    // What is left out stays.
    let again: Joined = change(&door, &changed.receipt, sale, &json!({"party": 2})).await.ok(200);
    let row = door.store.place(again.place.place_id.0).await.unwrap().unwrap();
    assert_eq!((row.party, row.tiers, row.accepts.apart), (2, 0b10, true));
    // As a join is checked.
    assert_eq!(change(&door, &fan.token, sale, &json!({"party": 7})).await.problem(422).code, "party-too-large");
    change(&door, &fan.token, sale, &json!({"party": 0})).await.problem(422);
    let problem = change(&door, &fan.token, sale, &json!({"wishes": {"tiers": ["tin"]}})).await.problem(422);
    assert!(problem.detail.starts_with("wishes.tiers: "), "{problem:?}");
    change(&door, &fan.token, sale, &json!({"quantity": 2})).await.problem(422);
    // Let in, it may still change; with seats it is too late.
    sqlx::query("update place set state = 'standing', admitted_at = now()").execute(door.store.pool()).await.unwrap();
    change(&door, &fan.token, sale, &json!({"party": 3})).await.ok::<Joined>(200);
    sqlx::query("update place set state = 'holding'").execute(door.store.pool()).await.unwrap();
    assert_eq!(change(&door, &fan.token, sale, &json!({"party": 1})).await.problem(409).code, "too-late");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fan_is_told_what_was_drawn_and_why_they_were_skipped() {
    let door = free_door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let sale = sale.sale_id;
    let fans = [door.visitor().await, door.visitor().await, door.visitor().await];
    for fan in &fans {
        door.joined(&fan.token, sale).await;
    }
    sqlx::query("update place set state = 'skipped' where entry = 2").execute(door.store.pool()).await.unwrap();
    let plain = history(&door, &fans[1].token, sale).await;
    assert_eq!((plain.entry, plain.number, plain.class), (2, 2, 10));
    let kinds: Vec<StepKind> = plain.steps.iter().map(|step| step.step).collect();
    assert_eq!((kinds, plain.steps[1].seen_at_ms), (vec![StepKind::Joined, StepKind::Skipped], None));
    sqlx::query(
        "insert into draw (sale, secret, commitment_json, commitment_sig, roster_json, roster_sig, size, seed, drawn_at)
         values ($1, '', '', '', '', '', 2, $2, clock_timestamp())",
    )
    .bind(sale.0)
    .bind(&[7_u8; 32][..])
    .execute(door.store.pool())
    .await
    .unwrap();
    let mut numbers = Vec::new();
    for fan in &fans {
        let history = history(&door, &fan.token, sale).await;
        let drawn = history.steps.iter().any(|step| step.step == StepKind::Drawn);
        assert_eq!(drawn, history.entry <= 2, "the third came after the lobby");
        numbers.push(history.number);
    }
    assert_eq!(numbers[2], 3);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
    let nobody = door.visitor().await;
    Ask::new("GET", format!("/v1/sales/{sale}/places/mine/history")).by(&nobody.token).to(&door).await.problem(404);
}
