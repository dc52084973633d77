//! That the line moved in order and at its pace, as far as the log alone tells.
//!
//! The log does not tell who was absent before the grace was over, nor which joins a decision had seen. So a place counts
//! as passed only by decisions more than [`VIEW_MS`] after it joined, and being passed is an exception, named with what
//! became of the place; it is a fault only if the place was passed for longer than the grace allows without being skipped.
//! Records are written some milliseconds after the decision, so the pace is judged over windows shorter by [`VIEW_MS`].

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use domain::draw::{DrawStatement, Hex, Numbers};
use domain::order::Class;
use domain::pacing::Ramp;
use store::feed::{Change, SaleNow};

use super::chain::{Log, Record};
use super::{Fault, Report};

/// How old what a decision saw may be, in milliseconds.
const VIEW_MS: i64 = 1_000;
/// How much longer than the grace an absent place may keep the head, in milliseconds: a lease's end and the next holder's start.
const GRACE_SLACK_MS: i64 = 10_000;
const WINDOW_MS: i64 = 60_000 - VIEW_MS;
/// Exceptions told, at most.
const TOLD: usize = 1_000;

/// A place's rank: class, number, entry.
type Key = (u8, i64, i64);

/// Replays the line.
pub fn check(log: &Log, report: &mut Report) {
    let mut replay = Replay::default();
    let mut joins = log.joins.iter().peekable();
    for record in &log.pace {
        // Who had joined well before this was decided can have been seen; the rest comes in when it is named or later.
        while let Some(join) = joins.next_if(|join| join.at_ms <= record.at_ms + VIEW_MS) {
            replay.join(join);
        }
        replay.step(record, report);
    }
    for (key, passed) in std::mem::take(&mut replay.passed) {
        passed.tell(key.2, "still waits", i64::MAX, report);
    }
}

/// What is wrong if the line went by another draw than the one published.
pub fn other_draw(log: &Log, draw: &DrawStatement) -> Option<Fault> {
    let published = (draw.roster.size, draw.seed.0);
    let used = log.pace.iter().find_map(|record| {
        let drawn = |change: &Change| match change {
            Change::Drawn { size, seed } => Some((*size, *seed)),
            _ => None,
        };
        record.changes.iter().find_map(drawn).map(|used| (record.version, used))
    });
    let (version, what) = match used {
        Some((_, used)) if used == published => return None,
        Some((version, (size, seed))) => (
            version,
            format!("the lobby was drawn by the seed {} for {size} entries, not by the published draw", Hex(seed)),
        ),
        None => (0, "the line was not drawn, though a draw was published".to_owned()),
    };
    Some(Fault { part: "pace", version, what })
}

/// A place that others were preferred to.
struct Passed {
    version: i64,
    since_ms: i64,
    last_ms: i64,
    by: i64,
}

impl Passed {
    fn tell(&self, entry: i64, fate: &str, version: i64, report: &mut Report) {
        if report.exceptions.len() < TOLD {
            let when = if version == i64::MAX { String::new() } else { format!(" at version {version}") };
            let what = format!("entry {} was let in before entry {entry}, which {fate}{when}", self.by);
            report.exceptions.push(Fault { part: "pace", version: self.version, what });
        }
    }
}

/// A rate and its schedule while they were in force, in milliseconds since 1970.
struct Rate {
    from_ms: i64,
    until_ms: i64,
    per_minute: u32,
    ramp: Ramp,
}

#[derive(Default)]
struct Replay {
    now: Option<SaleNow>,
    drawn: bool,
    numbers: Option<Numbers>,
    last: i64,
    classes: HashMap<i64, u8>,
    /// When each place that waits became one that can be passed.
    waiting: BTreeMap<Key, i64>,
    skipped: BTreeSet<i64>,
    /// Admitted or left.
    gone: BTreeSet<i64>,
    passed: BTreeMap<Key, Passed>,
    /// Admissions of the last window: when and how many.
    recent: VecDeque<(i64, u64)>,
    in_recent: u64,
    /// The settings' rates with their ramps, and from when to when they held, oldest first; the last is in force.
    rates: Vec<Rate>,
    /// When the settings last changed, and what they were.
    before: Option<(i64, SaleNow)>,
}

