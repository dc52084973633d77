//! Names of this role's metrics.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// Holds that lapsed.
pub const LAPSED: &str = "usher_holds_lapsed_total";
/// Holds pinned at their deadline because a payment was unresolved.
pub const PINNED: &str = "usher_holds_pinned_total";
/// Passes of the lapse loop that failed because a store was away.
pub const FAILURES: &str = "usher_lapse_failures_total";
/// Blocks whose time came, and whose seats were given free.
pub const OPENED: &str = "usher_blocks_opened_total";
/// Passes of the loop that opens blocks that failed because a store was away.
pub const OPENING_FAILURES: &str = "usher_block_opening_failures_total";

/// Places of fans ended who picked nothing in their time, or for whom nothing was left.
pub const IDLE: &str = "usher_idle_places_ended_total";
/// Passes of the loop that ends them that failed because a store was away.
pub const IDLE_FAILURES: &str = "usher_idle_failures_total";
/// Picks, by `outcome`.
pub const PICKS: &str = "usher_picks_total";
/// How long the transaction of a group of picks took, in seconds.
pub const PICK_SECONDS: &str = "usher_pick_batch_seconds";
/// Events in which fans pick, followed here.
pub const SHOPS: &str = "usher_picking_events";

/// Describes them and makes them visible before they first happen.
pub fn describe() {
    once::describe();
    describe_counter!(LAPSED, "Holds that ended unpaid at their deadline");
    describe_counter!(PINNED, "Holds kept past their deadline because a payment was unresolved");
    describe_counter!(FAILURES, "Passes of the lapse loop that failed because a store was away");
    describe_counter!(OPENED, "Blocks whose time came, and whose seats were given free");
    describe_counter!(OPENING_FAILURES, "Passes of the loop that opens blocks that failed because a store was away");
    describe_counter!(IDLE, "Places ended whose fans picked nothing in their time, or for whom nothing was left");
    describe_counter!(IDLE_FAILURES, "Passes of the loop that ends idle places that failed because a store was away");
    describe_counter!(
        PICKS,
        "Picks of seats by outcome: held, taken by somebody else, refused, too many at once, store away, broken"
    );
    describe_histogram!(PICK_SECONDS, Unit::Seconds, "How long the transaction of a group of picks took");
    describe_gauge!(SHOPS, "Events in which fans pick their seats, followed by this process");
    for outcome in ["held", "taken", "refused", "busy", "away", "broken"] {
        counter!(PICKS, "outcome" => outcome).absolute(0);
    }
    for name in [LAPSED, PINNED, FAILURES, OPENED, OPENING_FAILURES, IDLE, IDLE_FAILURES] {
        counter!(name).absolute(0);
    }
}
