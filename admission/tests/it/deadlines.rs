//! The operators' hand on deadlines.

use contracts::consoles::{AdmissionView, AuditLog};
use serde_json::{Value, json};
use store::clock::THAW_EXTRA_MS;

use crate::operators::{Desk, NOW_MS, desk};

async fn surely(desk: &Desk, part: &str, mut body: Value) -> AdmissionView {
    let problem = desk.refused("POST", part, body.clone(), 409).await;
    assert_eq!(problem.code, "confirm-needed");
    body["confirm"] = json!(problem.confirm);
    desk.done("POST", part, body).await
}

#[tokio::test]
async fn deadlines_are_frozen_and_extended_by_two_requests_with_a_reason() {
    let desk = desk().await;
    let why = json!({"reason": "The bank is down."});
    for (part, body, told) in [
        ("/deadlines/freeze", json!({"reason": " "}), "reason: say why"),
        ("/deadlines/extend", json!({"by_ms": 999, "reason": "so"}), "by_ms: 1000 to 3600000, not 999"),
        ("/deadlines/extend", json!({"by_ms": 3_600_001, "reason": "so"}), "by_ms: 1000 to 3600000"),
    ] {
        let problem = desk.refused("POST", part, body, 422).await;
        assert!(problem.detail.contains(told), "{problem:?}");
    }
    assert_eq!(desk.refused("POST", "/deadlines/thaw", why.clone(), 409).await.code, "deadlines-not-frozen");

    let asked = desk.refused("POST", "/deadlines/freeze", why.clone(), 409).await;
    assert!(asked.detail.contains("nobody's time to pay runs out until you lift it"), "{}", asked.detail);
    let confirmed = json!({"reason": "The bank is down.", "confirm": asked.confirm});
    // Somebody else's code is none, nor is one for another act.
    assert_eq!(desk.ask(&desk.other, "POST", "/deadlines/freeze", &confirmed).await.0, 409);
    let extend = json!({"by_ms": 60_000, "reason": "so", "confirm": asked.confirm});
    assert_eq!(desk.refused("POST", "/deadlines/extend", extend, 409).await.code, "confirm-needed");
    let view = desk.done("POST", "/deadlines/freeze", confirmed).await;
    let frozen = view.clock.frozen.expect("it stands still");
    assert_eq!((frozen.since_ms, frozen.reason.as_str()), (NOW_MS, "The bank is down."));
    assert_eq!(frozen.by.as_deref(), Some("4@example.org"));
    assert_eq!(desk.refused("POST", "/deadlines/freeze", why.clone(), 409).await.code, "deadlines-frozen");

    assert_eq!(surely(&desk, "/deadlines/extend", json!({"by_ms": 60_000, "reason": "more"})).await.clock.acts, 2);
    assert_eq!(surely(&desk, "/deadlines/thaw", json!({"reason": "It is back."})).await.clock.frozen, None);
    let log: AuditLog = Desk::read(desk.ask(&desk.token, "GET", "/audit", &Value::Null).await, 200);
    let lines: Vec<_> = log.lines.iter().rev().map(|line| (line.action.as_str(), line.reason.as_str())).collect();
    assert_eq!(
        lines[lines.len() - 3..],
        [("deadlines.freeze", "The bank is down."), ("deadlines.extend", "more"), ("deadlines.thaw", "It is back.")]
    );
    assert_eq!(log.lines[0].change, json!({"extra_ms": THAW_EXTRA_MS}));
}
