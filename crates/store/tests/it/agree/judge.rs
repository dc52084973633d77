//! The judge: who came when, in true time, and nothing of windows, memories or terms.

use std::collections::HashMap;

use anyhow::ensure;
use domain::draw::Numbers;
use domain::pacing::Tuning;

use super::rules::PRESENCE_MS;
use crate::world::Result;

/// A place as it truly is.
#[derive(Debug, Clone)]
pub struct Place {
    /// Whose; fans are counted.
    pub fan: usize,
    pub class: u8,
    pub state: &'static str,
    pub silent: bool,
    /// The last sign in true time, and as it was noted.
    pub sign_ms: i64,
    pub noted_ms: i64,
}

impl Place {
    pub fn is_live(&self) -> bool {
        self.state != "left"
    }

    pub fn may_go_in(&self) -> bool {
        matches!(self.state, "waiting" | "skipped")
    }
}

#[derive(Default)]
pub struct Judge {
    /// By entry, the first at 0.
    pub places: Vec<Place>,
    pub numbers: Option<Numbers>,
    /// Who was let in, and the highest rate in force since the tick before.
    truth: Vec<(i64, u32, u32)>,
    ahead: HashMap<i64, u64>,
}

impl Judge {
    pub fn place(&mut self, entry: i64) -> &mut Place {
        &mut self.places[entry as usize - 1]
    }

    pub fn entries(&self) -> impl Iterator<Item = (i64, &Place)> {
        (1..).zip(&self.places)
    }

    pub fn live_of(&self, fan: usize) -> Option<i64> {
        self.entries().find(|(_, place)| place.fan == fan && place.is_live()).map(|(entry, _)| entry)
    }

    fn rank(&self, entry: i64) -> (u8, i64) {
        let number = self.numbers.as_ref().map_or(entry, |numbers| numbers.number(entry));
        (self.places[entry as usize - 1].class, number)
    }

    /// These were let in at this time.
    pub fn let_in(
        &mut self,
        admitted: &[i64],
        now_ms: i64,
        opens_at_ms: i64,
        drawn: bool,
        (before, tuning): (u32, &Tuning),
    ) -> Result {
        ensure!(admitted.is_empty() || drawn, "{admitted:?} were let in before the draw");
        ensure!(admitted.is_empty() || now_ms >= opens_at_ms, "{admitted:?} were let in before the opening");
        ensure!(admitted.is_empty() || !tuning.held, "{admitted:?} were let in while everybody was held");
        ensure!(admitted.is_sorted_by_key(|entry| self.rank(*entry)), "{admitted:?} were let in, in this order");
        if let Some(last) = admitted.last() {
            for (entry, place) in self.entries() {
                let passed = place.may_go_in() && self.rank(entry) < self.rank(*last) && !admitted.contains(&entry);
                let ago_ms = now_ms - place.sign_ms;
                ensure!(!passed || ago_ms >= PRESENCE_MS, "{last} passed entry {entry}, seen {ago_ms} ms before");
            }
        }
        let highest = before.max(tuning.ramp.highest(tuning.rate_per_minute, now_ms, now_ms));
        self.truth.push((now_ms, admitted.len() as u32, highest));
        let minute = || self.truth.iter().filter(|(at, ..)| *at > now_ms - 60_000);
        let (count, most) = (minute().map(|(_, n, _)| n).sum::<u32>(), minute().map(|(.., rate)| *rate).max());
        ensure!(Some(count) <= most, "{count} in a minute with at most {most:?}");
        for entry in admitted {
            ensure!(self.place(*entry).may_go_in(), "entry {entry} was let in, and was {}", self.place(*entry).state);
            self.place(*entry).state = "standing";
        }
        let active = self.places.iter().filter(|place| place.state == "standing").count();
        ensure!(admitted.is_empty() || active <= tuning.max_active as usize, "{active} are active");
        Ok(())
    }

    /// How many wait before each who waits, by a plain count. None has more than before, unless there is a `reason`.
    pub fn ahead(&mut self, reason: bool) -> Result<&HashMap<i64, u64>> {
        let mut waiting: Vec<i64> =
            self.entries().filter(|(_, place)| place.state == "waiting").map(|(entry, _)| entry).collect();
        waiting.sort_by_key(|entry| self.rank(*entry));
        let now: HashMap<i64, u64> = waiting.into_iter().zip(0..).collect();
        for (entry, ahead) in &now {
            let before = self.ahead.get(entry).copied().unwrap_or(u64::MAX);
            ensure!(reason || *ahead <= before, "entry {entry} had {before} ahead, and has {ahead}");
        }
        self.ahead = now;
        Ok(&self.ahead)
    }
}
