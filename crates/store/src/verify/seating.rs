//! Order of seating: no seat goes past a standing place that could take it (invariant 2).

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::seats::{Choice, Free, Hall, Wish, choose};
use uuid::Uuid;

use super::history::{History, Ranks};
use super::{Check, Look};
use crate::feed::{Change, HoldNow, HoldState, Record};
use crate::halls::hall_in;
use crate::joins::Accepts;
use crate::{Result, StoreError};

const PASSED: Check = Check { name: "no-seat-passes-a-standing-place", invariant: 2 };
const ALIKE: Check = Check { name: "seats-offered-in-line-order", invariant: 2 };
const TERMS: Check = Check { name: "seating-terms-ascend", invariant: 2 };

/// A place of a sale, by its entry.
type Key = (Uuid, i64);

pub(super) async fn check(look: &mut Look<'_>, history: &History) -> Result<()> {
    let records = history.seats(look.event);
    let terms = terms(look, records).await?;
    look.found(TERMS, terms);
    let wishes = wishes(look).await?;
    let ranks: HashMap<Uuid, Ranks> = history.ticks.keys().map(|sale| (*sale, history.ranks(*sale))).collect();
    look.found(ALIKE, records.iter().flat_map(|record| out_of_order(record, &wishes, &ranks)).collect::<Vec<_>>());
    let hall = match hall_in(look.tx, look.event).await {
        Ok(hall) => hall,
        // Without seats there is nothing to pass.
        Err(StoreError::Corrupt(_)) => return Ok(()),
        Err(fault) => return Err(fault),
    };
    let view_ms = look.allowance.view_ms + look.allowance.slack_ms;
    look.found(PASSED, passed(history, records, &wishes, &ranks, &hall, view_ms));
    Ok(())
}

/// The new holds of a record, by sale. A late payment that takes its own seats again is none.
fn offered(record: &Record) -> BTreeMap<Uuid, Vec<&HoldNow>> {
    let mut offered: BTreeMap<Uuid, Vec<&HoldNow>> = BTreeMap::new();
    for change in &record.changes {
        if let Change::Held(hold) = change
            && hold.state == HoldState::Held
        {
            offered.entry(hold.sale).or_default().push(hold);
        }
    }
    offered
}

fn out_of_order(record: &Record, wishes: &HashMap<Key, Wish>, ranks: &HashMap<Uuid, Ranks>) -> Vec<String> {
    let mut found = Vec::new();
    for (sale, holds) in offered(record) {
        let Some(ranks) = ranks.get(&sale) else { continue };
        let mut last: HashMap<Wish, i64> = HashMap::new();
        for hold in holds {
            let Some(wish) = wishes.get(&(sale, hold.entry)) else { continue };
            if let Some(before) = last.insert(*wish, hold.entry)
                && ranks.of(before) > ranks.of(hold.entry)
            {
                found.push(format!(
                    "sale {sale}: version {} of the seats lane seats entry {before} before entry {}, who wishes the same",
                    record.version, hold.entry
                ));
            }
        }
    }
    found
}

/// When an admitted place began to stand, and when it left.
struct Stood {
    entry: i64,
    since_ms: i64,
    left_ms: i64,
}

/// The admitted places by rank.
fn standing(history: &History, ranks: &HashMap<Uuid, Ranks>) -> BTreeMap<(Uuid, (u8, i64)), Stood> {
    let mut standing = BTreeMap::new();
    for (sale, ranks) in ranks {
        for record in history.pace(*sale) {
            for change in &record.changes {
                match change {
                    Change::Admitted { entries, .. } => {
                        let stood = |entry: &i64| Stood { entry: *entry, since_ms: record.at_ms, left_ms: i64::MAX };
                        standing.extend(entries.iter().map(|entry| ((*sale, ranks.of(*entry)), stood(entry))));
                    }
                    Change::Left { entry, .. } => {
                        standing.entry((*sale, ranks.of(*entry))).and_modify(|stood| stood.left_ms = record.at_ms);
                    }
                    // What it wished for before is not known any more.
                    Change::Wished { entry } => {
                        standing.entry((*sale, ranks.of(*entry))).and_modify(|stood| stood.since_ms = record.at_ms);
                    }
                    _ => {}
                }
            }
        }
    }
    standing
}

/// What a party could take of these seats alone.
fn could_take(hall: &Hall, wish: &Wish, seats: impl Iterator<Item = u32>) -> Option<Choice> {
    let mut gone = Free::none_of(hall);
    // Kept seats are always there only for parties that need an accessible one.
    for seat in seats.filter(|seat| wish.accessible || !hall.reserves(*seat)) {
        gone.give(seat);
    }
    choose(hall, &gone, wish, 0)
}

