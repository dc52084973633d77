//! Replay: what followers were told, added up, is what the tables say (invariant 4: nothing told is lost).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

use domain::order::Rank;
use uuid::Uuid;

use super::history::History;
use super::{Check, Look};
use crate::Result;
use crate::feed::{Change, Ending, Record, SaleNow};
use crate::follow::snapshot_in;
use crate::mirror::{EventMirror, PlaceNow, SaleMirror, Standing, Told};

const REPLAY: Check = Check { name: "replay-equals-tables", invariant: 4 };

pub(super) async fn check(look: &mut Look<'_>, history: &History) -> Result<()> {
    let stored = match snapshot_in(look.tx, look.event).await {
        Ok(stored) => stored,
        Err(crate::StoreError::Corrupt(why)) => {
            look.found(REPLAY, [why]);
            return Ok(());
        }
        Err(fault) => return Err(fault),
    };
    let mut told = EventMirror {
        sales: stored.sales.keys().map(|sale| (*sale, unheard_of())).collect(),
        holds: HashMap::new(),
        taken: 0,
        taken_by: HashMap::new(),
        seats: 0,
        ..stored
    };
    // Lane after lane, as a follower may hear them.
    for record in history.lanes.values().flatten() {
        if let Some(fault) = refused(&told, record) {
            look.found(REPLAY, [fault]);
            return Ok(());
        }
        told.apply(record);
    }
    look.found(REPLAY, differences(&told, &stored));
    Ok(())
}

/// Why a record cannot be applied: more seats come free than are taken.
fn refused(told: &EventMirror, record: &Record) -> Option<String> {
    let mut taken = i64::from(told.taken);
    for change in &record.changes {
        match change {
            Change::Held(hold) => taken += hold.seats.len() as i64,
            Change::Exchanged { taken: more, freed, .. } => taken += more.len() as i64 - freed.len() as i64,
            Change::Blocked { seats, .. } => taken += seats.len() as i64,
            Change::Unblocked { seats, .. } => taken -= seats.len() as i64,
            Change::Ended { how, seats, .. } if *how != Ending::Booked => taken -= seats.len() as i64,
            _ => {}
        }
        if taken < 0 {
            return Some(format!("version {} of the seats lane frees more seats than are taken", record.version));
        }
    }
    None
}

/// A sale of which nothing was told yet.
fn unheard_of() -> SaleMirror {
    SaleMirror::new(SaleNow {
        lobby_opens_at_ms: None,
        opens_at_ms: 0,
        closes_at_ms: 0,
        wait_ends_at_ms: None,
        draws: false,
        rate_per_minute: 0,
        max_active: 0,
        target_per_minute: None,
        ramp: None,
        brake: None,
        rate_version: 0,
        grace_ms: 0,
        presence_ms: 0,
        pause_reason: None,
        stopped: false,
        picks: false,
        allotment: None,
        clock_lag_ms: 0,
        frozen: None,
        announcement: None,
        sold_out: false,
    })
}

/// How what followers were told differs from another view of the same versions; times of change aside, which only those
/// know who saw them happen. Empty when they agree.
#[must_use]
pub fn differences(told: &EventMirror, stored: &EventMirror) -> Vec<String> {
    let mut found = Vec::new();
    differ(&mut found, "capacity", &told.capacity, &stored.capacity);
    differ(&mut found, "seats taken", &told.taken, &stored.taken);
    differ(&mut found, "version of the seats lane", &told.seats, &stored.seats);
    for booking in keys(&told.holds, &stored.holds) {
        differ(&mut found, &format!("hold {booking}"), &told.holds.get(&booking), &stored.holds.get(&booking));
    }
    for sale in keys(&told.taken_by, &stored.taken_by) {
        let of = |mirror: &EventMirror| mirror.taken_by.get(&sale).copied().unwrap_or(0);
        differ(&mut found, &format!("sale {sale}: seats taken"), &of(told), &of(stored));
    }
    for sale in keys(&told.sales, &stored.sales) {
        match (told.sales.get(&sale), stored.sales.get(&sale)) {
            (Some(told), Some(stored)) => of_sale(&mut found, sale, told, stored),
            (told, stored) => differ(&mut found, &format!("sale {sale} is known"), &told.is_some(), &stored.is_some()),
        }
    }
    found
}

fn of_sale(found: &mut Vec<String>, sale: Uuid, told: &SaleMirror, stored: &SaleMirror) {
    let mut part = |what: &str, told: &dyn Debug, stored: &dyn Debug| {
        differ(found, &format!("sale {sale}: {what}"), &format!("{told:?}"), &format!("{stored:?}"));
    };
    part("settings", &told.now, &stored.now);
    part("version of the joins lane", &told.joins, &stored.joins);
    part("version of the pace lane", &told.pace, &stored.pace);
    part("last entry", &told.order.last(), &stored.order.last());
    part("waiting", &told.order.waiting(), &stored.order.waiting());
    part("holding", &told.holding, &stored.holding);
    let first = told.order.iter_waiting().zip(stored.order.iter_waiting()).find(|(told, stored)| told != stored);
    part("who waits", &first.map(|(told, _)| told), &first.map(|(_, stored)| stored));
    for entry in keys(&told.places, &stored.places) {
        let standing = |sale: &SaleMirror| {
            sale.places.get(&entry).map_or(Standing::Waiting, |PlaceNow { standing, .. }| *standing)
        };
        part(&format!("entry {entry}"), &standing(told), &standing(stored));
    }
    part("who stands", &difference(&told.standing, &stored.standing), &difference(&stored.standing, &told.standing));
    let said = |sale: &SaleMirror| {
        let said = |told: &Told| (told.gathers_until_ms, told.question.clone(), told.shops_until_ms);
        sale.told.iter().map(|(entry, told)| (*entry, said(told))).collect::<BTreeMap<_, _>>()
    };
    part("what who stands was told", &said(told), &said(stored));
    let skipped = |sale: &SaleMirror| sale.order.iter_skipped().collect::<Vec<_>>();
    part("who was skipped", &skipped(told), &skipped(stored));
    part("whether the lobby is drawn", &told.drawn, &stored.drawn);
    part("how many were drawn", &told.order.drawn(), &stored.order.drawn());
}

fn difference<'a>(a: &'a BTreeMap<Rank, i64>, b: &BTreeMap<Rank, i64>) -> Vec<&'a i64> {
    a.iter().filter(|(rank, place)| b.get(rank) != Some(place)).map(|(_, place)| place).collect()
}

fn keys<K: Ord + Copy, V>(a: &HashMap<K, V>, b: &HashMap<K, V>) -> BTreeSet<K> {
    a.keys().chain(b.keys()).copied().collect()
}

fn differ<T: PartialEq + Debug>(found: &mut Vec<String>, what: &str, told: &T, stored: &T) {
    if told != stored {
        found.push(format!("{what}: told {told:?}, stored {stored:?}"));
    }
}
