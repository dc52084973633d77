//! Events: made, edited, published, read, each with its tiers and sales.

mod door;
mod sales;

use std::collections::HashMap;

use domain::seats::Release;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::door::SaleSettings;
pub(crate) use self::sales::audit;
pub use self::sales::{Ordering, SaleDraft, SaleEdit, SalePublished, SaleRow, Seating};
use crate::blocks;
use crate::halls::{TierRow, end_turn, release_name, release_of};
use crate::holds::outbox;
use crate::{Result, Store};

/// What a promoter writes about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// Its name.
    pub name: String,
    /// Where it takes place.
    pub venue: String,
    /// When it starts.
    pub starts_at_ms: i64,
    /// The venue's time zone.
    pub time_zone: String,
    /// ISO 4217.
    pub currency: String,
    /// When seats that are kept for parties with an accessible one are anybody's. Nothing: the usual rule for a new event, the
    /// rule that it has for an edited one. An event that was read has one.
    pub accessible_release: Option<Release>,
    /// How many tickets one fan, or one e-mail address, may have over all its sales; nothing: as many as they get.
    pub tickets_per_person: Option<u16>,
}

/// An event with its tiers and sales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its identifier.
    pub id: Uuid,
    /// Who owns it.
    pub organisation: Uuid,
    /// What the promoter wrote.
    pub draft: EventDraft,
    /// Whether strangers may see it.
    pub published: bool,
    /// Counts edits.
    pub version: i64,
    /// Sellable units.
    pub capacity: u32,
    /// Its tiers, in the map's order.
    pub tiers: Vec<TierRow>,
    /// Its sales, oldest first.
    pub sales: Vec<SaleRow>,
}

/// What came of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventEdit {
    /// Done.
    Done,
    /// Somebody else edited it since it was read.
    Moved {
        /// The version now.
        current: i64,
    },
    /// It is published: its currency stays.
    CurrencyFixed,
    /// There is no such event.
    NoEvent,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organisation: Uuid,
    name: String,
    venue: String,
    starts_at_ms: i64,
    time_zone: String,
    currency: String,
    accessible_release: String,
    tickets_per_person: Option<i32>,
    published: bool,
    version: i64,
    capacity: i32,
}

impl Row {
    fn draft(&self) -> EventDraft {
        EventDraft {
            name: self.name.clone(),
            venue: self.venue.clone(),
            starts_at_ms: self.starts_at_ms,
            time_zone: self.time_zone.clone(),
            currency: self.currency.clone(),
            accessible_release: Some(release_of(&self.accessible_release)),
            tickets_per_person: self.tickets_per_person.map(|most| most as u16),
        }
    }
}

macro_rules! events {
    ($rest:literal) => {
        concat!(
            "select id, organisation, name, venue, to_ms(starts_at) as starts_at_ms, time_zone, currency, accessible_release, tickets_per_person, published,
                    version, capacity
             from event ",
            $rest
        )
    };
}

