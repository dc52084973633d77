//! How many of those let in really come.

/// Fewer than this share is not believed: at most twice the target is let in.
pub const SHOW_UP_LEAST: f64 = 0.5;

/// As many imagined fans who came stand beside the measured ones, so that a few fates decide little and none nothing.
const IMAGINED: f64 = 10.0;

/// The share of admitted fans who come, from those whose fate is known: who came had a hold made for them or gave a sign of
/// their own; who did not was let in and lapsed without any.
///
/// An exponentially weighted average (S. W. Roberts, 1959): a fate counts half as much after [`ShowUp::HALF_LIFE_MS`], so that
/// a sale whose night begins differently than its noon is followed within minutes. The bound on the correction keeps a wrong
/// measurement from letting in more than twice the target.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ShowUp {
    came: f64,
    known: f64,
    at_ms: i64,
}

impl ShowUp {
    /// After so long a fate counts half.
    pub const HALF_LIFE_MS: i64 = 60_000;

    /// Notes fates that became known by `now_ms`, on a clock that does not go back; an earlier time counts as the last one.
    pub fn note(&mut self, now_ms: i64, came: u32, stayed_away: u32) {
        let weight = self.weight(now_ms);
        self.came = self.came * weight + f64::from(came);
        self.known = self.known * weight + f64::from(came) + f64::from(stayed_away);
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// The share of those let in who come, from [`SHOW_UP_LEAST`] to 1; 1 while nothing is known.
    #[must_use]
    pub fn share(&self, now_ms: i64) -> f64 {
        let weight = self.weight(now_ms);
        ((self.came * weight + IMAGINED) / (self.known * weight + IMAGINED)).clamp(SHOW_UP_LEAST, 1.0)
    }

    fn weight(&self, now_ms: i64) -> f64 {
        let age_ms = now_ms.saturating_sub(self.at_ms).max(0);
        (-(age_ms as f64) / Self::HALF_LIFE_MS as f64).exp2()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_share_follows_what_is_measured() {
        let mut measured = ShowUp::default();
        assert!((measured.share(5) - 1.0).abs() < 1e-9, "nothing is known");
        measured.note(1_000, 0, 3);
        assert!(measured.share(1_000) > 0.7, "three fates decide little: {}", measured.share(1_000));
        for second in 1..=300 {
            measured.note(second * 1_000, 8, 2);
        }
        assert!((measured.share(300_000) - 0.8).abs() < 0.01, "{}", measured.share(300_000));
        for second in 301..=600 {
            measured.note(second * 1_000, 1, 9);
        }
        assert!((measured.share(600_000) - SHOW_UP_LEAST).abs() < 1e-9, "never believed to be less");
        assert!(measured.share(600_000 + 20 * ShowUp::HALF_LIFE_MS) > 0.99, "what is old is forgotten");
    }

    proptest! {
        #[test]
        fn the_share_is_bounded(fates in prop::collection::vec((0i64..200_000, 0u32..100, 0u32..100), 0..50)) {
            let mut measured = ShowUp::default();
            for (at_ms, came, not) in fates {
                measured.note(at_ms, came, not);
                prop_assert!((SHOW_UP_LEAST..=1.0).contains(&measured.share(at_ms)));
            }
        }
    }
}