impl Replay {
    fn key(&self, entry: i64) -> Key {
        let class = self.classes.get(&entry).copied().unwrap_or(Class::GENERAL.0);
        let number = self.numbers.as_ref().map_or(entry, |numbers| numbers.number(entry));
        (class, number, entry)
    }

    fn join(&mut self, record: &Record) {
        for change in &record.changes {
            if let Change::Joined { last, classes } = change {
                self.classes.extend(classes.iter().copied());
                for entry in self.last + 1..=*last {
                    self.waiting.insert(self.key(entry), record.at_ms + VIEW_MS);
                }
                self.last = self.last.max(*last);
            }
        }
    }

    fn out(&mut self, entry: i64, fate: &str, version: i64, report: &mut Report) {
        let key = self.key(entry);
        self.waiting.remove(&key);
        self.skipped.remove(&entry);
        if let Some(passed) = self.passed.remove(&key) {
            passed.tell(entry, fate, version, report);
        }
    }

    fn step(&mut self, record: &Record, report: &mut Report) {
        let (version, at_ms) = (record.version, record.at_ms);
        for change in &record.changes {
            match change {
                Change::Sale(now) => {
                    let old = self.now.replace(now.clone());
                    if let Some(rate) = self.rates.last_mut() {
                        rate.until_ms = at_ms;
                    }
                    let ramp = now.ramp.as_ref().and_then(|ramp| ramp.rules().ok()).unwrap_or_default();
                    let per_minute = now.rate_per_minute;
                    self.rates.push(Rate { from_ms: at_ms, until_ms: i64::MAX, per_minute, ramp });
                    self.before = old.map(|old| (at_ms, old));
                }
                Change::Drawn { size, seed } => self.draw(*size, seed, version, report),
                Change::Put { entry, class } => {
                    self.out(*entry, "was put elsewhere by an operator", version, report);
                    self.gone.remove(entry);
                    self.classes.insert(*entry, *class);
                    self.waiting.insert(self.key(*entry), at_ms + VIEW_MS);
                    let what = format!("an operator put entry {entry} into class {class}");
                    report.exceptions.push(Fault { part: "pace", version, what });
                }
                Change::Left { entry, removed } => {
                    self.out(*entry, if *removed { "was taken out by an operator" } else { "left" }, version, report);
                    self.gone.insert(*entry);
                    if *removed {
                        let what = format!("an operator took entry {entry} out");
                        report.exceptions.push(Fault { part: "pace", version, what });
                    }
                }
                Change::Skipped { entries } => {
                    for entry in entries {
                        self.out(*entry, "was absent and was skipped", version, report);
                        self.skipped.insert(*entry);
                    }
                }
                Change::Admitted { entries, .. } => self.admit(entries, version, at_ms, report),
                _ => {}
            }
        }
    }

    fn draw(&mut self, size: i64, seed: &[u8; 32], version: i64, report: &mut Report) {
        if self.drawn {
            report.faults.push(Fault { part: "pace", version, what: "the lobby was drawn twice".to_owned() });
        }
        self.drawn = true;
        self.numbers = u32::try_from(size).is_ok().then(|| Numbers::draw(seed, size));
        self.waiting =
            std::mem::take(&mut self.waiting).into_iter().map(|(key, since)| (self.key(key.2), since)).collect();
        self.passed =
            std::mem::take(&mut self.passed).into_iter().map(|(key, passed)| (self.key(key.2), passed)).collect();
    }

