//! One request at a time: waits out refusals and connections that fail, and tells every answer that is no success.

use std::time::Duration;

use chassis::clock::Clock;
use chassis::retry::Backoff;
use chassis::secret::unreadable_json;
use contracts::problem::Problem;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Device;

/// Who hears about answers that are no success: a fan's diary, or nobody.
pub trait Ears: Send + Sync {
    /// An answer came that is no success. Status 0 is a connection that failed.
    fn refused(&self, refusal: Refusal);
}

impl Ears for () {
    fn refused(&self, _: Refusal) {}
}

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Refusal {
    /// What was asked, without identifiers: `join`, `pay`.
    pub what: String,
    /// The status; 0 where no answer came.
    pub status: u16,
    /// The problem's code, or the error.
    pub code: String,
    /// Whether it said when to come back.
    pub retry_after: bool,
    /// Whether the asker had reason to expect it: a second confirm is refused by right.
    pub expected: bool,
}

/// What came of a request. The body may be a token or a receipt: it is not for printing.
#[derive(Clone)]
pub enum Answer<T> {
    /// A success with its status and body.
    Ok(u16, T),
    /// Refused for good, for the asker to handle.
    Refused(Box<Problem>),
    /// No answer that counts came in time.
    GaveUp,
}

impl<T> Answer<T> {
    /// The body of a success.
    pub fn ok(self) -> Option<T> {
        match self {
            Self::Ok(_, body) => Some(body),
            _ => None,
        }
    }
}

/// A request. It cannot be printed whole: its token, headers and body are secrets.
#[derive(Clone)]
pub struct Ask<'a> {
    what: &'static str,
    method: Method,
    url: String,
    bearer: Option<&'a str>,
    body: Body,
    headers: Vec<(&'static str, String)>,
    expected: &'a [u16],
}

#[derive(Clone)]
enum Body {
    None,
    Json(Vec<u8>),
    Form(Vec<(&'static str, String)>),
}

impl std::fmt::Display for Ask<'_> {
    /// Without its token and its body.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({})", self.method, self.url, self.what)
    }
}

impl<'a> Ask<'a> {
    /// A request; `what` is its name in reports.
    pub fn new(what: &'static str, method: Method, url: impl Into<String>) -> Self {
        Self { what, method, url: url.into(), bearer: None, body: Body::None, headers: Vec::new(), expected: &[] }
    }

    /// With a token.
    #[must_use]
    pub fn bearer(mut self, token: &'a str) -> Self {
        self.bearer = Some(token);
        self
    }

    /// With a JSON body.
    ///
    /// # Panics
    /// If the body cannot be JSON, which no type of the contracts is.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Body::Json(serde_json::to_vec(body).expect("contract types are JSON"));
        self
    }

    /// With a form, as the payment provider wants it.
    #[must_use]
    pub fn form(mut self, fields: &[(&'static str, &str)]) -> Self {
        self.body = Body::Form(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect());
        self
    }

    /// With a key that makes repeating harmless.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        self.header("idempotency-key", key)
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Statuses that the asker has reason to expect.
    #[must_use]
    pub fn expecting(mut self, statuses: &'a [u16]) -> Self {
        self.expected = statuses;
        self
    }
}

/// Sends requests from one device.
#[derive(Debug, Clone)]
pub struct Caller {
    /// From where.
    pub device: Device,
    /// The server: `http://127.0.0.1:8080`.
    pub base: String,
    /// The time, to give up by.
    pub clock: Clock,
    /// When to give up on everything, in milliseconds since 1970.
    pub until_ms: i64,
}

/// One answer may take this long, restarts of what answers included.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

impl Caller {
    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Asks until an answer counts: refusals that say when to come back are waited out, and failed connections and server
    /// errors retried with back-off. Everything that is no success is told to `ears`.
    pub async fn send<T: DeserializeOwned>(&self, ask: Ask<'_>, ears: &dyn Ears) -> Answer<T> {
        let left_ms = u64::try_from(self.until_ms - self.clock.now_ms()).unwrap_or(0);
        self.send_within(ask, Duration::from_millis(left_ms), ears).await
    }

    /// Like [`Caller::send`], with less patience.
    pub async fn send_within<T: DeserializeOwned>(
        &self,
        ask: Ask<'_>,
        patience: Duration,
        ears: &dyn Ears,
    ) -> Answer<T> {
        let give_up = Instant::now() + patience;
        let mut backoff = Backoff::new(50, 1_000);
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Answer::GaveUp;
            }
            let wait = match self.once(&ask, left.min(ANSWER_WITHIN), ears).await {
                Once::Answer(answer) => return answer,
                Once::After(wait) => wait + backoff.delay(),
                Once::Failed => backoff.delay(),
            };
            tokio::time::sleep(wait.min(give_up.saturating_duration_since(Instant::now()))).await;
        }
    }

    async fn once<T: DeserializeOwned>(&self, ask: &Ask<'_>, within: Duration, ears: &dyn Ears) -> Once<T> {
        let hear = |status: u16, code: String, retry_after: bool| {
            let expected = ask.expected.contains(&status);
            ears.refused(Refusal { what: ask.what.to_owned(), status, code, retry_after, expected });
        };
        let mut request = self.device.http.request(ask.method.clone(), &ask.url).timeout(within);
        if let Some(token) = ask.bearer {
            request = request.bearer_auth(token);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        request = match &ask.body {
            Body::None => request,
            Body::Json(bytes) => request.header("content-type", "application/json").body(bytes.clone()),
            Body::Form(fields) => request.form(fields),
        };
        let got = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let retry_after_s = response
                    .headers()
                    .get("retry-after")
                    .and_then(|value| value.to_str().ok())
                    .and_then(|text| text.parse::<u64>().ok());
                response.bytes().await.map(|bytes| (status, retry_after_s, bytes))
            }
            Err(fault) => Err(fault),
        };
        let (status, retry_after_s, bytes) = match got {
            Ok(got) => got,
            Err(fault) => {
                hear(0, short(&fault), false);
                return Once::Failed;
            }
        };
        if (200..300).contains(&status) {
            let bytes: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
            return match serde_json::from_slice(bytes) {
                Ok(body) => Once::Answer(Answer::Ok(status, body)),
                Err(fault) => {
                    hear(status, format!("unreadable answer: {}", unreadable_json(&fault)), false);
                    Once::Answer(Answer::GaveUp)
                }
            };
        }
        let problem = serde_json::from_slice::<Problem>(&bytes).unwrap_or_else(|_| provider_problem(status, &bytes));
        hear(status, problem.code.clone(), retry_after_s.is_some());
        match status {
            429 | 503 => Once::After(Duration::from_secs(retry_after_s.unwrap_or(0).min(10))),
            500.. => Once::Failed,
            _ => Once::Answer(Answer::Refused(Box::new(problem))),
        }
    }
}

