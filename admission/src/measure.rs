//! What the holder of a pacing lease measures of its sale: whether those let in come, and how the booking path does. It hears
//! the event's lanes like every follower; docs/adr/0012-what-the-brake-reads.md says why this and not more.

use std::collections::{BTreeMap, HashMap, VecDeque};

use domain::pacing::{BREACH_LEAST, BrakeRules, Reading, ShowUp};
use store::feed::{Change, Ending, HoldState, Record};
use store::mirror::{EventMirror, Standing};
use uuid::Uuid;

/// So far back a reading looks, in milliseconds.
const READING_MS: i64 = 10_000;
/// Of each kind at most so many measurements are kept for a reading; the newest.
const KEPT_MAX: usize = 20_000;

/// What was measured of one event's sales.
#[derive(Debug, Default)]
pub struct Measures {
    sales: HashMap<Uuid, SaleMeasure>,
    /// Live holds, with their sales and whether their fans gave a sign.
    holds: HashMap<Uuid, (Uuid, bool)>,
}

/// What was measured of one sale. Times are steady milliseconds.
#[derive(Debug, Default)]
pub struct SaleMeasure {
    show_up: ShowUp,
    /// Counts those let in, in order.
    let_in: u64,
    /// Those let in who have no seats yet, in order.
    standing: BTreeMap<u64, Let>,
    nth: HashMap<i64, u64>,
    /// The last of those let in who was seated.
    seated: u64,
    /// From being let in to having seats.
    seatings: VecDeque<(i64, u32)>,
    failures: VecDeque<i64>,
    /// The store's own decisions: how long, and whether they failed.
    ticks: VecDeque<(i64, u32, bool)>,
}

#[derive(Debug, Clone, Copy)]
struct Let {
    entry: i64,
    party: u8,
    /// When, by Postgres's clock.
    at_ms: i64,
    heard_ms: i64,
}

impl Measures {
    /// Begins with what is already going on.
    pub fn new(mirror: &EventMirror) -> Self {
        let sign = |hold: &store::feed::HoldNow| hold.state != HoldState::Held || hold.extended || hold.declined;
        Self {
            sales: HashMap::new(),
            holds: mirror.holds.iter().map(|(booking, hold)| (*booking, (hold.sale, sign(hold)))).collect(),
        }
    }

    /// A sale's.
    pub fn of(&mut self, sale: Uuid) -> &mut SaleMeasure {
        self.sales.entry(sale).or_default()
    }

    /// Hears what was applied to the mirror just now.
    pub fn hear(&mut self, records: &[Record], mirror: &EventMirror, now_ms: i64) {
        for record in records {
            for change in &record.changes {
                self.hear_one(change, record, mirror, now_ms);
            }
        }
    }