    fn admit(&mut self, entries: &[i64], version: i64, at_ms: i64, report: &mut Report) {
        let mut found = Vec::new();
        if !entries.is_sorted_by_key(|entry| self.key(*entry)) {
            found.push(format!("{entries:?} were let in, in this order"));
        }
        if !self.may_admit(at_ms) {
            found.push(format!("{entries:?} were let in while nobody was to be"));
        }
        for entry in entries {
            if *entry > self.last || *entry < 1 {
                found.push(format!("entry {entry} was let in before it joined"));
            } else if !self.gone.insert(*entry) {
                found.push(format!("entry {entry} was let in after it was let in before or had left"));
            }
            self.out(*entry, "was let in later", version, report);
        }
        if let Some(last) = entries.iter().map(|entry| self.key(*entry)).max() {
            let presence_ms = self.now.as_ref().map_or(0, |now| now.presence_ms);
            let grace_ms = self.now.as_ref().map_or(0, |now| now.grace_ms) + GRACE_SLACK_MS;
            for (key, since) in self.waiting.range(..last).filter(|(_, since)| **since < at_ms) {
                let passed = self.passed.entry(*key).or_insert(Passed {
                    version,
                    since_ms: at_ms.max(*since),
                    last_ms: at_ms,
                    by: last.2,
                });
                // To be absent a second time takes as long without a sign: whoever was not passed for so long may have been back.
                if at_ms - passed.last_ms >= presence_ms {
                    passed.since_ms = at_ms;
                }
                passed.last_ms = at_ms;
                if passed.last_ms - passed.since_ms > grace_ms {
                    let ms = passed.last_ms - passed.since_ms;
                    found.push(format!(
                        "entry {} was let in before entry {}, which was passed for {ms} ms and not skipped",
                        last.2, key.2
                    ));
                }
                if found.len() > 20 {
                    break;
                }
            }
        }
        report.admitted += entries.len() as u64;
        self.count(entries.len() as u64, at_ms, &mut found, report);
        report.faults.extend(found.into_iter().map(|what| Fault { part: "pace", version, what }));
    }

    /// Whether the sale let people in, now or as of what a decision may have seen.
    fn may_admit(&self, at_ms: i64) -> bool {
        let admits = |now: &SaleNow, at_ms| now.course(self.drawn).state(at_ms).admits();
        let now = self.now.as_ref().is_some_and(|now| admits(now, at_ms) || admits(now, at_ms - VIEW_MS));
        now || self.before.as_ref().is_some_and(|(until, old)| *until > at_ms - VIEW_MS && admits(old, *until))
    }

    fn count(&mut self, admitted: u64, at_ms: i64, found: &mut Vec<String>, report: &mut Report) {
        self.recent.push_back((at_ms, admitted));
        self.in_recent += admitted;
        while let Some((_, old)) = self.recent.pop_front_if(|(at, _)| *at <= at_ms - WINDOW_MS) {
            self.in_recent -= old;
        }
        let from_ms = at_ms - 60_000;
        self.rates.retain(|rate| rate.until_ms > from_ms);
        let highest =
            |rate: &Rate| rate.ramp.highest(rate.per_minute, rate.from_ms.max(from_ms), rate.until_ms.min(at_ms));
        let rate = self.rates.iter().map(highest).max().unwrap_or(0);
        if self.in_recent > u64::from(rate) {
            found.push(format!("{} were let in within a minute, at a rate of {rate}", self.in_recent));
        }
        if report.busiest.is_none_or(|(most, _)| self.in_recent > most) {
            report.busiest = Some((self.in_recent, rate));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place is passed, comes back while nobody is let in, goes away again, and is passed again: no grace was overrun.
    fn passed_at(times: &[i64]) -> Vec<Fault> {
        let now: SaleNow = serde_json::from_value(serde_json::json!({
            "opens_at_ms": 0, "closes_at_ms": 10_000_000, "rate_per_minute": 600, "max_active": 9, "rate_version": 1,
            "grace_ms": 5_000, "presence_ms": 20_000, "pause_reason": null, "sold_out": false
        }))
        .unwrap();
        let record = |version, at_ms, change| Record { version, at_ms, changes: vec![change] };
        let joins = vec![record(1, 0, Change::Joined { last: 9, classes: Vec::new() })];
        let let_in = (2i64..).zip(times).map(|(version, at_ms)| {
            record(version, *at_ms, Change::Admitted { entries: vec![version], parties: vec![1], shops_until_ms: None })
        });
        let pace = std::iter::once(record(1, 0, Change::Sale(now))).chain(let_in).collect();
        let mut report = Report::default();
        check(&Log { joins, pace }, &mut report);
        report.faults
    }

    #[test]
    fn two_short_absences_are_not_a_long_one() {
        assert_eq!(passed_at(&[100_000, 400_000]), []);
        let faults = passed_at(&[100_000, 108_000, 116_000]);
        assert!(
            matches!(&faults[..], [Fault { version: 4, what, .. }] if what.contains("passed for 16000 ms")),
            "{faults:?}"
        );
    }
}
