//! Sales: made, edited, published and read.

use std::collections::HashMap;

use domain::sale::{Course, State};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::allotments::{Clash, clash};
use crate::entry::Entry;
use crate::holds::outbox;
use crate::pace::record_sale;
use crate::{Result, Store};

/// What a promoter writes about a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the contracts' draft, documented there")]
pub struct SaleDraft {
    pub name: String,
    pub lobby_opens_at_ms: Option<i64>,
    pub opens_at_ms: i64,
    pub closes_at_ms: i64,
    pub wait_ends_at_ms: Option<i64>,
    pub ordering: Ordering,
    pub entry: Entry,
    pub seating: Seating,
    pub shop_ms: i64,
    pub party_max: u8,
    pub rate_per_minute: u32,
    pub max_active: u32,
    pub hold_ttl_ms: i64,
    pub extension_ms: i64,
    pub grace_ms: i64,
    pub presence_ms: i64,
    pub gather_ms: i64,
    pub answer_ms: i64,
    pub rejoin: bool,
    pub allotment: Option<u32>,
    pub beacon: bool,
    pub unprovable_after_s: Option<u32>,
}

/// Who goes before whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are those of the contracts, documented there")]
pub enum Ordering {
    DrawThenFifo,
    Fifo,
    DrawOnly,
    InvitedFirst,
}

impl Ordering {
    const ALL: [Self; 4] = [Self::DrawThenFifo, Self::Fifo, Self::DrawOnly, Self::InvitedFirst];

    const fn name(self) -> &'static str {
        match self {
            Self::DrawThenFifo => "draw_then_fifo",
            Self::Fifo => "fifo",
            Self::DrawOnly => "draw_only",
            Self::InvitedFirst => "invited_first",
        }
    }

    fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|ordering| ordering.name() == name).unwrap_or(Self::DrawThenFifo)
    }
}

/// Who chooses the seats of those let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are those of the contracts, documented there")]
pub enum Seating {
    Assign,
    Pick,
}

impl Seating {
    const fn name(self) -> &'static str {
        match self {
            Self::Assign => "assign",
            Self::Pick => "pick",
        }
    }

    fn parse(name: &str) -> Self {
        if name == Self::Pick.name() { Self::Pick } else { Self::Assign }
    }
}

/// A sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleRow {
    /// Its identifier.
    pub id: Uuid,
    /// The event whose seats it sells.
    pub event: Uuid,
    /// What the promoter wrote.
    pub draft: SaleDraft,
    /// Whether strangers may see it.
    pub published: bool,
    /// What it is doing now; nothing for a draft.
    pub state: Option<State>,
    /// Why nobody is let in: of the emergency stop, or else of the pause.
    pub pause_reason: Option<String>,
    /// Whether that is the emergency stop.
    pub stopped: bool,
    /// Whether its draw is committed to.
    pub committed: bool,
    /// Counts edits, and the operators' changes of the knobs, so that an edit never undoes one that it has not seen.
    pub version: i64,
    /// Postgres's clock when this was read.
    pub now_ms: i64,
}

/// What came of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaleEdit {
    /// Done.
    Done,
    /// Somebody else edited it since it was read.
    Moved {
        /// The version now.
        current: i64,
    },
    /// It has opened: when it opens cannot change any more.
    HasOpened,
    /// The new opening is in the past: nobody could have known of it, and of a draw's randomness everybody could.
    OpensInPast,
    /// It is published: from then on its knobs are the operators'.
    TuneInstead,
    /// It is published: who chooses the seats is settled.
    SeatingFixed,
    /// Its draw is committed to: that there will be one, of whom, and from which randomness.
    Committed,
    /// It cannot run so beside the event's other sales, or with what it has sold.
    Clash(Clash),
    /// There is no such sale.
    NoSale,
}

/// What came of publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalePublished {
    /// It is published.
    Done,
    /// Its event is still a draft.
    EventIsDraft,
    /// Its event has no seats yet.
    NoSeats,
    /// Its window is over.
    Over,
    /// It cannot run so beside the event's other sales.
    Clash(Clash),
    /// There is no such sale.
    NoSale,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    event: Uuid,
    name: String,
    lobby_opens_at_ms: Option<i64>,
    opens_at_ms: i64,
    closes_at_ms: i64,
    wait_ends_at_ms: Option<i64>,
    ordering: String,
    drawn: bool,
    entry: String,
    seating: String,
    shop_ms: i32,
    party_max: i16,
    rate_per_minute: i32,
    max_active: i32,
    hold_ttl_ms: i32,
    extension_ms: i32,
    grace_ms: i32,
    presence_ms: i32,
    gather_ms: i32,
    answer_ms: i32,
    rejoin: bool,
    allotment: Option<i32>,
    beacon: bool,
    unprovable_after_s: Option<i32>,
    committed: bool,
    published: bool,
    version: i64,
    pause_reason: Option<String>,
    stopped: bool,
    sold_out: bool,
    now_ms: i64,
}

