//! Order of admission: nobody live and present is passed over, and what was decided is what was recorded (invariants 2, 4).

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::history::{History, Tick};
use super::{Check, Look, Query, query};
use crate::feed::Change;

const IN_ORDER: Check = Check { name: "admitted-in-order", invariant: 2 };
const RECORDED: Check = Check { name: "admissions-are-recorded", invariant: 4 };

pub(super) const CHECKS: &[Query] = &[query(
    "admitted-once",
    4,
    "with admission as (select t.sale, e.entry, count(*) as times, min(t.at) as at
                        from pace_tick t join sale s on s.id = t.sale cross join unnest(t.entries) as e(entry)
                        where s.event = $1 group by t.sale, e.entry),
     admitted as (select p.sale, p.entry, p.admitted_at from place p join sale s on s.id = p.sale
                  where s.event = $1 and p.admitted_at is not null)
     select format('sale %s: entry %s was admitted %s times by decisions, and by its place at %s', coalesce(a.sale, p.sale),
                   coalesce(a.entry, p.entry), coalesce(a.times, 0), coalesce(p.admitted_at::text, 'never')) as what
     from admission a full join admitted p on p.sale = a.sale and p.entry = a.entry
     where a.times is distinct from 1 or a.at is distinct from p.admitted_at",
)];

pub(super) fn check(look: &mut Look<'_>, history: &History) {
    let (mut passed, mut unrecorded) = (Vec::new(), Vec::new());
    for (sale, ticks) in &history.ticks {
        let mut line =
            Replay { sale: *sale, gone: HashSet::new(), behind: BTreeSet::new(), reached: 0, presence_ms: 0 };
        let joined: HashMap<i64, i64> = history
            .joins(*sale)
            .iter()
            .flat_map(|record| record.changes.iter().map(|change| (record.version, change)))
            .filter_map(
                |(version, change)| if let Change::Joined { last } = change { Some((version, *last)) } else { None },
            )
            .collect();
        let mut ticks: HashMap<i64, &Tick> = ticks.iter().map(|tick| (tick.version, tick)).collect();
        for record in history.pace(*sale) {
            let decides =
                record.changes.iter().any(|change| matches!(change, Change::Admitted { .. } | Change::Skipped { .. }));
            let tick = ticks.remove(&record.version);
            let entries: Vec<i64> = record
                .changes
                .iter()
                .flat_map(|change| if let Change::Admitted { entries, .. } = change { entries.as_slice() } else { &[] })
                .copied()
                .collect();
            match tick {
                Some(tick) => {
                    if tick.entries != entries || tick.admitted != entries.len() as i64 {
                        unrecorded.push(format!(
                            "sale {sale}: the decision of version {} let in {:?}, and followers were told of {entries:?}",
                            tick.version, tick.entries
                        ));
                    }
                    let seen = joined.get(&tick.joins_seen).copied().unwrap_or(0);
                    if let Some(last) = tick.entries.iter().max().filter(|last| **last > seen) {
                        passed.push(format!(
                            "sale {sale}: version {} let in entry {last}, having seen the line up to {seen}",
                            tick.version
                        ));
                    }
                }
                None if decides => {
                    unrecorded.push(format!("sale {sale}: version {} was told without a decision", record.version));
                }
                None => {}
            }
            for change in &record.changes {
                match change {
                    Change::Sale(now) => line.presence_ms = now.presence_ms,
                    Change::Left { entry } => line.leave(*entry),
                    Change::Admitted { entries, .. } => line.admit(entries, tick, &mut passed),
                    _ => {}
                }
            }
        }
        unrecorded.extend(
            ticks
                .keys()
                .map(|version| format!("sale {sale}: followers were not told of the decision of version {version}")),
        );
    }
    look.found(IN_ORDER, passed);
    look.found(RECORDED, unrecorded);
}

/// Who waits, by the pace lane alone: all that changes it is recorded there.
struct Replay {
    sale: Uuid,
    /// Admitted or left.
    gone: HashSet<i64>,
    /// Entries up to `reached` that still wait.
    behind: BTreeSet<i64>,
    reached: i64,
    presence_ms: i64,
}

impl Replay {
    fn leave(&mut self, entry: i64) {
        self.gone.insert(entry);
        self.behind.remove(&entry);
    }

    fn admit(&mut self, entries: &[i64], tick: Option<&Tick>, found: &mut Vec<String>) {
        let sale = self.sale;
        if !entries.is_sorted() {
            found.push(format!("sale {sale}: {entries:?} were let in, in this order"));
        }
        for entry in entries {
            if self.gone.contains(entry) {
                found.push(format!("sale {sale}: entry {entry} was let in after it was admitted or had left"));
            }
        }
        let last = entries.iter().copied().max().unwrap_or(0);
        self.behind.extend((self.reached + 1..=last).filter(|entry| !self.gone.contains(entry)));
        self.reached = self.reached.max(last);
        for entry in entries {
            self.leave(*entry);
        }
        let excused: HashMap<i64, i64> =
            tick.map(|tick| tick.passed_over.iter().copied().collect()).unwrap_or_default();
        let at_ms = tick.map_or(0, |tick| tick.at_ms);
        for entry in self.behind.range(..last) {
            match excused.get(entry) {
                Some(seen_ms) if seen_ms + self.presence_ms <= at_ms => {}
                Some(seen_ms) => found.push(format!(
                    "sale {sale}: entry {last} passed entry {entry}, which had been seen {} ms before",
                    at_ms - seen_ms
                )),
                None => found.push(format!(
                    "sale {sale}: entry {last} passed entry {entry}, which waited and was not looked at"
                )),
            }
            if found.len() > super::TOLD {
                return;
            }
        }
    }
}