impl Store {
    /// Makes a draft of an event. The same identifier twice makes one.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn create_event(&self, event: Uuid, organisation: Uuid, draft: &EventDraft) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "insert into event (id, organisation, name, venue, starts_at, time_zone, currency, accessible_release, tickets_per_person)
             values ($1, $2, $3, $4, from_ms($5), $6, $7, $8, $9) on conflict (id) do nothing",
        )
        .bind(event)
        .bind(organisation)
        .bind(&draft.name)
        .bind(&draft.venue)
        .bind(draft.starts_at_ms)
        .bind(&draft.time_zone)
        .bind(&draft.currency)
        .bind(release_name(draft.accessible_release.unwrap_or_default()))
        .bind(draft.tickets_per_person.map(i32::from))
        .execute(&mut *tx)
        .await?;
        sqlx::query("insert into lane (scope, kind, event) values ($1, 'seats', $1) on conflict do nothing")
            .bind(event)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// An event, draft or not, with all its sales.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn event(&self, event: Uuid) -> Result<Option<EventRow>> {
        let mut connection = self.pool.acquire().await?;
        let rows = sqlx::query_as(events!("where id = $1")).bind(event).fetch_all(&mut *connection).await?;
        Ok(complete(&mut connection, rows).await?.pop())
    }

    /// An organisation's events, newest first, at most `limit`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn events_of(&self, organisation: Uuid, limit: i64) -> Result<Vec<EventRow>> {
        let mut connection = self.pool.acquire().await?;
        let rows = sqlx::query_as(events!("where organisation = $1 order by id desc limit $2"))
            .bind(organisation)
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        complete(&mut connection, rows).await
    }

    /// Published events that began at most a day ago, soonest first, at most `limit`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn published_events(&self, limit: i64) -> Result<Vec<EventRow>> {
        let mut connection = self.pool.acquire().await?;
        let rows = sqlx::query_as(events!(
            "where published and starts_at > clock_timestamp() - interval '1 day' order by starts_at, id limit $1"
        ))
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
        complete(&mut connection, rows).await
    }

    /// Edits an event of which `version` was read. Another rule for kept seats ends the seating's turn of office, so that whoever
    /// is next in it seats by that. The edit of a published event is in the audit log of all its sales.
    ///
    /// # Errors
    /// When Postgres is away; nothing was changed then.
    pub async fn edit_event(&self, event: Uuid, version: i64, draft: &EventDraft, account: Uuid) -> Result<EventEdit> {
        let mut tx = self.pool.begin().await?;
        let before: Option<Row> = sqlx::query_as(events!("where id = $1 and version = $2"))
            .bind(event)
            .bind(version)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(before) = &before {
            let rule = release_of(&before.accessible_release);
            // First of all, as whoever holds seats does.
            if draft.accessible_release.is_some_and(|new| new != rule) && self.guards().map_term {
                end_turn(&mut tx, event).await?;
            }
            if before.published {
                let change = json!({"from": shown(&before.draft(), rule), "to": shown(draft, rule)});
                blocks::audit(&mut tx, event, account, ("event.edit", ""), &change).await?;
            }
        }
        let edited = sqlx::query(
            "update event set name = $3, venue = $4, starts_at = from_ms($5), time_zone = $6, currency = $7,
                    accessible_release = coalesce($8, accessible_release),
                    tickets_per_person = $9, version = version + 1
             where id = $1 and version = $2 and (not published or currency = $7)",
        )
        .bind(event)
        .bind(version)
        .bind(&draft.name)
        .bind(&draft.venue)
        .bind(draft.starts_at_ms)
        .bind(&draft.time_zone)
        .bind(&draft.currency)
        .bind(draft.accessible_release.map(release_name))
        .bind(draft.tickets_per_person.map(i32::from))
        .execute(&mut *tx)
        .await?;
        if edited.rows_affected() == 1 {
            tx.commit().await?;
            return Ok(EventEdit::Done);
        }
        let current: Option<i64> =
            sqlx::query_scalar("select version from event where id = $1").bind(event).fetch_optional(&mut *tx).await?;
        tx.rollback().await?;
        Ok(match current {
            None => EventEdit::NoEvent,
            Some(current) if current != version => EventEdit::Moved { current },
            Some(_) => EventEdit::CurrencyFixed,
        })
    }

    /// Shows an event to everybody, which stands in the audit log. Again does nothing.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn publish_event(&self, event: Uuid, account: Uuid) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        let name: Option<String> = sqlx::query_scalar(
            "update event set published = true, version = version + 1 where id = $1 and not published returning name",
        )
        .bind(event)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(name) = name {
            blocks::audit(&mut tx, event, account, ("event.publish", ""), &json!({"name": name})).await?;
            outbox(&mut tx, "event.published", event, &json!({"name": name})).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// A draft as the audit log shows it, of an event that had this rule.
fn shown(draft: &EventDraft, rule: Release) -> Value {
    json!({
        "name": draft.name, "venue": draft.venue, "starts_at_ms": draft.starts_at_ms, "time_zone": draft.time_zone,
        "currency": draft.currency, "accessible_release": release_name(draft.accessible_release.unwrap_or(rule)),
        "tickets_per_person": draft.tickets_per_person,
    })
}

/// The events with their tiers and sales, in the order given.
async fn complete(connection: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<EventRow>> {
    type TierTuple = (Uuid, String, String, i64, i64, i32);
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let listed: Vec<TierTuple> = sqlx::query_as(
        "select event, code, name, price_minor, fee_minor, capacity from tier where event = any($1) order by event, tier",
    )
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await?;
    let mut tiers: HashMap<Uuid, Vec<TierRow>> = HashMap::new();
    for (event, code, name, price_minor, fee_minor, capacity) in listed {
        tiers.entry(event).or_default().push(TierRow { code, name, price_minor, fee_minor, capacity: capacity as u32 });
    }
    let mut sales = sales::of_events(connection, &ids).await?;
    let whole = rows.into_iter().map(|row| EventRow {
        id: row.id,
        organisation: row.organisation,
        draft: row.draft(),
        published: row.published,
        version: row.version,
        capacity: row.capacity as u32,
        tiers: tiers.remove(&row.id).unwrap_or_default(),
        sales: sales.remove(&row.id).unwrap_or_default(),
    });
    Ok(whole.collect())
}