macro_rules! sales {
    ($rest:literal) => {
        concat!(
            "select id, event, name, to_ms(opens_at) as opens_at_ms, to_ms(closes_at) as closes_at_ms, entry, seating, shop_ms, party_max,
                    to_ms(lobby_opens_at) as lobby_opens_at_ms, to_ms(wait_ends_at) as wait_ends_at_ms, ordering,
                    exists(select from draw d where d.sale = sale.id and d.drawn_at is not null) as drawn,
                    rate_per_minute, max_active, hold_ttl_ms, extension_ms, grace_ms, presence_ms, gather_ms, answer_ms, rejoin, allotment, published, beacon, unprovable_after_s,
                    exists(select from draw d where d.sale = sale.id) as committed,
                    version + rate_version - 1 as version, coalesce(stop_reason, pause_reason) as pause_reason,
                    stop_reason is not null as stopped, sold_out_at is not null as sold_out, to_ms(clock_timestamp()) as now_ms
             from sale ",
            $rest
        )
    };
}

impl From<Row> for SaleRow {
    fn from(row: Row) -> Self {
        let course = Course {
            lobby_opens_at_ms: row.lobby_opens_at_ms,
            opens_at_ms: row.opens_at_ms,
            closes_at_ms: row.closes_at_ms,
            wait_ends_at_ms: row.wait_ends_at_ms,
            draws: row.ordering != Ordering::Fifo.name(),
            drawn: row.drawn,
            paused: row.pause_reason.is_some(),
            sold_out: row.sold_out,
        };
        let state = row.published.then(|| course.state(row.now_ms));
        Self {
            id: row.id,
            event: row.event,
            draft: SaleDraft {
                name: row.name,
                lobby_opens_at_ms: row.lobby_opens_at_ms,
                opens_at_ms: row.opens_at_ms,
                closes_at_ms: row.closes_at_ms,
                wait_ends_at_ms: row.wait_ends_at_ms,
                ordering: Ordering::parse(&row.ordering),
                entry: Entry::parse(&row.entry),
                seating: Seating::parse(&row.seating),
                shop_ms: row.shop_ms.into(),
                party_max: row.party_max as u8,
                rate_per_minute: row.rate_per_minute as u32,
                max_active: row.max_active as u32,
                hold_ttl_ms: row.hold_ttl_ms.into(),
                extension_ms: row.extension_ms.into(),
                grace_ms: row.grace_ms.into(),
                presence_ms: row.presence_ms.into(),
                gather_ms: row.gather_ms.into(),
                answer_ms: row.answer_ms.into(),
                rejoin: row.rejoin,
                allotment: row.allotment.map(i32::cast_unsigned),
                beacon: row.beacon,
                unprovable_after_s: row.unprovable_after_s.map(i32::cast_unsigned),
            },
            published: row.published,
            state,
            pause_reason: row.pause_reason,
            stopped: row.stopped,
            committed: row.committed,
            version: row.version,
            now_ms: row.now_ms,
        }
    }
}

impl SaleRow {
    /// Why an edit cannot be made however often it is confirmed, as far as the sale itself tells.
    #[must_use]
    pub fn refusal(&self, draft: &SaleDraft) -> Option<SaleEdit> {
        self.refusal_by(draft, true)
    }

    fn refusal_by(&self, draft: &SaleDraft, promise_check: bool) -> Option<SaleEdit> {
        let opened = self.now_ms >= self.draft.opens_at_ms;
        let source = |draft: &SaleDraft| (draft.beacon, draft.unprovable_after_s);
        let promise = |draft: &SaleDraft| (draft.ordering, draft.lobby_opens_at_ms);
        if self.published && draft.opens_at_ms != self.draft.opens_at_ms {
            if opened {
                return Some(SaleEdit::HasOpened);
            }
            if draft.opens_at_ms < self.now_ms && promise_check {
                return Some(SaleEdit::OpensInPast);
            }
        }
        if self.published && knobs(draft) != knobs(&self.draft) {
            return Some(SaleEdit::TuneInstead);
        }
        if self.published && draft.seating != self.draft.seating {
            return Some(SaleEdit::SeatingFixed);
        }
        let broken = source(draft) != source(&self.draft) || promise_check && promise(draft) != promise(&self.draft);
        (self.committed && broken).then_some(SaleEdit::Committed)
    }
}

/// The events' sales, oldest first.
pub(super) async fn of_events(connection: &mut PgConnection, events: &[Uuid]) -> Result<HashMap<Uuid, Vec<SaleRow>>> {
    let rows: Vec<Row> =
        sqlx::query_as(sales!("where event = any($1) order by id")).bind(events).fetch_all(connection).await?;
    let mut sales: HashMap<Uuid, Vec<SaleRow>> = HashMap::new();
    for row in rows {
        sales.entry(row.event).or_default().push(row.into());
    }
    Ok(sales)
}

