//! An even flow at a pace.

/// Spreads admissions evenly, without the hard window's memory: a pace that falls is followed at once, without the standstill
/// that a full window would bring, and one that rises without a burst. Below it the hard window alone would let in twice its
/// share for half a minute and then nobody.
///
/// A leaky bucket as a meter (J. Turner, 1986) one second deep, at least two fans, so that a tick that comes late loses
/// nothing: at most that much is made up for, nothing is banked beyond it. It begins with a second's worth, at least one fan.
/// It lives with the holder of the pacing lease; losing it costs no cap, since [`super::allowance`] judges too.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Flow {
    owed: f64,
    at_ms: Option<i64>,
}

impl Flow {
    /// How many more this pace allows at `now_ms`, on a clock that does not go back.
    pub fn up_to(&mut self, per_minute: f64, now_ms: i64) -> u32 {
        let per_minute = if per_minute.is_finite() { per_minute.max(0.0) } else { 0.0 };
        let second = per_minute / 60.0;
        self.owed = self.at_ms.map_or(second.max(1.0), |at| {
            let gone_ms = now_ms.saturating_sub(at).max(0);
            (self.owed + second * gone_ms as f64 / 1_000.0).min(second.max(2.0))
        });
        self.at_ms = Some(self.at_ms.map_or(now_ms, |at| at.max(now_ms)));
        if per_minute > 0.0 { self.owed.max(0.0) as u32 } else { 0 }
    }

    /// So many were let in.
    pub fn let_in(&mut self, admitted: u32) {
        self.owed -= f64::from(admitted);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_flow_is_even_and_follows_the_pace() {
        let mut flow = Flow::default();
        let mut by_second = Vec::new();
        for tick in 0..60 {
            let allowed = flow.up_to(if tick < 30 { 600.0 } else { 150.0 }, tick * 200);
            flow.let_in(allowed);
            if tick % 5 == 0 {
                by_second.push(0);
            }
            *by_second.last_mut().unwrap() += allowed;
        }
        assert_eq!(by_second, [18, 10, 10, 10, 10, 10, 2, 3, 2, 3, 2, 3]);
        assert_eq!(flow.up_to(0.0, 99_000), 0);
        assert_eq!(flow.up_to(f64::NAN, 199_000), 0);
    }

    #[test]
    fn no_pace_is_lost_to_the_ticks() {
        for per_minute in 1..400 {
            let mut flow = Flow::default();
            let mut sum = 0;
            for tick in 0..3_000 {
                let allowed = flow.up_to(f64::from(per_minute), tick * 200);
                flow.let_in(allowed);
                sum += allowed;
            }
            assert!((per_minute * 10..=per_minute * 11).contains(&sum), "{sum} in ten minutes at {per_minute}");
        }
    }

    proptest! {
        /// Never more over any stretch than the pace times its length and one second's worth, at least two.
        #[test]
        fn no_stretch_has_more_than_its_share(
            per_minute in 0.1f64..5_000.0, gaps in prop::collection::vec(-3_000i64..5_000, 1..100), taken in prop::collection::vec(0u32..200, 100)) {
            let mut flow = Flow::default();
            let (mut now_ms, mut latest) = (1_000_000i64, 0i64);
            let mut admitted: Vec<(i64, u32)> = Vec::new();
            for (gap, take) in gaps.into_iter().zip(taken) {
                now_ms += gap;
                latest = latest.max(now_ms);
                let n = flow.up_to(per_minute, now_ms).min(take);
                flow.let_in(n);
                admitted.push((latest, n));
                for (nth, (from, _)) in admitted.iter().enumerate() {
                    let sum: u32 = admitted[nth..].iter().map(|(_, n)| n).sum();
                    let share = per_minute * (latest - from) as f64 / 60_000.0 + (per_minute / 60.0).max(2.0);
                    prop_assert!(f64::from(sum) <= share + 1e-6, "{sum} in {} ms", latest - from);
                }
            }
        }
    }
}
