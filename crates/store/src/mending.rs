//! Finding and mending: an operator finds one fan's place, removes it, or puts it back into the line; each with a reason, in
//! the audit log first, told in the pace lane, and noted in `mending`.

use domain::order::Class;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::feed::{Change, Lane, LaneKind, record};
use crate::{Result, Store};

/// Who mends what, and why.
#[derive(Debug, Clone, Copy)]
pub struct Mend<'a> {
    /// The sale.
    pub sale: Uuid,
    /// The place.
    pub place: Uuid,
    /// The operator.
    pub account: Uuid,
    /// Why; it stands in the audit log.
    pub reason: &'a str,
}

/// What came of mending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mended {
    /// It was done.
    Done,
    /// The sale has no such place.
    NoPlace,
    /// Seats are held for it by this booking: they are given back first.
    Holding(Uuid),
    /// A payment for it is not settled yet.
    Paying,
    /// Its state does not allow it.
    NotNow(String),
    /// Its fan has another live place in the sale.
    LivesElsewhere,
    /// The sale is over, or every seat is sold.
    Over,
}

/// A place as an operator finds it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FoundPlace {
    /// Its identifier.
    pub place: Uuid,
    /// Its entry.
    pub entry: i64,
    /// Its class.
    pub class: i16,
    /// Its party.
    pub party: i16,
    /// Its state.
    pub state: String,
    /// When it joined, in milliseconds since 1970.
    pub joined_at_ms: i64,
}

type Row = (Uuid, i64, i16, String);

impl Store {
    /// The places of a sale whose identifiers end in these ten hexadecimal digits: one, but for a chance of about one in a
    /// million at a million places. Reads the sale's places one after the other; operators ask rarely.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn places_ending_in(&self, sale: Uuid, digits: &str) -> Result<Vec<FoundPlace>> {
        Ok(sqlx::query_as(
            "select id as place, entry, class, party, state, to_ms(joined_at) as joined_at_ms
             from place where sale = $1 and right(id::text, 10) = $2 order by entry limit 10",
        )
        .bind(sale)
        .bind(digits)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Ends a place that has no seats.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn remove_place(&self, mend: &Mend<'_>) -> Result<Mended> {
        let mut tx = self.pool.begin().await?;
        let Some((event, entry, class, state)) = locked(&mut tx, mend).await? else { return Ok(Mended::NoPlace) };
        match state.as_str() {
            "waiting" | "skipped" | "standing" => {}
            "holding" => return holding(&mut tx, mend).await,
            _ => return Ok(Mended::NotNow(state)),
        }
        let audit =
            audit(&mut tx, mend, "place.remove", json!({"state": state, "class": class}), json!({"state": "removed"}))
                .await?;
        sqlx::query("update place set state = 'removed', ended_at = clock_timestamp() where id = $1")
            .bind(mend.place)
            .execute(&mut *tx)
            .await?;
        let record = record(&mut tx, lane(mend.sale), vec![Change::Left { entry, removed: true }]).await?;
        note(&mut tx, mend, "remove", (entry, &state, class, class), (audit, record.version)).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(Mended::Done)
    }

    /// Puts a place that waits, was skipped, or has ended without tickets back into the line: at its head, or in its own
    /// class; its number stays.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn put_back(&self, mend: &Mend<'_>, to_the_front: bool) -> Result<Mended> {
        let mut tx = self.pool.begin().await?;
        let Some((event, entry, class, state)) = locked(&mut tx, mend).await? else { return Ok(Mended::NoPlace) };
        let to = if to_the_front { i16::from(Class::FRONT.0) } else { class };
        match state.as_str() {
            "waiting" if to == class => return Ok(Mended::NotNow(state)),
            "waiting" | "skipped" | "lapsed" | "released" | "failed" | "left" | "removed" | "sold_out" | "idle" => {}
            "holding" => return holding(&mut tx, mend).await,
            _ => return Ok(Mended::NotNow(state)),
        }
        let (over, unsettled): (bool, bool) = sqlx::query_as(
            "select s.sold_out_at is not null or coalesce(s.wait_ends_at, s.closes_at) <= clock_timestamp(),
                    exists(select from booking b join payment p on p.booking = b.id
                           where b.place = $2 and p.state in ('created', 'open', 'declined', 'authorised'))
             from sale s where s.id = $1",
        )
        .bind(mend.sale)
        .bind(mend.place)
        .fetch_one(&mut *tx)
        .await?;
        if over {
            return Ok(Mended::Over);
        }
        // Its money may still come and take its old seats again.
        if unsettled {
            return Ok(Mended::Paying);
        }
        let audit = audit(
            &mut tx,
            mend,
            "place.put-back",
            json!({"state": state, "class": class}),
            json!({"state": "waiting", "class": to}),
        )
        .await?;
        let put = sqlx::query(
            "update place set state = 'waiting', class = $2, ended_at = null, admitted_at = null, shops_until = null, picks = 0, gathers_until = null, asked_until = null
             where id = $1",
        )
        .bind(mend.place)
        .bind(to)
        .execute(&mut *tx)
        .await
        .map_err(crate::StoreError::from);
        if put.as_ref().is_err_and(|fault| fault.is_conflict("place_live_unique")) {
            return Ok(Mended::LivesElsewhere);
        }
        put?;
        let record = record(&mut tx, lane(mend.sale), vec![Change::Put { entry, class: to as u8 }]).await?;
        note(&mut tx, mend, "put", (entry, &state, class, to), (audit, record.version)).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(Mended::Done)
    }
}

const fn lane(sale: Uuid) -> Lane {
    Lane { scope: sale, kind: LaneKind::Pace }
}

/// The place's row, locked.
async fn locked(tx: &mut PgConnection, mend: &Mend<'_>) -> Result<Option<Row>> {
    Ok(sqlx::query_as(
        "select s.event, p.entry, p.class, p.state from place p join sale s on s.id = p.sale
         where p.id = $1 and p.sale = $2 for no key update of p",
    )
    .bind(mend.place)
    .bind(mend.sale)
    .fetch_optional(tx)
    .await?)
}

async fn holding(tx: &mut PgConnection, mend: &Mend<'_>) -> Result<Mended> {
    let booking = sqlx::query_scalar("select id from booking where place = $1 order by id desc limit 1")
        .bind(mend.place)
        .fetch_one(tx)
        .await?;
    Ok(Mended::Holding(booking))
}

pub(crate) async fn audit(tx: &mut PgConnection, mend: &Mend<'_>, action: &str, from: Value, to: Value) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "insert into audit (sale, account, action, reason, change) values ($1, $2, $3, $4, $5) returning id",
    )
    .bind(mend.sale)
    .bind(mend.account)
    .bind(action)
    .bind(mend.reason)
    .bind(json!({"place": mend.place, "from": from, "to": to}))
    .fetch_one(tx)
    .await?)
}

pub(crate) async fn note(
    tx: &mut PgConnection,
    mend: &Mend<'_>,
    action: &str,
    (entry, state, class_before, class): (i64, &str, i16, i16),
    (audit, version): (i64, i64),
) -> Result<()> {
    sqlx::query(
        "insert into mending (sale, version, at, place, entry, action, state_before, class_before, class, audit)
         values ($1, $2, clock_timestamp(), $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(mend.sale)
    .bind(version)
    .bind(mend.place)
    .bind(entry)
    .bind(action)
    .bind(state)
    .bind(class_before)
    .bind(class)
    .bind(audit)
    .execute(tx)
    .await?;
    Ok(())
}