impl Store {
    /// Makes a draft of a sale. The same identifier twice makes one.
    ///
    /// # Errors
    /// A conflict with `sale_window` when it closes before it opens; when Postgres is away.
    pub async fn create_sale(&self, sale: Uuid, event: Uuid, draft: &SaleDraft) -> Result<()> {
        sqlx::query(
            "insert into sale (id, event, name, opens_at, closes_at, entry, party_max, rate_per_minute, max_active,
                               hold_ttl_ms, extension_ms, grace_ms, presence_ms, rejoin, lobby_opens_at, wait_ends_at, ordering,
                               allotment, beacon, unprovable_after_s, gather_ms, answer_ms, seating, shop_ms)
             values ($1, $2, $3, from_ms($4), from_ms($5), $6, $7, $8, $9, $10, $11, $12, $13, $14, from_ms($15), from_ms($16), $17, $18, $19, $20,
                     $21, $22, $23, $24)
             on conflict (id) do nothing",
        )
        .bind(sale)
        .bind(event)
        .bind(&draft.name)
        .bind(draft.opens_at_ms)
        .bind(draft.closes_at_ms)
        .bind(draft.entry.name())
        .bind(i16::from(draft.party_max))
        .bind(draft.rate_per_minute.cast_signed())
        .bind(draft.max_active.cast_signed())
        .bind(draft.hold_ttl_ms as i32)
        .bind(draft.extension_ms as i32)
        .bind(draft.grace_ms as i32)
        .bind(draft.presence_ms as i32)
        .bind(draft.rejoin)
        .bind(draft.lobby_opens_at_ms)
        .bind(draft.wait_ends_at_ms)
        .bind(draft.ordering.name())
        .bind(draft.allotment.map(u32::cast_signed))
        .bind(draft.beacon)
        .bind(draft.unprovable_after_s.map(u32::cast_signed))
        .bind(draft.gather_ms as i32)
        .bind(draft.answer_ms as i32)
        .bind(draft.seating.name())
        .bind(draft.shop_ms as i32)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A sale, draft or not.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn sale(&self, sale: Uuid) -> Result<Option<SaleRow>> {
        let row: Option<Row> = sqlx::query_as(sales!("where id = $1")).bind(sale).fetch_optional(&self.pool).await?;
        Ok(row.map(SaleRow::from))
    }

    /// Edits a sale of which `version` was read. The edit of a published one is in the audit log, and followers are told.
    ///
    /// # Errors
    /// A conflict with `sale_window` when it closes before it opens; when Postgres is away. Nothing was changed then.
    pub async fn edit_sale(&self, sale: Uuid, version: i64, draft: &SaleDraft, account: Uuid) -> Result<SaleEdit> {
        let mut tx = self.pool.begin().await?;
        // A later statement than the lock sees a commitment that was made while this one waited.
        sqlx::query("select from sale where id = $1 for no key update").bind(sale).execute(&mut *tx).await?;
        let row: Option<Row> = sqlx::query_as(sales!("where id = $1")).bind(sale).fetch_optional(&mut *tx).await?;
        let Some(before) = row.map(SaleRow::from) else { return Ok(SaleEdit::NoSale) };
        if before.version != version {
            return Ok(SaleEdit::Moved { current: before.version });
        }
        if let Some(refusal) = before.refusal_by(draft, self.guards().promise_check) {
            return Ok(refusal);
        }
        if before.published {
            if let Some(clash) = clash(&mut tx, before.event, sale, draft).await? {
                return Ok(SaleEdit::Clash(clash));
            }
            audit(&mut tx, sale, account, "sale.edit", json!({"from": shown(&before.draft), "to": shown(draft)}))
                .await?;
        }
        sqlx::query(
            "update sale set name = $2, opens_at = from_ms($3), closes_at = from_ms($4), entry = $5, party_max = $6,
                    rate_per_minute = $7, max_active = $8, hold_ttl_ms = $9, extension_ms = $10, grace_ms = $11,
                    presence_ms = $12, rejoin = $13, lobby_opens_at = from_ms($14), wait_ends_at = from_ms($15), ordering = $16,
                    allotment = $17, beacon = $18, unprovable_after_s = $19, gather_ms = $20, answer_ms = $21, seating = $22, shop_ms = $23, version = version + 1
             where id = $1",
        )
        .bind(sale)
        .bind(&draft.name)
        .bind(draft.opens_at_ms)
        .bind(draft.closes_at_ms)
        .bind(draft.entry.name())
        .bind(i16::from(draft.party_max))
        .bind(draft.rate_per_minute.cast_signed())
        .bind(draft.max_active.cast_signed())
        .bind(draft.hold_ttl_ms as i32)
        .bind(draft.extension_ms as i32)
        .bind(draft.grace_ms as i32)
        .bind(draft.presence_ms as i32)
        .bind(draft.rejoin)
        .bind(draft.lobby_opens_at_ms)
        .bind(draft.wait_ends_at_ms)
        .bind(draft.ordering.name())
        .bind(draft.allotment.map(u32::cast_signed))
        .bind(draft.beacon)
        .bind(draft.unprovable_after_s.map(u32::cast_signed))
        .bind(draft.gather_ms as i32)
        .bind(draft.answer_ms as i32)
        .bind(draft.seating.name())
        .bind(draft.shop_ms as i32)
        .execute(&mut *tx)
        .await?;
        let records = if before.published { vec![record_sale(&mut tx, sale).await?] } else { Vec::new() };
        tx.commit().await?;
        self.publish(before.event, &records).await;
        Ok(SaleEdit::Done)
    }

