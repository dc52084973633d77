//! Waiting on a condition, with a bound.

use std::time::Duration;

use testkit::eventually;

#[tokio::test]
async fn it_asks_until_the_condition_holds() {
    let mut asked = 0;
    eventually(Duration::from_secs(5), async || {
        asked += 1;
        asked == 10
    })
    .await;
    assert_eq!(asked, 10);
}

#[tokio::test]
#[should_panic(expected = "the condition at crates/testkit/tests/it/eventually.rs")]
async fn a_bound_passed_names_who_waited() {
    eventually(Duration::from_millis(50), async || false).await;
}

#[tokio::test]
#[should_panic(expected = "not within 50ms")]
async fn a_condition_that_hangs_is_bounded_too() {
    eventually(Duration::from_millis(50), std::future::pending::<bool>).await;
}
