//! Who may be let in now, and how many.
//!
//! [`allowance`] is the hard cap, judged in the deciding transaction. [`Tuning::in_force`] says what it is fed: the rate by
//! the clock (a [`Ramp`] works below `rate_per_minute`), nothing while everybody is held. Within that cap [`Flow`] spreads the pace evenly; the measured
//! [`ShowUp`] and the automatic [`Brake`] set a gentler one. [`Memory`] and [`Look`] find who is next.

mod brake;
mod flow;
mod head;
mod ramp;
mod recent;
mod show_up;
mod tuning;

pub use brake::{BREACH_LEAST, Brake, BrakeChange, BrakeFault, BrakeRules, BrakeWhy, Reading};
pub use flow::Flow;
pub use head::{CLOCK_SLACK_MS, Head, HeadRules, Look, Memory, Now, Passed, in_order, wanted};
pub use ramp::{Between, RATES, Ramp, RampFault, STEPS_MAX, Step};
pub use recent::Recent;
pub use show_up::{SHOW_UP_LEAST, ShowUp};
pub use tuning::{InForce, Tuning, allowed};

/// The knobs in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knobs {
    /// Fans per rolling 60 seconds.
    pub rate_per_minute: u32,
    /// Admitted, holding or paying at once.
    pub max_active: u32,
}

/// What has been let in lately, judged by one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// In the last 60 seconds.
    pub last_minute: u32,
    /// In the last second.
    pub last_second: u32,
}

impl Window {
    /// The larger of two witnesses' counts.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            last_minute: self.last_minute.max(other.last_minute),
            last_second: self.last_second.max(other.last_second),
        }
    }
}

/// How many more the pace allows now. Unused allowance is not banked: the window only ever subtracts.
///
/// In any second at most twice the rate's share, at least one, so that a minute's worth does not come in one burst.
#[must_use]
pub fn allowance(knobs: Knobs, window: Window, active: u32) -> u32 {
    let share = knobs.rate_per_minute.saturating_mul(2).div_ceil(60).max(1);
    knobs
        .rate_per_minute
        .saturating_sub(window.last_minute)
        .min(share.saturating_sub(window.last_second))
        .min(knobs.max_active.saturating_sub(active))
}

/// How many of the next parties the seats in play can serve: as long as a free seat is left that nobody admitted before
/// has to be given, the next may go in, even if its party is larger than what is left; it then stands and is served, asked
/// or told so, and blocks nobody for longer than the open holds last.
#[must_use]
pub fn served(free_seats: u32, standing_parties: u32, parties: impl IntoIterator<Item = u32>) -> usize {
    let mut left = i64::from(free_seats) - i64::from(standing_parties);
    parties
        .into_iter()
        .take_while(|party| {
            let fits = left > 0;
            left -= i64::from(*party);
            fits
        })
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_smallest_bound_counts() {
        let knobs = Knobs { rate_per_minute: 600, max_active: 50 };
        assert_eq!(allowance(knobs, Window::default(), 0), 20);
        assert_eq!(allowance(knobs, Window { last_minute: 595, last_second: 0 }, 0), 5);
        assert_eq!(allowance(knobs, Window { last_minute: 0, last_second: 18 }, 0), 2);
        assert_eq!(allowance(knobs, Window::default(), 49), 1);
        assert_eq!(allowance(knobs, Window::default(), 60), 0);
        assert_eq!(allowance(Knobs { rate_per_minute: 1, max_active: 9 }, Window::default(), 0), 1);
    }

    #[test]
    fn parties_go_in_while_a_seat_is_unspoken_for() {
        assert_eq!(served(10, 0, [4, 4, 4, 4]), 3);
        assert_eq!(served(2, 0, [4, 1]), 1);
        assert_eq!(served(0, 0, [1]), 0);
        assert_eq!(served(4, 4, [1]), 0);
    }

    proptest! {
        /// However often it is asked, no rolling minute gets more than the rate.
        #[test]
        fn no_rolling_minute_exceeds_the_rate(rate in 1u32..2000, gaps in prop::collection::vec(1i64..5000, 1..200)) {
            let knobs = Knobs { rate_per_minute: rate, max_active: u32::MAX };
            let mut ticks: Vec<(i64, u32)> = Vec::new();
            let mut now = 0;
            let sum = |ticks: &[(i64, u32)], now: i64, span: i64| -> u32 {
                ticks.iter().filter(|(at, _)| *at > now - span).map(|(_, n)| n).sum()
            };
            for gap in gaps {
                now += gap;
                let window = Window { last_minute: sum(&ticks, now, 60_000), last_second: sum(&ticks, now, 1_000) };
                ticks.push((now, allowance(knobs, window, 0)));
                prop_assert!(sum(&ticks, now, 60_000) <= rate);
                prop_assert!(sum(&ticks, now, 1_000) <= (rate * 2).div_ceil(60).max(1));
            }
        }
    }
}
