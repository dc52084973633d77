//! Papers: what is forged, expired or of another sale gets in nowhere.

use contracts::papers::Receipt;
use contracts::places::Joined;

use crate::harness::{Ask, Door, HOUR_MS, SECRET, ask_join, door, mine, papers};

#[tokio::test(flavor = "multi_thread")]
async fn forged_expired_and_foreign_receipts_get_in_nowhere() {
    let door = door().await;
    let (token, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let other = door.sale(&token, sale.event_id, &door.sale_draft(-7_200_000)).await;
    let other = door.publish(&token, sale.event_id, other.sale_id).await;
    let fan = door.visitor().await;
    let joined = door.joined(&fan.token, sale.sale_id).await;
    let receipt = door.papers.open_receipt(&joined.receipt).unwrap();
    let _: Joined = mine(&joined.receipt, sale.sale_id).to(&door).await.ok(200);

    let mut forged = joined.receipt.clone().into_bytes();
    forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let stranger = papers("another secret, as long as the tests' own", &door.clock).receipt(&receipt);
    let expired = door.papers.receipt(&Receipt { expires_ms: door.clock.now_ms() - 1, ..receipt });
    for bad in [&forged, &stranger, &expired] {
        for ask in everywhere(&door, bad, &sale.sale_id.to_string()) {
            ask.to(&door).await.problem(401);
        }
    }
    // A genuine receipt of another sale, and genuine receipts where they do not count.
    assert_eq!(mine(&joined.receipt, other.sale_id).to(&door).await.problem(403).code, "forbidden");
    let leave = Ask::new("DELETE", format!("/v1/sales/{}/places/mine", other.sale_id)).by(&joined.receipt);
    leave.to(&door).await.problem(403);
    ask_join(&joined.receipt, sale.sale_id).to(&door).await.problem(401);
    Ask::new("GET", "/v1/me").by(&joined.receipt).to(&door).await.problem(401);
    let still: Joined = mine(&fan.token, sale.sale_id).to(&door).await.ok(200);
    assert_eq!(still.place, joined.place, "nothing happened to the place");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_and_kinds_do_not_mix() {
    let door = door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let fan = door.visitor().await;
    assert!((fan.expires_at_ms - door.clock.now_ms() - 30 * 24 * HOUR_MS).abs() < 60_000);
    let long_ago = door.clock.now_ms() - 40 * 24 * HOUR_MS;
    let old = contracts::papers::Papers::new(&[SECRET], move || long_ago).visitor_token(fan.fan_id.0, 1_000);
    ask_join(&old, sale.sale_id).to(&door).await.problem(401);
    // A visitor's token is no access token, whatever its prefix.
    for token in [fan.token.as_str(), fan.token.trim_start_matches("vis_"), "", "x", "vis_", "rcp_", "rcp_AAAA"] {
        Ask::new("GET", "/v1/me").by(token).to(&door).await.problem(401);
    }
    Ask::new("GET", "/v1/me").with("authorization", "Basic eDp5").to(&door).await.problem(401);
}

/// Every place where a receipt might be tried.
fn everywhere(door: &Door, bearer: &str, sale: &str) -> Vec<Ask> {
    let sale_id = sale.parse().unwrap();
    vec![
        mine(bearer, sale_id),
        Ask::new("DELETE", format!("/v1/sales/{sale}/places/mine")).by(bearer),
        ask_join(bearer, sale_id),
        Ask::new("GET", "/v1/me").by(bearer),
        Ask::new("POST", format!("/v1/sales/{sale}/publish")).by(bearer),
        Ask::new("PUT", format!("/v1/sales/{sale}")).by(bearer).with("if-match", "\"1\"").json(&door.sale_draft(0)),
    ]
}
