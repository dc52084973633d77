//! What a change of the knobs would do, before it is made: the sale run on in virtual time, with and without it.
//!
//! The run lets people in by the same [`Tuning::in_force`], [`crate::pacing::allowed`] and [`crate::pacing::served`] as the
//! real loop. What it cannot know is drawn from the measured [`Behaviour`], the same for both runs (common random numbers), so
//! that their difference is the change's alone. Everybody is taken to be present while they wait; who does not come shows as
//! `show_up`. Seats count, not which ones: a party takes as many as it is, in order, and one for whom too few can still come
//! free is asked to take those, one party after the other. Who needs an accessible seat is not told from the others.

mod run;

#[cfg(test)]
mod tests;

use crate::pacing::{Brake, Tuning};
use run::Run;

/// A forecast looks no further ahead than this.
pub const HORIZON_MS: i64 = 7 * 24 * 3_600_000;

/// A distribution of times by its deciles: the least, then what a tenth is below, … and the greatest, ascending, in
/// milliseconds; straight lines between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread(pub [u32; 11]);

impl Spread {
    /// What this share of all is below; the share from 0 to 1.
    #[must_use]
    pub fn at(&self, share: f64) -> u32 {
        let place = share.clamp(0.0, 1.0) * 10.0;
        let nth = (place as usize).min(9);
        let (from, to) = (f64::from(self.0[nth]), f64::from(self.0[nth + 1]));
        (from + (to - from) * (place - nth as f64)) as u32
    }
}

/// How fans of this sale have behaved; the defaults are for a sale of which nothing was measured yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// The share of those let in who come, 0 to 1; 0.9.
    pub show_up: f64,
    /// The share of those who come who pay, 0 to 1; 0.7.
    pub conversion: f64,
    /// The share of those who come and do not pay whose hold lapses, 0 to 1; the others give it back. 0.5.
    pub lapse: f64,
    /// From having seats to having paid; about two minutes.
    pub paid_after: Spread,
    /// From having seats to giving them back; about a minute and a half.
    pub released_after: Spread,
    /// From having seats to the lapse; eight minutes. Nothing takes longer.
    pub lapsed_after: Spread,
    /// The share of those asked to take what is left who do, 0 to 1; 0.5.
    pub agree: f64,
    /// Seats a party asks for on average, of those who join later; 2.
    pub mean_party: f64,
    /// Parties who will join per minute; 0.
    pub joins_per_minute: f64,
}

impl Default for Behaviour {
    fn default() -> Self {
        let seconds = |deciles: [u32; 11]| Spread(deciles.map(|s| s * 1_000));
        Self {
            show_up: 0.9,
            conversion: 0.7,
            lapse: 0.5,
            paid_after: seconds([15, 40, 60, 80, 100, 120, 150, 180, 230, 300, 480]),
            released_after: seconds([5, 15, 25, 40, 60, 90, 120, 160, 210, 280, 420]),
            lapsed_after: Spread([480_000; 11]),
            agree: 0.5,
            mean_party: 2.0,
            joins_per_minute: 0.0,
        }
    }
}

/// A hold as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Its seats.
    pub seats: u8,
    /// Until its deadline, in milliseconds.
    pub remaining_ms: u32,
}

/// The sale as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Now, in milliseconds since 1970, as are the next two.
    pub now_ms: i64,
    /// When it opens, or opened.
    pub opens_at_ms: i64,
    /// When it closes.
    pub closes_at_ms: i64,
    /// Who was let in during the last minute: how long ago in milliseconds, and how many; in any order.
    pub recent: &'a [(u32, u32)],
    /// Who holds seats.
    pub holding: &'a [Holding],
    /// The parties that were let in and have no seats yet, in order.
    pub standing: &'a [u8],
    /// The parties that wait, in order: how many seats each asks for.
    pub waiting: &'a [u8],
    /// Seats that nobody has and anybody may.
    pub free: u32,
    /// Seats that nobody has and that are kept for those who need an accessible one: here anybody's once nothing else is free or
    /// held. Those of a section or a tier may be so earlier, and those that are never released are left out.
    pub accessible: u32,
    /// How long free seats that alone are not enough are kept for the first who stands, once, in milliseconds.
    pub gather_ms: u32,
    /// How long who can get nothing that fits may think about what else is left, in milliseconds; taken to be evenly spread.
    pub answer_ms: u32,
    /// The automatic brake as it is, by the same clock as `now_ms`. It comes back by the rules of each tuning, since the booking
    /// path is taken to be well from now on; without rules it is gone.
    pub brake: Brake,
}

