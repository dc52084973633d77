//! Order of admission: nobody live and present is passed over, and what was decided is what was recorded (invariants 2, 4).

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::draw::Numbers;
use domain::order::Class;
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
                        -- A place that was put back may be admitted once more.
                        where s.event = $1 and not exists (select from mending m where m.sale = t.sale and m.entry = e.entry
                                                             and m.action = 'put' and m.version > t.version) group by t.sale, e.entry),
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
        let joins: Vec<Batch<'_>> = history
            .joins(*sale)
            .iter()
            .flat_map(|record| record.changes.iter().map(|change| (record.version, change)))
            .filter_map(|(version, change)| match change {
                Change::Joined { last, classes } => Some(Batch { version, last: *last, classes }),
                _ => None,
            })
            .collect();
        let mut line = Replay::new(*sale, joins);
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
                    line.join_through(tick.joins_seen);
                    line.hear(tick);
                    if let Some(last) = tick.entries.iter().max().filter(|last| **last > line.last) {
                        passed.push(format!(
                            "sale {sale}: version {} let in entry {last}, having seen the line up to {}",
                            tick.version, line.last
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
                    Change::Left { entry, .. } => line.leave(*entry),
                    Change::Drawn { size, seed } => line.draw(*size, seed, &mut passed),
                    Change::Put { entry, class } => line.put(*entry, *class),
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

/// A record of the joins lane.
#[derive(Clone, Copy)]
struct Batch<'a> {
    version: i64,
    /// The last entry given.
    last: i64,
    /// Who is not of the general class.
    classes: &'a [(i64, u8)],
}

/// Class, number and entry.
type Key = (u8, i64, i64);

/// Who waits: joins as far as decisions had seen them, and all else by the pace lane, where it is recorded.
struct Replay<'a> {
    sale: Uuid,
    /// The joins lane, not yet seen from `unseen` on.
    joins: Vec<Batch<'a>>,
    unseen: usize,
    last: i64,
    classes: HashMap<i64, u8>,
    numbers: Option<Numbers>,
    /// Class, number and entry of everybody who waits or was skipped, unless they are absent.
    waiting: BTreeSet<Key>,
    /// Of those whom a decision of this term noted as absent; that stands until a later one has seen them.
    absent: BTreeSet<Key>,
    term: i64,
    /// When those were last seen who had been seen too lately to be absent.
    seen_ms: HashMap<i64, i64>,
    /// Admitted or left.
    gone: HashSet<i64>,
    presence_ms: i64,
}

impl<'a> Replay<'a> {
    fn new(sale: Uuid, joins: Vec<Batch<'a>>) -> Self {
        Self {
            sale,
            joins,
            unseen: 0,
            last: 0,
            classes: HashMap::new(),
            numbers: None,
            waiting: BTreeSet::new(),
            absent: BTreeSet::new(),
            term: 0,
            seen_ms: HashMap::new(),
            gone: HashSet::new(),
            presence_ms: 0,
        }
    }

    fn key(&self, entry: i64) -> Key {
        let class = self.classes.get(&entry).copied().unwrap_or(Class::GENERAL.0);
        let number = self.numbers.as_ref().map_or(entry, |numbers| numbers.number(entry));
        (class, number, entry)
    }

    fn join_through(&mut self, version: i64) {
        while let Some(Batch { last, classes, .. }) =
            self.joins.get(self.unseen).filter(|batch| batch.version <= version).copied()
        {
            self.classes.extend(classes.iter().copied());
            for entry in self.last + 1..=last {
                if !self.gone.contains(&entry) {
                    self.waiting.insert(self.key(entry));
                }
            }
            self.last = self.last.max(last);
            self.unseen += 1;
        }
    }

    /// Takes in whom a decision knew to be absent. What a decision of an earlier term noted says nothing any more.
    fn hear(&mut self, tick: &Tick) {
        if tick.term != self.term {
            self.term = tick.term;
            self.waiting.append(&mut self.absent);
        }
        for (entry, seen_ms) in &tick.passed_over {
            let key = self.key(*entry);
            if seen_ms + self.presence_ms > tick.at_ms {
                self.seen_ms.insert(*entry, *seen_ms);
                if self.absent.remove(&key) {
                    self.waiting.insert(key);
                }
            } else if self.waiting.remove(&key) {
                self.absent.insert(key);
            }
        }
    }

    fn leave(&mut self, entry: i64) {
        self.gone.insert(entry);
        self.forget(entry);
    }

    fn forget(&mut self, entry: i64) {
        let key = self.key(entry);
        self.waiting.remove(&key);
        self.absent.remove(&key);
    }

    fn put(&mut self, entry: i64, class: u8) {
        self.forget(entry);
        self.gone.remove(&entry);
        self.classes.insert(entry, class);
        self.waiting.insert(self.key(entry));
    }

    fn draw(&mut self, size: i64, seed: &[u8; 32], found: &mut Vec<String>) {
        if self.numbers.is_some() {
            found.push(format!("sale {}: its lobby was drawn twice", self.sale));
        }
        self.numbers = Some(Numbers::draw(seed, size));
        let all = std::mem::take(&mut self.waiting).into_iter().chain(std::mem::take(&mut self.absent));
        self.waiting = all.map(|(.., entry)| self.key(entry)).collect();
    }

    fn admit(&mut self, entries: &[i64], tick: Option<&Tick>, found: &mut Vec<String>) {
        let sale = self.sale;
        if tick.is_none() {
            self.join_through(i64::MAX);
        }
        if !entries.is_sorted_by_key(|entry| self.key(*entry)) {
            found.push(format!("sale {sale}: {entries:?} were let in, in this order"));
        }
        for entry in entries {
            if self.gone.contains(entry) {
                found.push(format!("sale {sale}: entry {entry} was let in after it was admitted or had left"));
            }
        }
        let Some(last) = entries.iter().map(|entry| self.key(*entry)).max() else { return };
        for entry in entries {
            self.leave(*entry);
        }
        let at_ms = tick.map_or(0, |tick| tick.at_ms);
        for (.., entry) in self.waiting.range(..last) {
            found.push(match self.seen_ms.get(entry) {
                Some(seen_ms) => format!(
                    "sale {sale}: entry {} passed entry {entry}, which had been seen {} ms before",
                    last.2,
                    at_ms - seen_ms
                ),
                None => {
                    format!("sale {sale}: entry {} passed entry {entry}, which waited and was not looked at", last.2)
                }
            });
            if found.len() > super::TOLD {
                return;
            }
        }
    }
}
