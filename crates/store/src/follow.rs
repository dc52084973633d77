//! Following an event: a snapshot from Postgres, then every lane's records in order, from Redis as they come and from
//! Postgres where Redis has a gap.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::order::Class;
use redis::AsyncCommands as _;
use redis::streams::StreamReadReply;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::exchanges::ExchangeNow;
use crate::feed::{Ending, HoldNow, HoldState, Lane, LaneKind, Record, hand};
use crate::mirror::{EventMirror, PlaceNow, SaleMirror, Standing};
use crate::redis_door::Keys;
use crate::sale_now::sale_now;
use crate::standing::told_standing;
use crate::{Result, Store, StoreError};

/// How long a follower waits for a ring before it looks by itself.
const POLL: Duration = Duration::from_millis(100);
/// A gap older than this is asked from Postgres.
const GAP_PATIENCE: Duration = Duration::from_millis(50);
/// How often the lanes' ends are compared with Postgres.
const COMPARE: Duration = Duration::from_secs(1);
/// Records taken at once from the stream, and from Postgres per lane.
const BATCH: usize = 1_000;

/// A process's own view of one event, kept current.
pub struct Follower {
    store: Store,
    mirror: EventMirror,
    bell: Arc<Notify>,
    last_id: String,
    /// Records that came before their predecessors, with when the first of a lane's gap was noticed.
    early: HashMap<Lane, (Instant, BTreeMap<i64, Record>)>,
    compared: Instant,
    redis_away: bool,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("event", &self.mirror.event).finish_non_exhaustive()
    }
}

impl Follower {
    /// Takes a snapshot and starts to follow.
    ///
    /// # Errors
    /// When Postgres is away or there is no such event.
    pub async fn start(store: &Store, event: Uuid) -> Result<Self> {
        let bell = store.bells.of(event).await;
        let mut mirror = snapshot(store, event).await?;
        if let Ok(epoch) = store.tend_epoch(event).await {
            mirror.epoch = epoch.number;
            mirror.epoch_since_ms = epoch.since_ms;
        }
        Ok(Self {
            store: store.clone(),
            mirror,
            bell,
            last_id: "0-0".to_owned(),
            early: HashMap::new(),
            compared: Instant::now(),
            redis_away: false,
        })
    }

    /// The event as of now.
    #[must_use]
    pub const fn mirror(&self) -> &EventMirror {
        &self.mirror
    }

    /// Waits for news for at most `patience` and applies them. Answers the records applied, in order within each lane;
    /// none when nothing came.
    ///
    /// # Errors
    /// Only when the snapshot's sales changed and cannot be read, or the stored records contradict themselves. Redis or
    /// Postgres being away is waited out.
    pub async fn next(&mut self, patience: Duration) -> Result<Vec<Record>> {
        let until = Instant::now() + patience;
        loop {
            let bell = self.bell.clone();
            let ring = bell.notified();
            tokio::pin!(ring);
            // Interest is registered before looking, so that no ring is lost in between.
            ring.as_mut().enable();
            let mut applied = Vec::new();
            self.read_stream(&mut applied).await;
            self.repair(&mut applied).await?;
            if !applied.is_empty() || Instant::now() >= until {
                return Ok(applied);
            }
            let wait = until.min(Instant::now() + if self.early.is_empty() { POLL } else { GAP_PATIENCE });
            drop(tokio::time::timeout_at(wait, ring).await);
        }
    }

    async fn read_stream(&mut self, applied: &mut Vec<Record>) {
        let key = Keys(self.mirror.event).feed();
        loop {
            let options = redis::streams::StreamReadOptions::default().count(BATCH);
            let reply: redis::RedisResult<Option<StreamReadReply>> =
                self.store.redis.connection().xread_options(&[&key], &[&self.last_id], &options).await;
            match reply {
                Err(fault) => {
                    if !self.redis_away {
                        tracing::warn!(event = %self.mirror.event, %fault, "Redis is away; following Postgres");
                    }
                    self.redis_away = true;
                    return;
                }
                Ok(reply) => {
                    self.redis_away = false;
                    let ids =
                        reply.map(|r| r.keys.into_iter().flat_map(|k| k.ids).collect::<Vec<_>>()).unwrap_or_default();
                    let full = ids.len() == BATCH;
                    for entry in ids {
                        if let Some(record) = entry.get::<String>("r").as_deref().and_then(Record::decode) {
                            self.take(record, applied);
                        }
                        self.last_id = entry.id;
                    }
                    if !full {
                        return;
                    }
                }
            }
        }
    }

