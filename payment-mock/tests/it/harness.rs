//! A provider process of the test's own, and a merchant's webhook receiver.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::header::HeaderValue;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

pub const SECRET_KEY: &str = "sk_test_of_these_tests";
pub const WEBHOOK_SECRET: &str = "whsec_of_these_tests";

/// The slow things, fast enough for tests; the timeout is beyond what a test waits for.
const TIMING: [&str; 8] = [
    "--slow-ms=400",
    "--late-success-ms=400",
    "--timeout-ms=5000",
    "--out-of-order-ms=800",
    "--authorisation-ms=600000",
    "--merchant=Tests & <Sons>",
    "--log=warn",
    "--webhook-concurrency=8",
];

/// A running provider.
pub struct Mock {
    child: Child,
    dir: TempDir,
    webhook_url: Option<String>,
    pub url: String,
    pub client: reqwest::Client,
}

/// An answer: status, JSON, and whether it is an earlier one told again.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub replayed: bool,
}

impl Answer {
    /// The object, where there must be one.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The error's status and code.
    pub fn error(&self) -> (u16, &str) {
        (self.status, self.body["error"]["code"].as_str().unwrap_or_default())
    }
}

fn start(data: &Path, webhook_url: Option<&str>) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payment-mock"));
    command.args(["--listen=127.0.0.1:0", "--secret-key", SECRET_KEY, "--data"]).arg(data).args(TIMING);
    if let Some(url) = webhook_url {
        command.args(["--webhook-url", url, "--webhook-secret", WEBHOOK_SECRET]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("not ready: {line:?}")).to_owned();
    (child, url)
}

impl Mock {
    pub fn start() -> Self {
        Self::start_with(None)
    }

    pub fn start_with(webhook_url: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (child, url) = start(dir.path(), webhook_url);
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build().unwrap();
        Self { child, dir, webhook_url: webhook_url.map(str::to_owned), url, client }
    }

    pub fn data(&self) -> &Path {
        self.dir.path()
    }

    /// Kills the process as the kernel would, and starts another on the same data.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.url) = start(self.dir.path(), self.webhook_url.as_deref());
    }

    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let replayed = response.headers().get("idempotent-replayed") == Some(&HeaderValue::from_static("true"));
        Ok(Answer { status: response.status().as_u16(), replayed, body: response.json().await? })
    }

    pub fn posting(&self, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.client.post(self.path(path)).bearer_auth(SECRET_KEY).form(form)
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.posting(path, form)).await.unwrap()
    }

    pub async fn post_with_key(&self, path: &str, form: &[(&str, &str)], key: &str) -> Answer {
        self.send(self.posting(path, form).header("idempotency-key", key)).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.path(path)).bearer_auth(SECRET_KEY)).await.unwrap()
    }

    /// A new intent of 50.00, captured by hand.
    pub async fn intent(&self) -> Value {
        let form = [("amount", "5000"), ("currency", "eur"), ("capture_method", "manual"), ("metadata[booking]", "b1")];
        self.post("/v1/payment_intents", &form).await.ok()
    }

    pub async fn confirm(&self, intent: &Value, method: &str) -> Answer {
        self.post(&of(intent, "/confirm"), &[("payment_method", method)]).await
    }

    /// A new intent, authorised with this method.
    pub async fn authorised(&self, method: &str) -> Value {
        let intent = self.intent().await;
        let confirmed = self.confirm(&intent, method).await.ok();
        assert_eq!(confirmed["status"], "requires_capture");
        confirmed
    }

    pub async fn status(&self, intent: &Value) -> String {
        self.get(&of(intent, "")).await.ok()["status"].as_str().unwrap().to_owned()
    }

    pub async fn wait_for_status(&self, intent: &Value, status: &str) {
        wait_until(&format!("status {status}"), async || self.status(intent).await == status).await;
    }

    pub async fn script(&self, next: u32, on: &str, kind: &str) {
        let script = serde_json::json!({ "next": next, "on": on, "kind": kind });
        let request = self.client.post(self.path("/mock/faults")).bearer_auth(SECRET_KEY).json(&script);
        self.send(request).await.unwrap().ok();
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // A process that is gone already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A path of this intent's.
pub fn of(intent: &Value, rest: &str) -> String {
    format!("/v1/payment_intents/{}{rest}", intent["id"].as_str().unwrap())
}

/// Waits until the condition holds, at most ten seconds.
pub async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited in vain for {what}");
}

/// One webhook as it came in.
#[derive(Debug, Clone)]
pub struct Received {
    pub signature: Option<String>,
    pub body: String,
    pub event: Value,
}

/// A merchant that listens.
pub struct Receiver {
    pub url: String,
    inner: Arc<Inner>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Inner {
    status: AtomicU16,
    seen: Mutex<Vec<Received>>,
}

impl Receiver {
    /// A receiver that answers with this status until told otherwise.
    pub async fn start(status: u16) -> Self {
        let inner = Arc::new(Inner { status: AtomicU16::new(status), ..Inner::default() });
        let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, _serving: serving }
    }

    pub fn answer(&self, status: u16) {
        self.inner.status.store(status, Ordering::SeqCst);
    }

    pub fn seen(&self) -> Vec<Received> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// The types of what came in for this intent, in order of arrival.
    pub fn types(&self, intent: &Value) -> Vec<String> {
        let about = |it: &Received| {
            it.event["data"]["object"]["id"] == intent["id"]
                || it.event["data"]["object"]["payment_intent"] == intent["id"]
        };
        let kind = |it: &Received| it.event["type"].as_str().unwrap().trim_start_matches("payment_intent.").to_owned();
        self.seen().iter().filter(|it| about(it)).map(kind).collect()
    }

    pub async fn wait_for(&self, intent: &Value, types: &[&str]) {
        wait_until(&format!("{types:?}"), async || self.types(intent) == types).await;
    }
}

async fn receive(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: String) -> StatusCode {
    let signature = headers.get("stripe-signature").map(|value| value.to_str().unwrap().to_owned());
    let event = serde_json::from_str(&body).unwrap();
    inner.seen.lock().unwrap().push(Received { signature, body, event });
    StatusCode::from_u16(inner.status.load(Ordering::SeqCst)).unwrap()
}
