//! How many intents a second go through create, confirm and capture, and how fast their webhooks
//! arrive: `throughput URL SECRET_KEY [INTENTS] [CALLERS]`. The client is on the same machine; give
//! each its own core (`taskset`) to measure the provider's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use chassis::clock::Clock;
use serde_json::Value;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let url = args.next().context("URL")?;
    let key = args.next().context("SECRET_KEY")?;
    let intents: u64 = args.next().map_or(Ok(20_000), |text| text.parse())?;
    let callers: u64 = args.next().map_or(Ok(64), |text| text.parse())?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let clock = Clock::system();

    let heard = Arc::new(AtomicU64::new(0));
    let router = Router::new().route("/hook", post(hear)).with_state(Arc::clone(&heard));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let hook = format!("http://{}/hook", listener.local_addr()?);
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await });
    let form = [("url", hook.as_str()), ("enabled_events[]", "*")];
    client
        .post(format!("{url}/v1/webhook_endpoints"))
        .bearer_auth(&key)
        .form(&form)
        .send()
        .await?
        .error_for_status()?;

    let started_ms = clock.monotonic_ms();
    let mut calling = JoinSet::new();
    for caller in 0..callers {
        let (client, url, key) = (client.clone(), url.clone(), key.clone());
        let own = intents / callers + u64::from(caller < intents % callers);
        calling.spawn(async move {
            for n in 0..own {
                pay(&client, &url, &key, &format!("{started_ms}-{caller}-{n}")).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = calling.join_next().await {
        ended??;
    }
    let paid_s = (clock.monotonic_ms() - started_ms) as f64 / 1e3;
    while heard.load(Ordering::Relaxed) < 2 * intents {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let heard_s = (clock.monotonic_ms() - started_ms) as f64 / 1e3;
    println!("{:.0} intents/s, {:.0} webhooks/s", intents as f64 / paid_s, 2.0 * intents as f64 / heard_s);
    Ok(())
}

async fn hear(State(heard): State<Arc<AtomicU64>>, _body: String) {
    heard.fetch_add(1, Ordering::Relaxed);
}

async fn pay(client: &reqwest::Client, url: &str, key: &str, unique: &str) -> anyhow::Result<()> {
    let call = async |path: &str, step: &str, form: &[(&str, &str)]| {
        let request = client.post(format!("{url}/v1/payment_intents{path}")).bearer_auth(key).form(form);
        let response =
            request.header("idempotency-key", format!("{unique}-{step}")).send().await?.error_for_status()?;
        anyhow::Ok(response.json::<Value>().await?)
    };
    let form = [("amount", "5000"), ("currency", "eur"), ("capture_method", "manual"), ("metadata[booking]", unique)];
    let made = call("", "create", &form).await?;
    let id = made["id"].as_str().context("no id")?;
    call(&format!("/{id}/confirm"), "confirm", &[("payment_method", "pm_card_visa")]).await?;
    call(&format!("/{id}/capture"), "capture", &[]).await?;
    Ok(())
}
