//! The range as a fan is told it.

use super::Range;

/// (up to, in steps of): seconds.
const STEPS: [(u32, u32); 7] =
    [(120, 10), (600, 30), (1_800, 60), (7_200, 300), (21_600, 900), (86_400, 1_800), (604_800, 14_400)];

/// A range as it is shown: both ends on a scale whose steps grow from ten seconds over a minute (below half an hour) and five
/// (below two hours) to four hours (beyond a day). Two bytes, all that need be kept of what a fan saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    low: u8,
    high: u8,
}

/// What became of the shown range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing was shown before.
    First,
    /// It stays.
    Same,
    /// An end came nearer.
    Sooner,
    /// It moved away, since the line moves more slowly: to be told with that reason.
    Later,
}

impl Shown {
    /// The near end, in seconds.
    #[must_use]
    pub const fn low_s(self) -> u32 {
        value(self.low)
    }

    /// The far end, in seconds.
    #[must_use]
    pub const fn high_s(self) -> u32 {
        value(self.high)
    }

    /// What to show after `previous` now that the estimate is `fresh`. For a reason of its own that the fan is told (a pause that
    /// ended, a draw, a new rate, people put before them), the caller passes no previous one.
    ///
    /// Ends only come nearer, each when the fresh one has passed its next step by half a step more; so noise moves them seldom.
    /// They move away only once the middle of the fresh range is beyond the far end shown: when what was said is no longer
    /// likely, and not before.
    #[must_use]
    pub fn next(previous: Option<Self>, fresh: Range) -> (Self, Change) {
        let anew = Self { low: at_most(fresh.low_s), high: at_least(fresh.high_s) };
        let Some(before) = previous else { return (anew, Change::First) };
        if fresh.low_s.midpoint(fresh.high_s) > before.high_s() {
            return (anew, Change::Later);
        }
        let high = before.high.min(at_least(fresh.high_s.saturating_add(half_below(before.high))));
        let low = before.low.min(at_most(fresh.low_s.saturating_add(half_below(before.low)))).min(high);
        let next = Self { low, high };
        (next, if next == before { Change::Same } else { Change::Sooner })
    }
}

/// The value of a step.
const fn value(step: u8) -> u32 {
    let (mut left, mut from, mut nth) = (step as u32, 0, 0);
    while nth < STEPS.len() {
        let (to, by) = STEPS[nth];
        let steps = (to - from) / by;
        if left <= steps {
            return from + left * by;
        }
        left -= steps;
        from = to;
        nth += 1;
    }
    from
}

/// Half of the step that ends here.
const fn half_below(step: u8) -> u32 {
    (value(step) - value(step.saturating_sub(1))) / 2
}

/// The last step not above; the scale's last for anything beyond.
fn at_most(seconds: u32) -> u8 {
    let (mut first, mut from) = (0, 0);
    for (to, by) in STEPS {
        if seconds < to {
            return (first + (seconds - from) / by) as u8;
        }
        first += (to - from) / by;
        from = to;
    }
    first as u8
}

/// The first step not below.
fn at_least(seconds: u32) -> u8 {
    let step = at_most(seconds);
    if value(step) < seconds { at_most(value(step.saturating_add(1)).max(seconds)) } else { step }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::estimate::LONGEST_S;

    #[test]
    fn the_scale_is_what_it_says() {
        let rounded = |s| (value(at_most(s)), value(at_least(s)));
        assert_eq!(rounded(0), (0, 0));
        assert_eq!(rounded(7), (0, 10));
        assert_eq!(rounded(120), (120, 120));
        assert_eq!(rounded(121), (120, 150));
        assert_eq!(rounded(1_799), (1_740, 1_800));
        assert_eq!(rounded(3_601), (3_600, 3_900));
        assert_eq!(rounded(86_401), (86_400, 100_800));
        assert_eq!(rounded(LONGEST_S), (LONGEST_S, LONGEST_S));
        assert_eq!(rounded(u32::MAX), (LONGEST_S, LONGEST_S));
        assert!((1..=at_most(LONGEST_S)).all(|step| value(step) > value(step - 1)));
    }

    proptest! {
        #[test]
        fn what_is_shown_first_holds_the_estimate(low_s in 0..=LONGEST_S, over in 0..=LONGEST_S) {
            let fresh = Range { low_s, high_s: low_s.saturating_add(over).min(LONGEST_S) };
            let (shown, change) = Shown::next(None, fresh);
            prop_assert_eq!(change, Change::First);
            prop_assert!(shown.low_s() <= fresh.low_s && fresh.high_s <= shown.high_s());
        }

        /// Whatever comes: an end moves away only with the reason told, and the middle of the estimate is never beyond the far end.
        #[test]
        fn ends_move_away_only_with_a_reason(fresh in prop::collection::vec((0u32..9_000, 0u32..9_000), 1..60)) {
            let mut shown: Option<Shown> = None;
            for (low_s, over) in fresh {
                let fresh = Range { low_s, high_s: low_s + over };
                let (next, change) = Shown::next(shown, fresh);
                prop_assert!(next.low_s() <= next.high_s());
                prop_assert!(fresh.low_s.midpoint(fresh.high_s) <= next.high_s());
                if let Some(before) = shown {
                    let away = next.low_s() > before.low_s() || next.high_s() > before.high_s();
                    prop_assert!(!away || change == Change::Later);
                    prop_assert_eq!(next == before, change == Change::Same);
                }
                shown = Some(next);
            }
        }
    }
}