    /// Applies the record if it is its lane's next, keeps it if it came early, drops it if it was seen.
    fn take(&mut self, record: Record, applied: &mut Vec<Record>) {
        let lane = record.lane;
        let Some(version) = self.mirror.version(lane) else { return };
        if record.version <= version {
            return;
        }
        if record.version > version + 1 {
            self.early
                .entry(lane)
                .or_insert_with(|| (Instant::now(), BTreeMap::new()))
                .1
                .insert(record.version, record);
            return;
        }
        self.mirror.apply(&record);
        applied.push(record);
        let Some((_, waiting)) = self.early.get_mut(&lane) else { return };
        let mut next = applied.last().map_or(0, |r| r.version) + 1;
        while let Some(record) = waiting.remove(&next) {
            self.mirror.apply(&record);
            applied.push(record);
            next += 1;
        }
        waiting.retain(|version, _| *version >= next);
        if waiting.is_empty() {
            self.early.remove(&lane);
        }
    }

    async fn repair(&mut self, applied: &mut Vec<Record>) -> Result<()> {
        let stale: Vec<Lane> = self
            .early
            .iter()
            .filter(|(_, (since, _))| since.elapsed() >= GAP_PATIENCE)
            .map(|(lane, _)| *lane)
            .collect();
        for lane in stale {
            self.catch_up(lane, applied).await?;
        }
        let due = if self.redis_away { POLL } else { COMPARE };
        if self.compared.elapsed() < due {
            return Ok(());
        }
        self.compared = Instant::now();
        let ends = match self.store.lane_ends(self.mirror.event).await {
            Ok(ends) => ends,
            Err(fault) if fault.is_away() => return Ok(()),
            Err(fault) => return Err(fault),
        };
        for (lane, end) in ends {
            match self.mirror.version(lane) {
                None => self.adopt_sale(lane.scope).await?,
                Some(version) if version < end => self.catch_up(lane, applied).await?,
                Some(_) => {}
            }
        }
        if let Ok(epoch) = self.store.tend_epoch(self.mirror.event).await
            && epoch.number != self.mirror.epoch
        {
            self.mirror.epoch = epoch.number;
            self.mirror.epoch_since_ms = epoch.since_ms;
            "0-0".clone_into(&mut self.last_id);
        }
        Ok(())
    }