/// Waits over those who wait now and are reached, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// A tenth waits no longer.
    pub p10_s: u32,
    /// Half waits no longer.
    pub p50_s: u32,
    /// Nine tenths wait no longer.
    pub p90_s: u32,
}

/// A time as a range over the runs, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The earliest.
    pub low_ms: i64,
    /// The middle one.
    pub median_ms: i64,
    /// The latest.
    pub high_ms: i64,
}

/// What is to be expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// How long those who wait now will wait; nothing if nobody is reached.
    pub waits: Option<Waits>,
    /// The share of those who wait now who are not let in before the seats run out, the sale closes or the horizon is reached.
    pub unreached: f64,
    /// When the last seat is paid; nothing if that happens in fewer than half of the runs.
    pub sold_out_at: Option<Span>,
    /// The most let in within a second.
    pub peak_per_second: u32,
    /// The most let in within a minute.
    pub peak_per_minute: u32,
    /// The most admitted, holding or paying at once.
    pub peak_active: u32,
}

/// A change and its consequences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preview {
    /// If nothing is changed.
    pub without: Forecast,
    /// If it is.
    pub with: Forecast,
    /// How many fans' waits move by more than was asked, or are reached in only one of the two.
    pub moved: u64,
    /// How many runs each forecast is from: fewer for longer lines, so that the answer is as quick.
    pub runs: u32,
}

/// Runs the sale on from `situation` under both tunings and compares them. `moved_percent` says which change of a wait counts.
/// The same arguments give the same answer.
#[must_use]
pub fn preview(
    situation: &Situation<'_>,
    now: &Tuning,
    proposed: &Tuning,
    behaviour: &Behaviour,
    moved_percent: u32,
    seed: u64,
) -> Preview {
    let runs = (3_500_000 / (situation.waiting.len() + 100_000)).clamp(1, 9) as u32;
    let all = |tuning: &Tuning| -> Vec<Run> {
        (0..u64::from(runs)).map(|nth| run::run(situation, tuning, behaviour, seed.wrapping_add(nth))).collect()
    };
    let (without, with) = (all(now), all(proposed));
    let moved =
        without[0].waits_ms.iter().zip(&with[0].waits_ms).filter(|(a, b)| moves(**a, **b, moved_percent)).count();
    Preview { without: forecast(situation, &without), with: forecast(situation, &with), moved: moved as u64, runs }
}

fn moves(before_ms: u32, after_ms: u32, percent: u32) -> bool {
    let unreached = [before_ms, after_ms].map(|wait| wait == run::UNREACHED);
    match unreached {
        [true, true] => false,
        [false, false] => {
            let by = u64::from(before_ms.abs_diff(after_ms)) * 100;
            by > u64::from(percent) * u64::from(before_ms.max(1_000))
        }
        _ => true,
    }
}

fn forecast(situation: &Situation<'_>, runs: &[Run]) -> Forecast {
    let middle = |mut values: Vec<u32>| {
        values.sort_unstable();
        values[values.len() / 2]
    };
    let of = |value: fn(&Run) -> u32| middle(runs.iter().map(value).collect());
    let at = |share: f64| middle(runs.iter().map(|run| run.wait_s(share)).collect());
    let mut sold: Vec<i64> = runs.iter().filter_map(|run| run.sold_out_ms).collect();
    sold.sort_unstable();
    let sold_out_at = (!sold.is_empty() && sold.len() * 2 >= runs.len()).then(|| Span {
        low_ms: sold[0],
        median_ms: sold[sold.len() / 2],
        high_ms: sold[sold.len() - 1],
    });
    let reached = of(Run::reached);
    Forecast {
        waits: (reached > 0).then(|| Waits { p10_s: at(0.1), p50_s: at(0.5), p90_s: at(0.9) }),
        unreached: (situation.waiting.len() as f64 - f64::from(reached)) / (situation.waiting.len().max(1) as f64),
        sold_out_at,
        peak_per_second: of(|run| run.peak.last_second),
        peak_per_minute: of(|run| run.peak.last_minute),
        peak_active: of(|run| run.peak_active),
    }
}
