//! What was answered is never lost, however the process ends.

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::harness::{Mock, Receiver, SECRET_KEY, of, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_payment_survives_kill_9_under_load_and_is_told() {
    let receiver = Receiver::start(200).await;
    let mut mock = Mock::start_with(Some(&receiver.url));
    let mut buyers = JoinSet::new();
    for _ in 0..16 {
        let (client, url) = (mock.client.clone(), mock.url.clone());
        buyers.spawn(async move {
            // Pays again and again until nobody answers any more.
            let mut acknowledged = Vec::new();
            loop {
                let form =
                    [("amount", "100"), ("currency", "eur"), ("payment_method", "pm_card_visa"), ("confirm", "true")];
                let request = client.post(format!("{url}/v1/payment_intents")).bearer_auth(SECRET_KEY).form(&form);
                let Ok(response) = request.send().await else { return acknowledged };
                let Ok(intent) = response.json::<serde_json::Value>().await else { return acknowledged };
                assert_eq!(intent["status"], "succeeded");
                acknowledged.push(intent);
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    mock.kill_and_restart();
    let acknowledged: Vec<_> = buyers.join_all().await.concat();
    assert!(acknowledged.len() > 50, "there was load: {}", acknowledged.len());
    for intent in &acknowledged {
        assert_eq!(mock.get(&of(intent, "")).await.ok(), *intent);
    }
    // At least once: what was in flight when the process died is sent again.
    wait_until("every webhook", async || {
        let told: HashSet<String> =
            receiver.seen().iter().map(|it| it.event["data"]["object"]["id"].to_string()).collect();
        acknowledged.iter().all(|intent| told.contains(&intent["id"].to_string()))
    })
    .await;
}

#[tokio::test]
async fn two_processes_never_share_a_store() {
    let mock = Mock::start();
    let mut second = Command::new(env!("CARGO_BIN_EXE_payment-mock"));
    second.args(["--secret-key=sk", "--data"]).arg(mock.data()).stderr(Stdio::piped());
    let refused = second.output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another payment-mock"));
}
