//! The outsider's checker: judges a whole sale by what its fans saw, and by what the payment provider says of their money.
//!
//! It knows no store and shares no code with the inside's own check. Every check is a function with a name; every name has a test
//! that plants its fault and sees it told.

mod felt;
pub mod figures;
pub mod heads;
pub mod history;
pub mod holds;
pub mod kept;
pub mod line;
pub mod money;
#[cfg(test)]
mod scene;
pub mod tales;
pub mod whole;

pub use history::{Facts, Fault, History, Pace};
pub use tales::Tales;

/// A check: everything it finds wrong, one line each.
pub type Check = fn(&History, &Tales<'_>) -> Vec<String>;

/// All checks with their names.
pub const CHECKS: [(&str, Check); 18] = [
    ("one-place", line::one_place),
    ("ahead-never-grows", line::ahead_never_grows),
    ("order", line::order),
    ("pace", line::pace),
    ("felt-at-once", felt::felt_at_once),
    ("live", line::live),
    ("no-seat-twice", holds::no_seat_twice),
    ("exchanged-once", holds::exchanged_once),
    ("picked-seats-kept", holds::picked_seats_kept),
    ("deadline-kept", holds::deadline_kept),
    ("deadline-prompt", holds::deadline_prompt),
    ("acknowledged-not-lost", kept::acknowledged_not_lost),
    ("money", money::money),
    ("ticket-codes", money::ticket_codes),
    ("heads-as-told", heads::heads_as_told),
    ("sold-all", whole::sold_all),
    ("statuses", whole::statuses),
    ("stories", whole::stories),
];

/// Of one check's findings, this many are told.
const TOLD: usize = 10;

/// Runs every check.
#[must_use]
pub fn check(history: &History) -> Vec<String> {
    let tales = Tales::of(history);
    let mut violations = Vec::new();
    for (name, check) in CHECKS {
        let found = check(history, &tales);
        let more = found.len().saturating_sub(TOLD);
        violations.extend(found.into_iter().take(TOLD).map(|what| format!("{name}: {what}")));
        if more > 0 {
            violations.push(format!("{name}: and {more} more"));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_sale_passes_every_check() {
        assert_eq!(check(&scene::clean()), Vec::<String>::new());
    }

    #[test]
    fn many_findings_are_told_in_few_lines() {
        let mut history = scene::clean();
        for story in &mut history.stories {
            story.ended = false;
            for n in 0..20 {
                story.records.push(scene::refused("pay", 500, &format!("internal-{n}")));
            }
        }
        let told = check(&history);
        assert!(told.len() < 25 && told.iter().any(|line| line.starts_with("statuses: and ")), "{told:#?}");
    }
}
