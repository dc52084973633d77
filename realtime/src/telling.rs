//! The wait as one page is told it: a range that does not jump, and what is remembered of it to see how well it was kept.

use contracts::places::{Estimate, EstimateChange, PlaceState};
use domain::estimate::{Change, Range, Shown};

use crate::view::Sight;

/// What was told, to be compared with the wait that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    at_ms: i64,
    ahead: u64,
    shown: Shown,
}

/// A wait that ended: how many were ahead, what was told, and how many seconds it took.
pub type Kept = (u64, Range, u32);

/// What a page was told of its wait.
#[derive(Debug, Default)]
pub struct Telling {
    /// The sale's turn and rate behind it; turn 0 is none yet.
    turn: u64,
    rate_version: i64,
    ahead: u64,
    shown: Option<Shown>,
    first: Option<Told>,
    half: Option<Told>,
}

impl Telling {
    /// Of a page that comes with what it shows already.
    pub fn resumed(seen: Option<Estimate>) -> Self {
        Self { shown: seen.and_then(shown), ..Self::default() }
    }

    /// What to tell now, as of this sight.
    pub fn tell(&mut self, sight: &Sight, now_ms: i64) -> Option<Estimate> {
        let ahead = sight.view.ahead;
        let reason = if self.turn == 0 {
            None
        } else if self.turn != sight.turn {
            Some(EstimateChange::NewState)
        } else if self.rate_version != sight.rate_version {
            Some(EstimateChange::NewRate)
        } else {
            (ahead > self.ahead).then_some(EstimateChange::PutBefore)
        };
        let waits = sight.view.state == PlaceState::Waiting;
        if reason.is_some() || !waits {
            // The wait then has a reason of its own, and says nothing of the estimate.
            (self.first, self.half) = (None, None);
        }
        (self.turn, self.rate_version, self.ahead) = (sight.turn, sight.rate_version, ahead);
        let Some(fresh) = sight.fresh else {
            self.shown = None;
            return None;
        };
        let before = self.shown;
        let (next, change) = Shown::next(before.filter(|_| reason.is_none()), fresh);
        self.shown = Some(next);
        if waits {
            let told = Some(Told { at_ms: now_ms, ahead, shown: next });
            match self.first {
                None => self.first = told,
                Some(first) if self.half.is_none() && first.ahead > 1 && ahead <= first.ahead / 2 => self.half = told,
                Some(_) => {}
            }
        }
        let changed = match change {
            Change::First => reason.filter(|_| before.is_some_and(|before| before != next)),
            change => said(change),
        };
        Some(estimate(next, changed))
    }

    /// The fan was let in at `now_ms`: what was told, each once.
    pub fn let_in(&mut self, now_ms: i64) -> impl Iterator<Item = Kept> + use<> {
        [self.first.take(), self.half.take()].into_iter().flatten().map(move |told| {
            let waited_s = (now_ms - told.at_ms).max(0) / 1_000;
            let range = Range { low_s: told.shown.low_s(), high_s: told.shown.high_s() };
            (told.ahead, range, u32::try_from(waited_s).unwrap_or(u32::MAX))
        })
    }
}

/// The same for an asker of whom nothing is kept, and who says what they saw last.
pub fn answer(seen: Option<Estimate>, fresh: Option<Range>) -> Option<Estimate> {
    let (next, change) = Shown::next(seen.and_then(shown), fresh?);
    Some(estimate(next, said(change)))
}

const fn said(change: Change) -> Option<EstimateChange> {
    match change {
        Change::First | Change::Same => None,
        Change::Sooner => Some(EstimateChange::Sooner),
        Change::Later => Some(EstimateChange::Slower),
    }
}

const fn estimate(shown: Shown, changed: Option<EstimateChange>) -> Estimate {
    Estimate { low_s: shown.low_s(), high_s: shown.high_s(), changed }
}

/// What a page says it shows, on our scale; nothing for what can never have been shown.
fn shown(seen: Estimate) -> Option<Shown> {
    let range = Range { low_s: seen.low_s, high_s: seen.high_s };
    (seen.low_s <= seen.high_s).then(|| Shown::next(None, range).0)
}

#[cfg(test)]
mod tests;
