//! When to look again.

use std::time::Duration;

use store::payments::DuePayment;

use crate::provider::Fault;

/// The first looks after a missed deadline are this far apart, in milliseconds.
const PINNED_MIN_MS: i64 = 200;
/// And never further, while seats are kept for the answer.
const PINNED_MAX_MS: i64 = 2_000;
/// Looks after that.
const LATE_MIN_MS: i64 = 10_000;
const LATE_MAX_MS: i64 = 600_000;
/// After this a payment nobody can tell anything about is left to people.
const GIVE_UP_MS: i64 = 7 * 24 * 3_600_000;
/// While the provider knows nothing of an intent that it made.
const NOT_FOUND_MS: i64 = 5_000;
/// While the provider is away and there is time.
const AWAY_MS: (i64, i64) = (500, 1_500);
/// While the sale's clock stands still, which it does when the provider is down.
const FROZEN_MS: i64 = 2_000;
/// A cancelled attempt is looked at a second time at this age, and then no more.
const CANCELLED_TWICE_MS: i64 = 600_000;

/// For a quiet payment: ever later, but at the deadline.
pub fn quiet(due: &DuePayment, first_ms: i64, most_ms: i64) -> i64 {
    let doublings = due.payment.tries.clamp(1, 16) - 1;
    let wait = (first_ms << (doublings / 2)).min(most_ms);
    if due.frozen { wait.max(FROZEN_MS) } else { wait.min(-due.overdue_ms + 20).max(20) }
}

/// For a payment of which nothing certain is known: none to give up.
pub fn unresolved(due: &DuePayment, fault: Option<&Fault>) -> Option<i64> {
    let asked_for = match fault {
        Some(Fault::RateLimited { retry_after }) => {
            let asked = retry_after.unwrap_or(Duration::from_secs(1));
            i64::try_from(asked.as_millis()).unwrap_or(LATE_MIN_MS).clamp(100, LATE_MIN_MS)
        }
        Some(Fault::InProgress) => PINNED_MIN_MS,
        // It lost the intent, or another account's key is configured: nothing that passes in a moment.
        Some(Fault::NotFound) => NOT_FOUND_MS,
        _ => 0,
    };
    let age = due.settled_ms.unwrap_or(due.overdue_ms);
    let wait = if due.settled_ms.is_none() && due.frozen {
        FROZEN_MS
    } else if due.settled_ms.is_none() && due.overdue_ms < 0 {
        let wait =
            if fault.is_some_and(Fault::is_away) { rand::random_range(AWAY_MS.0..=AWAY_MS.1) } else { PINNED_MIN_MS };
        wait.min(-due.overdue_ms + 20)
    } else if due.settled_ms.is_none() && due.pin_left_ms > 0 {
        // Waiting for as long as it has lasted already doubles each wait.
        due.overdue_ms.clamp(PINNED_MIN_MS, PINNED_MAX_MS).min(due.pin_left_ms + 20)
    } else if age > GIVE_UP_MS {
        return None;
    } else {
        (age / 10).clamp(LATE_MIN_MS, LATE_MAX_MS)
    };
    Some(wait.max(asked_for))
}

/// For an attempt that we and the provider hold for cancelled.
pub fn cancelled(due: &DuePayment) -> Option<i64> {
    let left = CANCELLED_TWICE_MS - due.settled_ms.unwrap_or(0);
    (left > 0).then_some(left)
}

#[cfg(test)]
mod tests {
    use store::payments::PaymentRow;
    use uuid::Uuid;

    use super::*;

    fn due(tries: i32, overdue_ms: i64, pin_left_ms: i64) -> DuePayment {
        let payment = PaymentRow {
            id: Uuid::nil(),
            booking: Uuid::nil(),
            attempt: 1,
            intent: None,
            client_secret: None,
            amount_minor: 1,
            currency: "EUR".to_owned(),
            state: "open".to_owned(),
            decline_reason: None,
            tries,
            key_no: 0,
        };
        DuePayment {
            payment,
            booking_state: "paying".to_owned(),
            overdue_ms,
            pin_left_ms,
            frozen: false,
            settled_ms: None,
        }
    }

    #[test]
    fn quiet_payments_are_looked_at_ever_later_and_at_the_deadline() {
        let wait = |tries, overdue_ms| quiet(&due(tries, overdue_ms, 60_000), 2_000, 10_000);
        assert_eq!([1, 3, 5, 7, 100].map(|tries| wait(tries, -100_000)), [2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(wait(100, -3_000), 3_020);
    }

    #[test]
    fn past_the_deadline_looks_begin_close_and_reach_the_end_of_the_pin() {
        let away = Fault::Away { why: String::new(), answered: false };
        let wait = |overdue_ms, pin_left_ms| unresolved(&due(9, overdue_ms, pin_left_ms), Some(&away));
        assert_eq!(wait(10, 60_000), Some(200));
        assert_eq!(wait(900, 59_000), Some(900));
        assert_eq!(wait(30_000, 30_000), Some(2_000));
        assert_eq!(wait(59_500, 500), Some(520));
        assert_eq!(wait(60_000, 0), Some(10_000));
        assert_eq!(wait(GIVE_UP_MS + 1, -1), None);
    }

    #[test]
    fn while_the_clock_stands_no_deadline_comes_nearer() {
        let frozen = |overdue_ms, pin_left_ms| DuePayment { frozen: true, ..due(1, overdue_ms, pin_left_ms) };
        let waits = [(-5, 60_000), (3, 60_000), (59_990, 10)].map(|(overdue_ms, pin_left_ms)| {
            let due = frozen(overdue_ms, pin_left_ms);
            (quiet(&due, 200, 10_000), unresolved(&due, None))
        });
        assert_eq!(waits, [(FROZEN_MS, Some(FROZEN_MS)); 3]);
    }

    #[test]
    fn a_provider_that_asks_for_patience_gets_it() {
        let limited = Fault::RateLimited { retry_after: Some(Duration::from_secs(3)) };
        assert_eq!(unresolved(&due(1, 10, 50_000), Some(&limited)), Some(3_000));
    }
}