/// Seats that went to places behind one which stood, was known to stand, and could have taken them with nothing else. Who
/// exchanges is behind everybody who stands, in all the event's sales.
fn passed(
    history: &History,
    records: &[Record],
    wishes: &HashMap<Key, Wish>,
    ranks: &HashMap<Uuid, Ranks>,
    hall: &Hall,
    view_ms: i64,
) -> Vec<String> {
    let mut standing = standing(history, ranks);
    let rank = |sale: &Uuid, entry: i64| ranks.get(sale).map_or((0, 0), |ranks| ranks.of(entry));
    let mut found = Vec::new();
    let mut asked_for_others: HashSet<Uuid> = HashSet::new();
    for record in records {
        let offered = offered(record);
        let mut exchanged_for: Vec<u32> = Vec::new();
        // Whoever was seated or refused in this very decision was not passed by it.
        for change in &record.changes {
            match change {
                Change::Held(hold) => drop(standing.remove(&(hold.sale, rank(&hold.sale, hold.entry)))),
                Change::Unserved { sale, entry } => drop(standing.remove(&(*sale, rank(sale, *entry)))),
                Change::ExchangeAsked { booking, .. } => {
                    asked_for_others.insert(*booking);
                }
                Change::Exchanged { booking, taken, .. } if asked_for_others.contains(booking) => {
                    exchanged_for.extend(taken);
                }
                _ => {}
            }
        }
        let known = |stood: &Stood| stood.since_ms <= record.at_ms - view_ms && stood.left_ms > record.at_ms;
        let mut alike: HashSet<Wish> = HashSet::new();
        for ((sale, _), stood) in standing.iter().filter(|(_, stood)| !exchanged_for.is_empty() && known(stood)) {
            let Some(wish) = wishes.get(&(*sale, stood.entry)).filter(|wish| alike.insert(**wish)) else { continue };
            if let Some(choice) = could_take(hall, wish, exchanged_for.iter().copied()) {
                found.push(format!(
                    "sale {sale}: version {} of the seats lane exchanges for seats past entry {}, which stood for {} ms and could take {:?}",
                    record.version,
                    stood.entry,
                    record.at_ms - stood.since_ms,
                    choice.seats
                ));
            }
        }
        for (sale, holds) in offered {
            let Some(last) = holds.iter().map(|hold| rank(&sale, hold.entry)).max() else { continue };
            let mut asked: HashSet<Wish> = HashSet::new();
            for ((_, before), stood) in standing.range((sale, (0, 0))..(sale, last)) {
                let Stood { entry, since_ms, .. } = stood;
                let Some(wish) = wishes.get(&(sale, *entry)).filter(|_| known(stood)) else { continue };
                // More seats went past the first of those who wish alike than past any other.
                if !asked.insert(*wish) {
                    continue;
                }
                let behind = holds.iter().filter(|hold| rank(&sale, hold.entry) > *before);
                if let Some(choice) = could_take(hall, wish, behind.flat_map(|hold| &hold.seats).copied()) {
                    found.push(format!(
                        "sale {sale}: version {} of the seats lane gives seats past entry {entry}, which stood for {} ms and could take {:?}",
                        record.version,
                        record.at_ms - since_ms,
                        choice.seats
                    ));
                }
            }
        }
    }
    found
}

async fn wishes(look: &mut Look<'_>) -> Result<HashMap<Key, Wish>> {
    let rows: Vec<(Uuid, i64, i16, i32, i16)> = sqlx::query_as(
        "select p.sale, p.entry, p.party, p.tiers, p.accepts from place p join sale s on s.id = p.sale
         where s.event = $1 and s.seating = 'assign' and p.admitted_at is not null
           -- One that was put back had another rank before, by which its seats then came.
           and not exists (select from mending m where m.place = p.id and m.action = 'put')",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(sale, entry, party, tiers, accepts)| {
            let Accepts { other_tiers, apart, fewer, accessible } = Accepts::from_bits(accepts);
            (
                (sale, entry),
                Wish { party: party as u8, tiers: tiers.cast_unsigned(), other_tiers, apart, fewer, accessible },
            )
        })
        .collect())
}

async fn terms(look: &mut Look<'_>, records: &[Record]) -> Result<Vec<String>> {
    let term: Option<i64> = sqlx::query_scalar("select term from lease where kind = 'seating' and scope = $1")
        .bind(look.event)
        .fetch_optional(&mut *look.tx)
        .await?;
    // Who picks needs no holder of the seating.
    let terms: HashMap<Uuid, i64> = sqlx::query_as::<_, (Uuid, i64)>(
        "select b.id, b.term from booking b join sale s on s.id = b.sale where b.event = $1 and s.seating = 'assign'",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?
    .into_iter()
    .collect();
    let now = term.unwrap_or(0);
    let mut highest = 0;
    let mut found = Vec::new();
    for record in records {
        for hold in offered(record).into_values().flatten() {
            let Some(term) = terms.get(&hold.booking).copied() else { continue };
            if term < highest || term > now {
                found.push(format!(
                    "booking {} was seated in term {term}, after one of term {highest}; the term now is {now}",
                    hold.booking
                ));
            }
            highest = highest.max(term);
        }
    }
    Ok(found)
}
