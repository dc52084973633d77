//! Names of this role's metrics.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// Places let in.
pub const ADMITTED: &str = "usher_admissions_total";
/// Absent places passed over for longer than their grace.
pub const SKIPPED: &str = "usher_skips_total";
/// How long a pacing decision took.
pub const TICK: &str = "usher_pace_tick_seconds";
/// Pacing leases held by this process.
pub const LEASES: &str = "usher_pacing_leases";
/// Leases lost to another holder or to time.
pub const LOST: &str = "usher_pacing_leases_lost_total";

/// Sales that this process lets people into more slowly because of the automatic brake.
pub const BRAKED: &str = "usher_pacing_braked_sales";
/// Changes of the automatic brake's factor.
pub const BRAKE_CHANGES: &str = "usher_brake_changes_total";

/// Describes them and makes them visible before they first happen.
pub fn describe() {
    describe_counter!(ADMITTED, "Places let in");
    describe_counter!(SKIPPED, "Absent places passed over for longer than their grace");
    describe_histogram!(TICK, Unit::Seconds, "How long a pacing decision took");
    describe_gauge!(LEASES, "Pacing leases held by this process");
    describe_counter!(LOST, "Pacing leases lost to another holder or to time");
    describe_gauge!(BRAKED, "Sales slowed by the automatic brake in this process");
    describe_counter!(BRAKE_CHANGES, "Changes of the automatic brake's factor, by why");
    for why in ["slow", "failing", "recovering", "recovered"] {
        counter!(BRAKE_CHANGES, "why" => why).absolute(0);
    }
    for name in [ADMITTED, SKIPPED, LOST] {
        counter!(name).absolute(0);
    }
}