    async fn catch_up(&mut self, lane: Lane, applied: &mut Vec<Record>) -> Result<()> {
        loop {
            let after = self.mirror.version(lane).unwrap_or(0);
            let records = match self.store.records_after(lane, after, BATCH as i64).await {
                Ok(records) => records,
                Err(fault) if fault.is_away() => return Ok(()),
                Err(fault) => return Err(fault),
            };
            if records.is_empty() {
                return Ok(());
            }
            metrics::counter!("usher_feed_repaired_records_total").increment(records.len() as u64);
            let full = records.len() == BATCH;
            for record in records {
                self.take(record, applied);
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// A sale published after the snapshot.
    async fn adopt_sale(&mut self, sale: Uuid) -> Result<()> {
        let outcome = async {
            let mut connection = self.store.pool.acquire().await?;
            let mut tx = begin_snapshot(&mut connection).await?;
            load_sale(&mut tx, self.mirror.event, sale).await
        };
        match outcome.await {
            Ok(Some(loaded)) => {
                self.mirror.sales.insert(sale, loaded);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(fault) if fault.is_away() => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}

pub(crate) async fn begin_snapshot(connection: &mut PgConnection) -> Result<sqlx::Transaction<'_, sqlx::Postgres>> {
    let mut tx = connection.begin().await?;
    sqlx::query("set transaction isolation level repeatable read read only").execute(&mut *tx).await?;
    Ok(tx)
}

/// The event as one snapshot of Postgres has it.
async fn snapshot(store: &Store, event: Uuid) -> Result<EventMirror> {
    let mut connection = store.pool.acquire().await?;
    let mut tx = begin_snapshot(&mut connection).await?;
    let mirror = snapshot_in(&mut tx, event).await?;
    tx.rollback().await?;
    Ok(mirror)
}

/// The event as the snapshot at hand has it.
pub(crate) async fn snapshot_in(tx: &mut PgConnection, event: Uuid) -> Result<EventMirror> {
    let (capacity, epoch): (i32, i64) = sqlx::query_as("select capacity, epoch from event where id = $1")
        .bind(event)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(|| StoreError::Corrupt(format!("there is no event {event}")))?;
    let seats: Option<i64> = sqlx::query_scalar("select version from lane where scope = $1 and kind = 'seats'")
        .bind(event)
        .fetch_optional(&mut *tx)
        .await?;
    let taken: i64 = sqlx::query_scalar("select count(*) from hold_seat where event = $1 and live")
        .bind(event)
        .fetch_one(&mut *tx)
        .await?;
    let taken_by: Vec<(Uuid, i64)> = sqlx::query_as(
        "select b.sale, count(*) from hold_seat h join booking b on b.id = h.booking where h.event = $1 and h.live group by b.sale",
    )
    .bind(event)
    .fetch_all(&mut *tx)
    .await?;
    let mut mirror = EventMirror {
        event,
        epoch,
        epoch_since_ms: 0,
        capacity: capacity as u32,
        sales: HashMap::new(),
        holds: HashMap::new(),
        taken: taken as u32,
        taken_by: taken_by.into_iter().map(|(sale, taken)| (sale, taken as u32)).collect(),
        seats: seats.unwrap_or(0),
    };
    let sales: Vec<Uuid> = sqlx::query_scalar("select id from sale where event = $1 and published")
        .bind(event)
        .fetch_all(&mut *tx)
        .await?;
    for sale in sales {
        if let Some(loaded) = load_sale(tx, event, sale).await? {
            mirror.sales.insert(sale, loaded);
        }
    }
    type Hold = (Uuid, Uuid, i64, String, i64, bool, bool, bool, Option<String>, Vec<i32>);
    let holds: Vec<Hold> = sqlx::query_as(
        "select b.id, b.sale, b.entry, b.state, to_ms(b.deadline), b.declined, b.extended, b.pinned_until is not null, b.exchange,
                array(select seat from hold_seat s where s.booking = b.id and s.live order by seat)
         from booking b where b.event = $1 and b.state in ('held', 'paying', 'capturing')",
    )
    .bind(event)
    .fetch_all(&mut *tx)
    .await?;
    for (booking, sale, entry, state, deadline_ms, declined, extended, pinned, exchange, seats) in holds {
        let state = match (state.as_str(), pinned) {
            ("held", _) => HoldState::Held,
            ("paying", false) => HoldState::Paying,
            ("paying", true) => HoldState::Pinned,
            _ => HoldState::Capturing,
        };
        let seats = seats.into_iter().map(|seat| seat as u32).collect();
        let exchange = ExchangeNow::of(exchange.as_deref());
        let hold = HoldNow { booking, sale, entry, seats, state, deadline_ms, declined, extended, exchange };
        mirror.holds.insert(booking, hold);
    }
    Ok(mirror)
}

async fn load_sale(tx: &mut PgConnection, event: Uuid, sale: Uuid) -> Result<Option<SaleMirror>> {
    let Some(now) = sale_now(tx, sale).await? else { return Ok(None) };
    let mut loaded = SaleMirror::new(now);
    let lanes: Vec<(String, i64)> =
        sqlx::query_as("select kind, version from lane where scope = $1").bind(sale).fetch_all(&mut *tx).await?;
    for (kind, version) in lanes {
        match LaneKind::parse(&kind) {
            Some(LaneKind::Joins) => loaded.joins = version,
            Some(LaneKind::Pace) => loaded.pace = version,
            _ => {}
        }
    }
    let next: Option<i64> =
        sqlx::query_scalar("select next_entry from line where sale = $1").bind(sale).fetch_optional(&mut *tx).await?;
    loaded.order.join_through(next.unwrap_or(1) - 1);
    let classes: Vec<(i64, i16)> = sqlx::query_as("select entry, class from place where sale = $1 and class <> 10")
        .bind(sale)
        .fetch_all(&mut *tx)
        .await?;
    for (entry, class) in classes {
        loaded.order.classify(entry, Class(class as u8));
    }
    let draw: Option<(i64, Vec<u8>)> =
        sqlx::query_as("select size, seed from draw where sale = $1 and drawn_at is not null")
            .bind(sale)
            .fetch_optional(&mut *tx)
            .await?;
    if let Some((size, seed)) = draw {
        let seed = seed.try_into().map_err(|_| StoreError::Corrupt(format!("the seed of sale {sale}")))?;
        loaded.draw(&seed, size);
    }
    let booked: Vec<(i64, Uuid)> =
        sqlx::query_as("select entry, id from booking where event = $1 and sale = $2 order by id")
            .bind(event)
            .bind(sale)
            .fetch_all(&mut *tx)
            .await?;
    let booked: HashMap<i64, Uuid> = booked.into_iter().collect();
    let moved: Vec<(i64, String)> =
        sqlx::query_as("select entry, state from place where sale = $1 and state <> 'waiting'")
            .bind(sale)
            .fetch_all(&mut *tx)
            .await?;
    for (entry, state) in moved {
        // Whoever was put back and then left, or was not served, ended without one, whatever came before.
        let booking =
            booked.get(&entry).copied().filter(|_| !matches!(state.as_str(), "left" | "removed" | "sold_out" | "idle"));
        let standing = match state.as_str() {
            "skipped" => Standing::Skipped,
            "standing" => {
                loaded.standing.insert(loaded.order.rank(entry), entry);
                Standing::Standing
            }
            "holding" => {
                loaded.holding += 1;
                Standing::Holding(
                    booking.ok_or_else(|| StoreError::Corrupt(format!("place {entry} holds without a booking")))?,
                )
            }
            over => Standing::Ended(
                ending(over).ok_or_else(|| StoreError::Corrupt(format!("place state {over:?}")))?,
                booking,
            ),
        };
        if standing == Standing::Skipped {
            loaded.order.skip(entry);
        } else {
            loaded.order.remove(entry);
        }
        loaded.places.insert(entry, PlaceNow { standing, changed_at_ms: 0 });
    }
    loaded.told = told_standing(tx, sale).await?;
    let taken_over: Vec<(i64, Uuid)> = sqlx::query_as(
        "select entry, fan from place where sale = $1 and id in (select place from place_transfer where used_at is not null)",
    )
    .bind(sale)
    .fetch_all(&mut *tx)
    .await?;
    loaded.hands = taken_over.into_iter().map(|(entry, fan)| (entry, hand(fan))).collect();
    let ticks: Vec<(i64, i32)> = sqlx::query_as(
        "select to_ms(at), admitted from pace_tick where sale = $1 and at > clock_timestamp() - interval '2 minutes' order by version",
    )
    .bind(sale)
    .fetch_all(&mut *tx)
    .await?;
    loaded.admissions = ticks.into_iter().map(|(at, n)| (at, n as u32)).collect();
    Ok(Some(loaded))
}

pub(crate) fn ending(state: &str) -> Option<Ending> {
    Some(match state {
        "booked" => Ending::Booked,
        "lapsed" => Ending::Lapsed,
        "released" => Ending::Released,
        "failed" => Ending::Failed,
        "left" => Ending::Left,
        "removed" => Ending::Removed,
        "sold_out" => Ending::SoldOut,
        "idle" => Ending::Idle,
        "refunded" => Ending::Refunded,
        _ => return None,
    })
}

pub(crate) const fn ending_name(how: Ending) -> &'static str {
    match how {
        Ending::Booked => "booked",
        Ending::Lapsed => "lapsed",
        Ending::Released => "released",
        Ending::Failed => "failed",
        Ending::Left => "left",
        Ending::Removed => "removed",
        Ending::SoldOut => "sold_out",
        Ending::Idle => "idle",
        Ending::Refunded => "refunded",
    }
}

impl Store {
    /// Events with a published sale that is not long over: whom the roles follow.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn running_events(&self) -> Result<Vec<Uuid>> {
        Ok(sqlx::query_scalar(
            "select distinct event from sale where published and coalesce(wait_ends_at, closes_at) > (select clock_timestamp() - interval '1 hour')
               and exists (select from lane where scope = sale.id)",
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