enum Once<T> {
    Answer(Answer<T>),
    After(Duration),
    Failed,
}

/// The innermost reason, which is what people look for.
fn short(fault: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = fault;
    while let Some(deeper) = reason.source() {
        reason = deeper;
    }
    reason.to_string()
}

/// The payment provider's errors are `{"error": {"code", "decline_code", "message"}}`; others may be no JSON at all.
fn provider_problem(status: u16, bytes: &[u8]) -> Problem {
    let error = serde_json::from_slice::<serde_json::Value>(bytes).unwrap_or_default();
    let text = |name: &str| error["error"][name].as_str().map(str::to_owned);
    let code = text("code").unwrap_or_else(|| "unreadable".to_owned());
    let detail =
        text("message").unwrap_or_else(|| String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned());
    Problem::new(status, &code, "The payment provider's error", detail)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::routing::post;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Refusal>>);

    impl Ears for Heard {
        fn refused(&self, refusal: Refusal) {
            self.0.lock().unwrap().push(refusal);
        }
    }

    #[derive(serde::Deserialize)]
    struct Expected {
        #[serde(rename = "n")]
        _n: u32,
    }

    /// A server whose answers quote what it was sent, in forms that nobody expects.
    async fn echo() -> String {
        let quoted = |text: String| format!("{{\"n\": {text:?}}}");
        let router = Router::new()
            .route("/wrong", post(async move |body: String| quoted(body)))
            .route("/unknown", post(async move |body: String| format!("{{{body:?}: 1}}")))
            .route("/text", post(async |body: String| body));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio_util::task::TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        base
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_without_tokens_and_bodies() {
        let clock = Clock::system();
        let until_ms = clock.now_ms() + 2_000;
        let caller = Caller { device: Device::new(None).unwrap(), base: echo().await, clock, until_ms };
        let away = Caller { base: "http://127.0.0.1:1".to_owned(), ..caller.clone() };
        let heard = Heard::default();
        for (caller, path) in [(&caller, "/wrong"), (&caller, "/unknown"), (&caller, "/text"), (&away, "/")] {
            let ask = Ask::new("join", Method::POST, caller.url(path))
                .bearer("rcp_hidden")
                .key("hidden key")
                .json(&"hidden password");
            assert_eq!(ask.to_string(), format!("POST {}{path} (join)", caller.base));
            let answer = caller.send_within::<Expected>(ask, Duration::from_millis(300), &heard).await;
            assert!(matches!(answer, Answer::GaveUp));
        }
        let told = format!("{:?}", heard.0.lock().unwrap());
        assert!(told.matches("unreadable answer").count() == 3 && told.contains("status: 0"), "{told}");
        assert!(!told.contains("hidden"), "{told}");
    }
}
