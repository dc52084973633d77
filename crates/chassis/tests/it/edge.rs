//! What every request passes, seen by the client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};
use chassis::clock::Clock;
use chassis::health::{Health, private_router};
use chassis::http::{ClientAddr, HttpConfig, RequestId, body_limit, layers};
use chassis::metrics::Metrics;
use chassis::serve::ListenerConfig;
use chassis::tasks::Tasks;
use tokio::sync::Notify;

use crate::wire::{Client, soon, start};

fn router() -> Router {
    Router::new()
        .route("/client", get(async |ClientAddr(client): ClientAddr| client.to_string()))
        .route("/id", get(async |id: RequestId| id.as_str().to_owned()))
        .route("/things/{thing}", post(async |body: Bytes| body.len().to_string()))
        .route("/large", post(async |body: Bytes| body.len().to_string()).layer(body_limit(1_000)))
        .route("/panic", get(async || -> &'static str { panic!("the handler fell over") }))
        .route("/wrong", get(async || (StatusCode::IM_A_TEAPOT, "short and stout")))
        .route("/ours", get(async || (StatusCode::BAD_GATEWAY, "password=hunter2")))
}

async fn client(config: HttpConfig, tasks: &Tasks) -> Client {
    Metrics::install();
    let router = layers(router(), config, Clock::fixed(1_700_000_000_000));
    Client::connect(start(router, ListenerConfig::default(), tasks)).await
}

async fn post_to(client: &mut Client, path: &str, body: &str) -> crate::wire::Reply {
    let length = body.len();
    client.send(&format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n{body}")).await;
    client.reply().await
}

#[tokio::test]
async fn forwarded_addresses_are_believed_from_trusted_peers_only() {
    let tasks = Tasks::without_signals();
    let forwarded = "x-forwarded-for: 203.0.113.9, 198.51.100.1\r\n";
    let mut stranger = client(HttpConfig::default(), &tasks).await;
    assert_eq!(stranger.get("/client", forwarded).await.body, "127.0.0.1");
    let trusting = HttpConfig { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..HttpConfig::default() };
    let mut proxy = client(trusting, &tasks).await;
    assert_eq!(proxy.get("/client", forwarded).await.body, "198.51.100.1");
    assert_eq!(proxy.get("/client", "").await.body, "127.0.0.1");
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_problem_and_a_route_may_have_its_own() {
    let tasks = Tasks::without_signals();
    let config = HttpConfig { body_limit_bytes: 100, ..HttpConfig::default() };
    let mut small = client(config.clone(), &tasks).await;
    assert_eq!(post_to(&mut small, "/things/1", &"x".repeat(100)).await.body, "100");
    let refused = post_to(&mut small, "/things/1", &"x".repeat(101)).await;
    assert_eq!((refused.status, refused.problem_code().as_str()), (413, "body-too-large"));

    let mut large = client(config, &tasks).await;
    assert_eq!(post_to(&mut large, "/large", &"x".repeat(1_000)).await.body, "1000");
    assert_eq!(post_to(&mut large, "/large", &"x".repeat(1_001)).await.status, 413);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused_as_well() {
    let tasks = Tasks::without_signals();
    let mut client = client(HttpConfig { body_limit_bytes: 10, ..HttpConfig::default() }, &tasks).await;
    let head = "POST /things/1 HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(&format!("{head}8\r\nxxxxxxxx\r\n8\r\nxxxxxxxx\r\n0\r\n\r\n")).await;
    assert_eq!(client.reply().await.problem_code(), "body-too-large");
}

#[tokio::test]
async fn a_body_that_stalls_does_not_hold_its_handler() {
    let tasks = Tasks::without_signals();
    let mut client = client(HttpConfig { body_read_timeout_ms: 50, ..HttpConfig::default() }, &tasks).await;
    client.send("POST /things/1 HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nxxx").await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.problem_code().as_str()), (400, "bad-request"));
    assert!(reply.body.contains("the body came too slowly"), "{}", reply.body);
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let tasks = Tasks::without_signals();
    let mut client = client(HttpConfig { role: "edge-test".to_owned(), ..HttpConfig::default() }, &tasks).await;
    let reply = client.get("/panic", "").await;
    assert_eq!((reply.status, reply.problem_code().as_str()), (500, "internal"));
    assert!(!reply.body.contains("fell over"), "{}", reply.body);
    assert_eq!(client.get("/id", "").await.status, 200);
    let page = Metrics::install().render();
    assert!(page.contains("usher_http_panics_total{role=\"edge-test\",route=\"/panic\"} 1"), "{page}");
}

#[tokio::test]
async fn errors_have_one_form_and_ours_keep_their_text() {
    let tasks = Tasks::without_signals();
    let mut client = client(HttpConfig::default(), &tasks).await;
    assert_eq!(client.get("/nowhere", "").await.problem_code(), "not-found");
    let method = client.get("/large", "").await;
    assert_eq!((method.problem_code().as_str(), method.header("allow")), ("method-not-allowed", Some("POST")));
    let wrong = client.get("/wrong", "").await;
    assert_eq!((wrong.status, wrong.problem_code().as_str()), (418, "refused"));
    assert!(wrong.body.contains("short and stout"), "{}", wrong.body);
    let ours = client.get("/ours", "").await;
    assert_eq!((ours.status, ours.problem_code().as_str()), (502, "internal"));
    assert!(!ours.body.contains("hunter2"), "{}", ours.body);
}

#[tokio::test]
async fn requests_have_an_id_and_replies_are_guarded() {
    let tasks = Tasks::without_signals();
    let mut client = client(HttpConfig::default(), &tasks).await;
    let given = client.get("/id", "x-request-id: abc-1.2_3\r\n").await;
    assert_eq!((given.header("x-request-id"), given.body.as_str()), (Some("abc-1.2_3"), "abc-1.2_3"));
    assert_eq!(given.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(given.header("referrer-policy"), Some("no-referrer"));
    assert!(given.header("content-security-policy").unwrap().contains("default-src 'none'"));
    for bad in ["x-request-id: a b\r\n", "x-request-id: <script>\r\n", ""] {
        let made = client.get("/id", bad).await;
        // The clock of the test, as a UUIDv7 begins with it.
        assert!(made.body.starts_with("018bcfe5-6800-7"), "{}", made.body);
        assert_eq!(made.header("x-request-id"), Some(made.body.as_str()));
    }
}

#[tokio::test]
async fn metrics_are_labelled_by_route_not_by_path() {
    let tasks = Tasks::without_signals();
    let mut client = client(HttpConfig { role: "labels-test".to_owned(), ..HttpConfig::default() }, &tasks).await;
    for thing in 0..3 {
        assert_eq!(post_to(&mut client, &format!("/things/{thing}"), "x").await.status, 200);
    }
    client.get("/no/such/path", "").await;
    let page = Metrics::install().render();
    let line = |route, method, status| {
        let labels = format!("role=\"labels-test\",route=\"{route}\",method=\"{method}\",status=\"{status}\"");
        format!("usher_http_requests_total{{{labels}}}")
    };
    assert!(page.contains(&format!("{} 3", line("/things/{thing}", "POST", 200))), "{page}");
    assert!(page.contains(&format!("{} 1", line("unmatched", "GET", 404))), "{page}");
    let labels = "{role=\"labels-test\",route=\"/things/{thing}\"}";
    assert!(page.contains(&format!("usher_http_request_duration_seconds_count{labels} 3")), "{page}");
}

#[tokio::test]
async fn a_client_that_goes_away_is_recorded() {
    let entered = Arc::new(Notify::new());
    let inside = Arc::clone(&entered);
    let stuck = get(async move || {
        inside.notify_one();
        std::future::pending::<()>().await;
    });
    let config = HttpConfig { role: "gone-test".to_owned(), ..HttpConfig::default() };
    let tasks = Tasks::without_signals();
    let metrics = Metrics::install();
    let router = layers(Router::new().route("/", stuck), config, Clock::system());
    let mut client = Client::connect(start(router, ListenerConfig::default(), &tasks)).await;
    client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    soon(entered.notified()).await;
    drop(client);
    let line = "usher_http_requests_total{role=\"gone-test\",route=\"/\",method=\"GET\",status=\"499\"} 1";
    soon(async {
        while !metrics.render().contains(line) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Lines as a log collector would get them.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_request_is_one_line_and_quiet_routes_are_none() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone())
        .finish();
    // The test's runtime has one thread, so its tasks log to this subscriber and no other test does.
    let _guard = tracing::subscriber::set_default(subscriber);
    let tasks = Tasks::without_signals();
    let config = HttpConfig { quiet_routes: vec!["/client".to_owned()], ..HttpConfig::default() };
    let mut client = client(config, &tasks).await;
    client.get("/client", "").await;
    client.get("/id", "x-request-id: seen\r\n").await;
    client.get("/ours", "").await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [id, ours] = events.as_slice() else { panic!("{text}") };
    assert_eq!((id["target"].as_str(), id["level"].as_str()), (Some("request"), Some("INFO")));
    assert_eq!((id["method"].as_str(), id["route"].as_str()), (Some("GET"), Some("/id")));
    assert_eq!((&id["status"], &id["bytes"], id["request_id"].as_str()), (&200.into(), &4.into(), Some("seen")));
    assert_eq!(id["client"].as_str(), Some("127.0.0.0"));
    assert!(id["duration_ms"].is_f64());
    assert_eq!((ours["level"].as_str(), &ours["status"]), (Some("ERROR"), &502.into()));
}

#[tokio::test]
async fn the_private_pages_tell_life_readiness_and_metrics() {
    let tasks = Tasks::without_signals();
    let health = Health::new();
    health.not_ready_after(tasks.soft());
    let redis = health.register("redis");
    let router = private_router(health.clone(), Metrics::install());
    let mut client = Client::connect(start(router, ListenerConfig::default(), &tasks)).await;
    assert_eq!(client.get("/livez", "").await.status, 200);
    redis.down("connection refused");
    let unready = client.get("/readyz", "").await;
    assert_eq!(unready.status, 503);
    assert!(unready.body.contains("connection refused") && unready.body.contains("not ready"), "{}", unready.body);
    redis.up();
    health.set_ready(true);
    assert_eq!(client.get("/readyz", "").await.status, 200);
    let page = client.get("/metrics", "").await;
    assert!(page.body.contains("# TYPE usher_connections gauge"), "{}", page.body);
}