    /// Publishes a sale: from now on it has a line, which opens at its time. Again does nothing.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn publish_sale(&self, sale: Uuid, account: Uuid) -> Result<SalePublished> {
        let mut tx = self.pool.begin().await?;
        let row: Option<(Uuid, bool, bool, i32, bool)> = sqlx::query_as(
            "select s.event, s.published, e.published, e.capacity, s.closes_at <= clock_timestamp()
             from sale s join event e on e.id = s.event where s.id = $1 for no key update of s",
        )
        .bind(sale)
        .fetch_optional(&mut *tx)
        .await?;
        let event = match row {
            None => return Ok(SalePublished::NoSale),
            Some((_, true, ..)) => return Ok(SalePublished::Done),
            Some((_, _, false, ..)) => return Ok(SalePublished::EventIsDraft),
            Some((_, _, _, 0, _)) => return Ok(SalePublished::NoSeats),
            Some((.., true)) => return Ok(SalePublished::Over),
            Some((event, ..)) => event,
        };
        let row: Row = sqlx::query_as(sales!("where id = $1")).bind(sale).fetch_one(&mut *tx).await?;
        if let Some(clash) = clash(&mut tx, event, sale, &SaleRow::from(row).draft).await? {
            return Ok(SalePublished::Clash(clash));
        }
        audit(&mut tx, sale, account, "sale.publish", json!({})).await?;
        outbox(&mut tx, "sale.published", sale, &json!({"event": event})).await?;
        sqlx::query("update sale set published = true, version = version + 1 where id = $1")
            .bind(sale)
            .execute(&mut *tx)
            .await?;
        sqlx::query("insert into line (sale) values ($1)").bind(sale).execute(&mut *tx).await?;
        sqlx::query("insert into lane (scope, kind, event) values ($1, 'joins', $2), ($1, 'pace', $2)")
            .bind(sale)
            .bind(event)
            .execute(&mut *tx)
            .await?;
        let record = record_sale(&mut tx, sale).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(SalePublished::Done)
    }
}

/// A line of the audit log that needs no reason: it goes before what it tells of, in the same transaction.
pub(crate) async fn audit(
    tx: &mut PgConnection,
    sale: Uuid,
    account: Uuid,
    action: &str,
    change: serde_json::Value,
) -> Result<()> {
    sqlx::query("insert into audit (sale, account, action, reason, change) values ($1, $2, $3, '', $4)")
        .bind(sale)
        .bind(account)
        .bind(action)
        .bind(change)
        .execute(tx)
        .await?;
    Ok(())
}

/// What operators tune once the sale is published.
const fn knobs(draft: &SaleDraft) -> (u32, u32, i64, i64) {
    (draft.rate_per_minute, draft.max_active, draft.grace_ms, draft.presence_ms)
}

/// A draft as the audit log shows it.
fn shown(draft: &SaleDraft) -> serde_json::Value {
    json!({
        "name": draft.name, "lobby_opens_at_ms": draft.lobby_opens_at_ms, "opens_at_ms": draft.opens_at_ms,
        "closes_at_ms": draft.closes_at_ms, "wait_ends_at_ms": draft.wait_ends_at_ms, "ordering": draft.ordering.name(),
        "entry": draft.entry.name(), "seating": draft.seating.name(), "shop_ms": draft.shop_ms, "party_max": draft.party_max,
        "rate_per_minute": draft.rate_per_minute, "max_active": draft.max_active, "hold_ttl_ms": draft.hold_ttl_ms,
        "extension_ms": draft.extension_ms, "grace_ms": draft.grace_ms, "presence_ms": draft.presence_ms,
        "gather_ms": draft.gather_ms, "answer_ms": draft.answer_ms, "rejoin": draft.rejoin, "allotment": draft.allotment, "beacon": draft.beacon, "unprovable_after_s": draft.unprovable_after_s,
    })
}