    fn hear_one(&mut self, change: &Change, record: &Record, mirror: &EventMirror, now_ms: i64) {
        match change {
            Change::Admitted { entries, parties, .. } => {
                // How long fans take to pick says nothing of us.
                let Some(sale) = mirror.sales.get(&record.lane.scope).filter(|sale| !sale.now.picks) else { return };
                let measure = self.of(record.lane.scope);
                for (entry, party) in entries.iter().zip(parties) {
                    // The lane of the seats may have been ahead.
                    if sale.place(*entry).standing == Standing::Standing {
                        measure.admitted(Let { entry: *entry, party: *party, at_ms: record.at_ms, heard_ms: now_ms });
                    }
                }
            }
            Change::Left { entry, .. } => self.of(record.lane.scope).forget(*entry),
            // Who is told that seats are kept, or asked about others, stands for want of seats that fit.
            Change::Unserved { sale, entry }
            | Change::Gathers { sale, entry, .. }
            | Change::Asked { sale, entry, .. } => {
                self.of(*sale).forget(*entry);
            }
            Change::Idle { sale, .. } => self.of(*sale).show_up.note(now_ms, 0, 1),
            Change::Held(hold) => {
                self.holds.insert(hold.booking, (hold.sale, false));
                self.of(hold.sale).held(hold.entry, record.at_ms, now_ms);
            }
            // Only a fan's paying or extending moves a hold, and only a fan asks for other seats.
            Change::Moved { booking, .. } | Change::ExchangeAsked { booking, .. } => {
                let Some((sale, signed)) = self.holds.get_mut(booking) else { return };
                let sale = *sale;
                if !std::mem::replace(signed, true) {
                    self.of(sale).show_up.note(now_ms, 1, 0);
                }
            }
            Change::Ended { booking, sale, entry, how, .. } => {
                let signed = self.holds.remove(booking).map(|(_, signed)| signed);
                let measure = self.of(*sale);
                measure.forget(*entry);
                if *how == Ending::Failed {
                    keep(&mut measure.failures, now_ms);
                }
                match (signed, how) {
                    (Some(false), Ending::Lapsed) => measure.show_up.note(now_ms, 0, 1),
                    (Some(false), Ending::Booked | Ending::Released | Ending::Failed | Ending::Refunded) => {
                        measure.show_up.note(now_ms, 1, 0);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

impl SaleMeasure {
    /// The share of those let in who come.
    pub fn show_up(&self, now_ms: i64) -> f64 {
        self.show_up.share(now_ms)
    }

    /// The store took so long for a decision, or failed to make one.
    pub fn ticked(&mut self, now_ms: i64, took_ms: u32, failed: bool) {
        keep(&mut self.ticks, (now_ms, took_ms, failed));
    }

    /// The booking path over the last ten seconds, while this many seats are free; but not from before the brake changed, so that
    /// nothing brakes twice.
    pub fn reading(&mut self, rules: &BrakeRules, free: u32, changed_ms: Option<i64>, now_ms: i64) -> Reading {
        let from_ms = changed_ms.map_or(i64::MIN, |at_ms| at_ms + 1).max(now_ms - READING_MS);
        self.seatings.retain(|(at, _)| *at >= from_ms);
        self.failures.retain(|at| *at >= from_ms);
        self.ticks.retain(|(at, ..)| *at >= from_ms);
        let seatings = self.seatings.iter().map(|(_, ms)| *ms).chain(self.overdue(rules.p99_ms, free, now_ms));
        let kinds: [Vec<u32>; 2] =
            [seatings.collect(), self.ticks.iter().filter(|(.., failed)| !failed).map(|(_, ms, _)| *ms).collect()];
        let enough = |kind: &&Vec<u32>| kind.len() >= rules.least_samples as usize;
        let p99_ms = kinds.iter().filter(enough).map(|kind| p99(kind)).max().unwrap_or(0);
        let errors = self.failures.len() + self.ticks.iter().filter(|(.., failed)| *failed).count();
        let samples = errors + kinds.iter().map(Vec::len).sum::<usize>();
        Reading { at_ms: now_ms, p99_ms, errors: errors as u32, samples: samples as u32 }
    }

    /// Those who have stood for too long though there are seats for all who stand, and nobody behind them was seated: who was
    /// passed by stands for want of seats that fit, not because the path is slow.
    fn overdue(&self, bound_ms: u32, free: u32, now_ms: i64) -> Vec<u32> {
        let behind = || self.standing.range(self.seated + 1..).map(|(_, place)| place);
        if behind().map(|place| u32::from(place.party)).sum::<u32>() > free {
            return Vec::new();
        }
        let age = |place: &Let| u32::try_from(now_ms - place.heard_ms).unwrap_or(0);
        behind().map(age).filter(|age| *age > bound_ms).collect()
    }

    fn admitted(&mut self, place: Let) {
        self.let_in += 1;
        self.nth.insert(place.entry, self.let_in);
        self.standing.insert(self.let_in, place);
    }

    fn held(&mut self, entry: i64, at_ms: i64, now_ms: i64) {
        let Some(nth) = self.nth.remove(&entry) else { return };
        let Some(place) = self.standing.remove(&nth) else { return };
        if nth > self.seated {
            self.seated = nth;
            keep(&mut self.seatings, (now_ms, u32::try_from(at_ms - place.at_ms).unwrap_or(0)));
        }
    }

    fn forget(&mut self, entry: i64) {
        if let Some(nth) = self.nth.remove(&entry) {
            self.standing.remove(&nth);
        }
    }
}

fn keep<T>(kept: &mut VecDeque<T>, one: T) {
    if kept.len() == KEPT_MAX {
        kept.pop_front();
    }
    kept.push_back(one);
}

/// The 99th percentile by nearest rank, but no more than the [`BREACH_LEAST`]th longest; 0 of fewer.
fn p99(of: &[u32]) -> u32 {
    let mut sorted = of.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * 99).div_ceil(100).min((sorted.len() + 1).saturating_sub(BREACH_LEAST as usize));
    rank.checked_sub(1).map_or(0, |nth| sorted[nth])
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: BrakeRules = BrakeRules {
        p99_ms: 1_000,
        errors_per_mille: 20,
        least_samples: 5,
        hold_off_ms: 5_000,
        halvings_max: 4,
        recover_every_ms: 10_000,
        recover_by: 1.25,
    };

    fn let_in(measure: &mut SaleMeasure, entries: std::ops::Range<i64>, at_ms: i64) {
        for entry in entries {
            measure.admitted(Let { entry, party: 2, at_ms, heard_ms: at_ms });
        }
    }

    #[test]
    fn the_time_from_being_let_in_to_having_seats_is_read() {
        let mut measure = SaleMeasure::default();
        let_in(&mut measure, 1..101, 0);
        for entry in 1..101 {
            measure.held(entry, entry * 10, 1_000);
        }
        let reading = measure.reading(&RULES, 50, None, 1_000);
        assert_eq!((reading.p99_ms, reading.samples, reading.errors), (980, 100, 0));
        assert_eq!(measure.reading(&RULES, 50, None, 11_001).samples, 0, "what is old says nothing");
    }

    #[test]
    fn who_stands_for_want_of_fitting_seats_does_not_brake() {
        let mut measure = SaleMeasure::default();
        let_in(&mut measure, 1..11, 0);
        for entry in 6..11 {
            measure.held(entry, 100, 100);
        }
        assert_eq!(measure.reading(&RULES, 500, None, 9_000).p99_ms, 100, "five were passed by");
        for entry in 1..6 {
            measure.held(entry, 9_000, 9_000);
        }
        assert_eq!(measure.reading(&RULES, 500, None, 9_000).p99_ms, 100);
        let_in(&mut measure, 11..21, 9_000);
        assert_eq!(measure.reading(&RULES, 19, None, 11_000).samples, 0, "there are seats for nine of ten only");
        let reading = measure.reading(&RULES, 20, None, 11_000);
        assert_eq!((reading.p99_ms, reading.samples), (2_000, 10), "a path that stands still is slow");
    }

    #[test]
    fn failed_decisions_are_errors_and_slow_ones_slow() {
        let mut measure = SaleMeasure::default();
        for nth in 0..10 {
            measure.ticked(nth, 1_200, nth == 9);
        }
        let reading = measure.reading(&RULES, 0, None, 10);
        assert_eq!((reading.p99_ms, reading.errors, reading.samples), (1_200, 1, 10));
    }
}
