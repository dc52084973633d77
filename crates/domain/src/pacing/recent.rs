//! What one holder of the pacing lease let in lately, by its own clock.

use std::collections::VecDeque;

use super::Window;

/// A second witness of the window beside the record's: by a clock that does not go back nor is ever stepped, so that a stepped
/// clock of the record alone breaks no cap. It is lost with the lease, and the record's window counts then.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    ticks: VecDeque<(i64, u32)>,
    last_minute: u32,
}

impl Recent {
    /// So many were let in at `now_ms`, of a clock that does not go back.
    pub fn let_in(&mut self, now_ms: i64, admitted: u32) {
        if admitted == 0 {
            return;
        }
        self.forget(now_ms);
        match self.ticks.back_mut() {
            Some((at, n)) if *at >= now_ms => *n = n.saturating_add(admitted),
            _ => self.ticks.push_back((now_ms, admitted)),
        }
        self.last_minute = self.last_minute.saturating_add(admitted);
    }

    /// The last 60 seconds and the last one, both ends included.
    pub fn window(&mut self, now_ms: i64) -> Window {
        self.forget(now_ms);
        let last_second = self.ticks.iter().rev().take_while(|(at, _)| *at >= now_ms - 1_000).map(|(_, n)| n).sum();
        Window { last_minute: self.last_minute, last_second }
    }

    fn forget(&mut self, now_ms: i64) {
        while let Some((_, n)) = self.ticks.pop_front_if(|(at, _)| *at < now_ms - 60_000) {
            self.last_minute -= n;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_window_is_what_a_plain_list_says(ticks in prop::collection::vec((0i64..9_000, 0u32..9), 0..200)) {
            let (mut recent, mut plain, mut now_ms) = (Recent::default(), Vec::new(), 0);
            for (gap, n) in ticks {
                now_ms += gap;
                recent.let_in(now_ms, n);
                plain.push((now_ms, n));
                let sum = |span: i64| plain.iter().filter(|(at, _)| *at >= now_ms - span).map(|(_, n)| n).sum::<u32>();
                prop_assert_eq!(recent.window(now_ms), Window { last_minute: sum(60_000), last_second: sum(1_000) });
            }
        }
    }
}
