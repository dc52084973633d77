//! An event's records and decisions, read once for the checks that replay them.

use std::collections::{BTreeMap, HashMap};

use domain::draw::Numbers;
use domain::order::Class;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Check, Look};
use crate::Result;
use crate::feed::{Change, Lane, LaneKind, Record};

const READABLE: Check = Check { name: "records-are-readable", invariant: 4 };

/// All that was recorded about an event.
pub(super) struct History {
    /// Every lane's records, in order.
    pub lanes: BTreeMap<Lane, Vec<Record>>,
    /// Every published sale's pacing decisions, in order.
    pub ticks: BTreeMap<Uuid, Vec<Tick>>,
    /// Postgres's clock when this was read.
    pub now_ms: i64,
}

/// A pacing decision.
pub(super) struct Tick {
    pub version: i64,
    pub at_ms: i64,
    pub term: i64,
    pub rate_version: i64,
    pub rate_per_minute: i64,
    pub admitted: i64,
    pub entries: Vec<i64>,
    /// Entry, and when it was last seen.
    pub passed_over: Vec<(i64, i64)>,
    /// The joins lane's version behind it.
    pub joins_seen: i64,
}

/// Who goes before whom in a sale, by all that was recorded.
pub(super) struct Ranks {
    classes: HashMap<i64, u8>,
    numbers: Option<Numbers>,
}

impl Ranks {
    /// Class and number of an entry.
    pub fn of(&self, entry: i64) -> (u8, i64) {
        let class = self.classes.get(&entry).copied().unwrap_or(Class::GENERAL.0);
        let number = self.numbers.as_ref().map_or(entry, |numbers| numbers.number(entry));
        (class, number)
    }
}

impl History {
    /// Who goes before whom in a sale.
    pub fn ranks(&self, sale: Uuid) -> Ranks {
        let mut ranks = Ranks { classes: HashMap::new(), numbers: None };
        for change in self.joins(sale).iter().chain(self.pace(sale)).flat_map(|record| &record.changes) {
            match change {
                Change::Joined { classes, .. } => ranks.classes.extend(classes.iter().copied()),
                Change::Put { entry, class } => drop(ranks.classes.insert(*entry, *class)),
                Change::Drawn { size, seed } => ranks.numbers = Some(Numbers::draw(seed, *size)),
                _ => {}
            }
        }
        ranks
    }

    /// A sale's pace lane.
    pub fn pace(&self, sale: Uuid) -> &[Record] {
        self.lane(Lane { scope: sale, kind: LaneKind::Pace })
    }

    /// A sale's joins lane.
    pub fn joins(&self, sale: Uuid) -> &[Record] {
        self.lane(Lane { scope: sale, kind: LaneKind::Joins })
    }

    /// The event's seats lane.
    pub fn seats(&self, event: Uuid) -> &[Record] {
        self.lane(Lane { scope: event, kind: LaneKind::Seats })
    }

    fn lane(&self, lane: Lane) -> &[Record] {
        self.lanes.get(&lane).map_or(&[], Vec::as_slice)
    }
}

pub(super) async fn read(look: &mut Look<'_>) -> Result<History> {
    let now_ms: i64 = sqlx::query_scalar("select to_ms(clock_timestamp())").fetch_one(&mut *look.tx).await?;
    let rows: Vec<(Uuid, String, i64, i64, Value)> = sqlx::query_as(
        "select r.scope, r.kind, r.version, to_ms(r.at), r.changes
         from feed_record r join lane l on l.scope = r.scope and l.kind = r.kind
         where l.event = $1 order by r.scope, r.kind, r.version",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?;
    let mut lanes: BTreeMap<Lane, Vec<Record>> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for (scope, kind, version, at_ms, changes) in rows {
        let decoded: Option<(LaneKind, Vec<Change>)> = LaneKind::parse(&kind).zip(serde_json::from_value(changes).ok());
        let Some((kind, changes)) = decoded else {
            unreadable.push(format!("version {version} of the {kind} lane of {scope}"));
            continue;
        };
        let lane = Lane { scope, kind };
        lanes.entry(lane).or_default().push(Record { lane, version, at_ms, changes });
    }
    look.found(READABLE, unreadable);
    Ok(History { lanes, ticks: ticks(look).await?, now_ms })
}

async fn ticks(look: &mut Look<'_>) -> Result<BTreeMap<Uuid, Vec<Tick>>> {
    type Row = (Uuid, i64, i64, i64, i64, i32, i32, Vec<i64>, Json<Vec<(i64, i64)>>, i64);
    let sales: Vec<Uuid> = sqlx::query_scalar("select id from sale where event = $1 and published")
        .bind(look.event)
        .fetch_all(&mut *look.tx)
        .await?;
    let rows: Vec<Row> = sqlx::query_as(
        "select sale, version, to_ms(at), term, rate_version, rate_per_minute, admitted, entries, passed_over, joins_seen
         from pace_tick where sale = any($1) order by sale, version",
    )
    .bind(&sales)
    .fetch_all(&mut *look.tx)
    .await?;
    let mut ticks: BTreeMap<Uuid, Vec<Tick>> = sales.into_iter().map(|sale| (sale, Vec::new())).collect();
    for (sale, version, at_ms, term, rate_version, rate, admitted, entries, passed_over, joins_seen) in rows {
        ticks.entry(sale).or_default().push(Tick {
            version,
            at_ms,
            term,
            rate_version,
            rate_per_minute: rate.into(),
            admitted: admitted.into(),
            entries,
            passed_over: passed_over.0,
            joins_seen,
        });
    }
    Ok(ticks)
}
