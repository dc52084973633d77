//! Removes what has expired: refresh tokens and kept answers.

use std::time::Duration;

use store::Store;
use tokio_util::sync::CancellationToken;

/// Rows removed in one statement, so that none takes long.
const AT_ONCE: i64 = 1_000;

/// Runs until told to stop. What cannot be removed now is removed next time.
pub async fn run(store: Store, every: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        loop {
            let (sessions, answers) = (store.sweep_sessions(AT_ONCE).await, store.sweep_answers(AT_ONCE).await);
            if let Some(fault) = sessions.as_ref().err().or(answers.as_ref().err()) {
                tracing::debug!(%fault, "what has expired stays for now");
                break;
            }
            let most = sessions.unwrap_or(0).max(answers.unwrap_or(0));
            if most < AT_ONCE.unsigned_abs() || stop.is_cancelled() {
                break;
            }
        }
    }
    Ok(())
}
