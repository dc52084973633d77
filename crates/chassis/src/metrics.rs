//! Metrics: one recorder per process, read by Prometheus from the private listener.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// Requests answered. Labels: `role`, `route` (the pattern, not the path), `method`, `status`.
pub const HTTP_REQUESTS_TOTAL: &str = "usher_http_requests_total";
/// From the request's head to the reply's. Labels: `role`, `route`.
pub const HTTP_REQUEST_DURATION_SECONDS: &str = "usher_http_request_duration_seconds";
/// Handlers that panicked. Label: `route`.
pub const HTTP_PANICS_TOTAL: &str = "usher_http_panics_total";
/// Connections open now, upgraded ones included.
pub const CONNECTIONS: &str = "usher_connections";
/// Connections closed at once because a cap was reached. Label: `reason` (`total`, `address`).
pub const CONNECTIONS_REFUSED_TOTAL: &str = "usher_connections_refused_total";
/// Errors of `accept`, such as running out of file descriptors.
pub const ACCEPT_ERRORS_TOTAL: &str = "usher_accept_errors_total";
/// WebSockets open now.
pub const SOCKETS: &str = "usher_sockets";
/// Tasks that failed or panicked. Label: `kind`.
pub const TASK_FAILURES_TOTAL: &str = "usher_task_failures_total";

const SECONDS: [f64; 15] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const BYTES: [f64; 10] =
    [64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static INSTALLED: OnceLock<Metrics> = OnceLock::new();

/// The process's metrics. Cloning is cheap.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Starts recording, once per process: later calls return the same. Call it before anything that counts, since
    /// what was counted earlier is lost.
    ///
    /// Names ending in `_seconds` and `_bytes` are histograms with buckets; without them the exporter would render
    /// summaries, which cannot be added up across processes.
    pub fn install() -> Self {
        INSTALLED.get_or_init(Self::start).clone()
    }

    fn start() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES))
            .expect("the buckets are constants and not empty")
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder was installed first; /metrics will stay empty");
        }
        describe();
        Self { handle }
    }

    /// All metrics in Prometheus's text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Every 5 s moves what histograms collected into their buckets, until `stop`. Without it the samples of a
    /// process that nobody scrapes grow without bound. Run it as a service task.
    pub async fn upkeep_task(self, stop: CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(tokio::time::sleep(UPKEEP_EVERY)).await.is_some() {
            self.handle.run_upkeep();
        }
        Ok(())
    }
}

fn describe() {
    describe_counter!(HTTP_REQUESTS_TOTAL, Unit::Count, "Requests answered, by route, method and status.");
    describe_histogram!(HTTP_REQUEST_DURATION_SECONDS, Unit::Seconds, "From the request's head to the reply's.");
    describe_counter!(HTTP_PANICS_TOTAL, Unit::Count, "Handlers that panicked, by route.");
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections open now, upgraded ones included.");
    describe_counter!(CONNECTIONS_REFUSED_TOTAL, Unit::Count, "Connections closed at once because of a cap.");
    describe_counter!(ACCEPT_ERRORS_TOTAL, Unit::Count, "Errors of accept, such as no file descriptors left.");
    describe_gauge!(SOCKETS, Unit::Count, "WebSockets open now.");
    describe_counter!(TASK_FAILURES_TOTAL, Unit::Count, "Tasks that failed or panicked, by kind.");

    // A counter that appears only with its first event cannot be told from one that is not there at all.
    metrics::gauge!(CONNECTIONS).set(0.0);
    metrics::gauge!(SOCKETS).set(0.0);
    metrics::counter!(ACCEPT_ERRORS_TOTAL).absolute(0);
    for reason in ["total", "address", "network"] {
        metrics::counter!(CONNECTIONS_REFUSED_TOTAL, "reason" => reason).absolute(0);
    }
    for kind in crate::tasks::TaskKind::ALL {
        metrics::counter!(TASK_FAILURES_TOTAL, "kind" => kind.name()).absolute(0);
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn seconds_and_bytes_have_buckets_and_counters_start_at_zero() {
        let metrics = Metrics::install();
        metrics::histogram!("test_wait_seconds").record(0.003);
        metrics::histogram!("test_size_bytes").record(2_000.0);
        let text = Metrics::install().render();
        assert!(text.contains("test_wait_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("test_size_bytes_bucket{le=\"4096\"} 1"), "{text}");
        assert!(metrics.render().contains("usher_task_failures_total{kind=\"critical\"}"), "{text}");
    }
}
