//! An operator gives a place to a fan who has none, for one that was lost through no fault of theirs: a join and a put in one
//! transaction, with the audit log's line first, so that the sale's log names it as what it is, an exception.

use domain::order::Class;
use serde_json::json;
use uuid::Uuid;

use crate::feed::{Change, Lane, LaneKind, record};
use crate::joins::Accepts;
use crate::mending::{Mend, audit, note};
use crate::{Result, Store};

/// What a place was before there was one.
pub(crate) const NONE: &str = "none";

/// Who gets a place, and why.
#[derive(Debug, Clone, Copy)]
pub struct Insert<'a> {
    /// The sale, the identifier that the place gets, the operator, and why.
    pub mend: Mend<'a>,
    /// The address of the fan's account, in its normal form.
    pub email: &'a str,
    /// How many tickets: 1 to 8, and no more than the sale allows.
    pub party: u8,
    /// Whether it goes to the head of the line, instead of behind everybody.
    pub to_the_front: bool,
}

/// What came of inserting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// The fan has the place, with this entry.
    Done(i64),
    /// There is no such published sale.
    NoSale,
    /// There is no account with this address.
    NoAccount,
    /// The fan has or had this place in the sale: that one can be put back.
    HasPlace(Uuid),
    /// The sale's parties are at most so large.
    PartyTooLarge(u8),
    /// Nobody can have joined yet.
    TooEarly,
    /// The sale is over, or every seat is sold.
    Over,
}

#[derive(sqlx::FromRow)]
struct Ground {
    event: Uuid,
    party_max: i16,
    now_ms: i64,
    last_joined_ms: Option<i64>,
    from_ms: i64,
    opens_at_ms: i64,
    ends_at_ms: i64,
    sold_out: bool,
    next_entry: i64,
    lobby_size: Option<i64>,
    fan: Option<Uuid>,
    place: Option<Uuid>,
}

impl Store {
    /// Gives a place to a fan who has none, whatever the sale asks of those who join. It takes the next entry, wishes any seats,
    /// and counts as an exception to the order wherever it goes.
    ///
    /// # Errors
    /// When Postgres is away; nothing was done then.
    pub async fn insert_place(&self, insert: &Insert<'_>) -> Result<Inserted> {
        let mend = &insert.mend;
        let mut tx = self.pool.begin().await?;
        // As a join does, so that no join of this fan goes on beside this.
        sqlx::query("select from line where sale = $1 for no key update").bind(mend.sale).execute(&mut *tx).await?;
        let ground: Option<Ground> = sqlx::query_as(
            "select s.event, s.party_max, to_ms(clock_timestamp()) as now_ms, to_ms(l.last_joined_at) as last_joined_ms,
                    to_ms(coalesce(s.lobby_opens_at, s.opens_at)) as from_ms,
                    to_ms(s.opens_at) as opens_at_ms, to_ms(coalesce(s.wait_ends_at, s.closes_at)) as ends_at_ms,
                    s.sold_out_at is not null as sold_out, l.next_entry, l.lobby_size, a.id as fan,
                    (select p.id from place p where p.sale = s.id and p.fan = a.id
                     order by p.ended_at is null desc, p.entry desc limit 1) as place
             from sale s join line l on l.sale = s.id left join account a on a.email = $2 where s.id = $1 and s.published",
        )
        .bind(mend.sale)
        .bind(insert.email)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(ground) = ground else { return Ok(Inserted::NoSale) };
        let Some(fan) = ground.fan else { return Ok(Inserted::NoAccount) };
        if let Some(place) = ground.place {
            return Ok(Inserted::HasPlace(place));
        }
        if i16::from(insert.party) > ground.party_max {
            return Ok(Inserted::PartyTooLarge(ground.party_max as u8));
        }
        if ground.now_ms < ground.from_ms {
            return Ok(Inserted::TooEarly);
        }
        if ground.sold_out || ground.now_ms >= ground.ends_at_ms {
            return Ok(Inserted::Over);
        }
        let entry = ground.next_entry;
        // As in a join, dates never go back.
        let joined_at_ms = ground.now_ms.max(ground.last_joined_ms.unwrap_or(ground.now_ms));
        let class = if insert.to_the_front { Class::FRONT } else { Class::GENERAL };
        let (general, to) = (i16::from(Class::GENERAL.0), i16::from(class.0));
        let from = json!({"state": NONE, "class": general});
        let audit = audit(&mut tx, mend, "place.put-back", from, json!({"state": "waiting", "class": to})).await?;
        sqlx::query(
            "insert into place (id, sale, fan, entry, joined_at, party, accepts, class, state)
             values ($1, $2, $3, $4, from_ms($5), $6, $7, $8, 'waiting')",
        )
        .bind(mend.place)
        .bind(mend.sale)
        .bind(fan)
        .bind(entry)
        .bind(joined_at_ms)
        .bind(i16::from(insert.party))
        .bind(Accepts::default().bits())
        .bind(to)
        .execute(&mut *tx)
        .await?;
        // The first place after the opening finds the lobby closed, as in a join.
        let closed = (ground.now_ms >= ground.opens_at_ms).then_some(entry - 1);
        sqlx::query("update line set next_entry = $2, lobby_size = $3, last_joined_at = from_ms($4) where sale = $1")
            .bind(mend.sale)
            .bind(entry + 1)
            .bind(ground.lobby_size.or(closed))
            .bind(joined_at_ms)
            .execute(&mut *tx)
            .await?;
        let lane = |kind| Lane { scope: mend.sale, kind };
        let joined = vec![Change::Joined { last: entry, classes: vec![] }];
        let joined = record(&mut tx, lane(LaneKind::Joins), joined).await?;
        let put = record(&mut tx, lane(LaneKind::Pace), vec![Change::Put { entry, class: class.0 }]).await?;
        note(&mut tx, mend, "put", (entry, NONE, general, to), (audit, put.version)).await?;
        tx.commit().await?;
        self.publish(ground.event, &[joined, put]).await;
        Ok(Inserted::Done(entry))
    }
}
