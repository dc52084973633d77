//! Waiting in tests: on a condition, never on the clock.

use std::{panic::Location, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

const PAUSE: Duration = Duration::from_millis(3);

/// Waits until `holds` returns true, asking every few milliseconds.
///
/// # Panics
/// If it does not within `bound`, naming the line that waited.
#[track_caller]
pub fn eventually(bound: Duration, mut holds: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let waiter = Location::caller();
    async move {
        let begin = Instant::now();
        let mut asked = 0_u32;
        while !timeout_at(begin + bound, holds()).await.unwrap_or(false) {
            asked += 1;
            assert!(begin.elapsed() < bound, "not within {bound:?}, asked {asked} times: the condition at {waiter}");
            sleep(PAUSE).await;
        }
    }
}
