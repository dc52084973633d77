//! Names of this role's metrics.

use metrics::{counter, describe_counter};

/// Holds that lapsed.
pub const LAPSED: &str = "usher_holds_lapsed_total";
/// Holds pinned at their deadline because a payment was unresolved.
pub const PINNED: &str = "usher_holds_pinned_total";
/// Passes of the lapse loop that failed because a store was away.
pub const FAILURES: &str = "usher_lapse_failures_total";

/// Describes them and makes them visible before they first happen.
pub fn describe() {
    once::describe();
    describe_counter!(LAPSED, "Holds that ended unpaid at their deadline");
    describe_counter!(PINNED, "Holds kept past their deadline because a payment was unresolved");
    describe_counter!(FAILURES, "Passes of the lapse loop that failed because a store was away");
    for name in [LAPSED, PINNED, FAILURES] {
        counter!(name).absolute(0);
    }
}
