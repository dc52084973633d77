//! Joining a line, in batches: one transaction locks the sale's row, finds who already has a live place, and numbers the rest.

use std::collections::HashMap;

use domain::order::Class;
use uuid::Uuid;

use crate::allotments::rooms_of_fans;
use crate::entry::{Entry, EntryRefusal, Gate, Grant, Rule, SecretHash};
use crate::feed::{Change, Lane, LaneKind, record};
use crate::{Result, Store};

/// One fan asking for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinAsk {
    /// The identifier that a new place would get.
    pub place: Uuid,
    /// Who asks.
    pub fan: Uuid,
    /// How many tickets.
    pub party: u8,
    /// Bit i wishes tier i; 0 wishes any.
    pub tiers: u32,
    /// What the party would take instead.
    pub accepts: Accepts,
    /// Its priority.
    pub class: Class,
}

/// What a party would take instead of its wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepts {
    /// Another tier.
    pub other_tiers: bool,
    /// Seats apart.
    pub apart: bool,
    /// Fewer seats.
    pub fewer: bool,
    /// Needs a wheelchair place.
    pub accessible: bool,
}

impl Accepts {
    pub(crate) const fn bits(self) -> i16 {
        self.other_tiers as i16 | (self.apart as i16) << 1 | (self.fewer as i16) << 2 | (self.accessible as i16) << 3
    }

    pub(crate) const fn from_bits(bits: i16) -> Self {
        Self { other_tiers: bits & 1 != 0, apart: bits & 2 != 0, fewer: bits & 4 != 0, accessible: bits & 8 != 0 }
    }
}

/// A place as it stands in Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// Its identifier.
    pub id: Uuid,
    /// Its sale.
    pub sale: Uuid,
    /// The sale's event.
    pub event: Uuid,
    /// Its fan.
    pub fan: Uuid,
    /// Its entry.
    pub entry: i64,
    /// Tickets wanted.
    pub party: u8,
    /// Bit i wishes tier i.
    pub tiers: u32,
    /// What it would take instead.
    pub accepts: Accepts,
    /// `waiting`, `skipped`, `standing`, `holding`, or how it ended.
    pub state: String,
    /// When it joined.
    pub joined_at_ms: i64,
    /// Its newest booking.
    pub booking: Option<Uuid>,
}

/// What came of a batch of joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinBatch {
    /// Every ask has its place: new (`true`) or the one the fan already had; in the order asked. With the lane's version.
    Placed(Vec<(PlaceRow, bool)>, i64),
    /// There is no such published sale.
    NoSale,
    /// Its lobby, or else its doors, open later.
    NotOpenYet {
        /// When.
        opens_at_ms: i64,
    },
    /// Its numbers are drawn from the lobby alone, which is closed.
    LobbyClosed,
    /// Its window is over.
    Closed,
    /// Every seat is sold.
    SoldOut,
    /// An operator has stopped it for now.
    Stopped {
        /// Why, for the fan.
        reason: String,
    },
}

/// What came of a batch of joins in a sale that may ask for more than a fan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitledBatch {
    /// What came of it. Who was refused is not among the placed.
    pub batch: JoinBatch,
    /// For each ask, in the order asked: why it was refused, if it was.
    pub refused: Vec<Option<EntryRefusal>>,
    /// When this was, in milliseconds since 1970, if the sale draws and its lobby was open: then the draw's roster will have every
    /// place among the placed.
    pub lobby_ms: Option<i64>,
}

impl EntitledBatch {
    fn all(batch: JoinBatch) -> Self {
        Self { batch, refused: Vec::new(), lobby_ms: None }
    }
}

macro_rules! places {
    ($rest:literal) => {
        concat!(
            "select p.id, p.sale, s.event, p.fan, p.entry, p.party, p.tiers, p.accepts, p.state, to_ms(p.joined_at),
                    (select b.id from booking b where b.place = p.id order by b.id desc limit 1)
             from place p join sale s on s.id = p.sale ",
            $rest
        )
    };
}

type PlaceTuple = (Uuid, Uuid, Uuid, Uuid, i64, i16, i32, i16, String, i64, Option<Uuid>);

fn place_row(row: PlaceTuple) -> PlaceRow {
    let (id, sale, event, fan, entry, party, tiers, accepts, state, joined_at_ms, booking) = row;
    PlaceRow {
        id,
        sale,
        event,
        fan,
        entry,
        party: party as u8,
        tiers: tiers.cast_unsigned(),
        accepts: Accepts::from_bits(accepts),
        state,
        joined_at_ms,
        booking,
    }
}

impl Store {
    /// Gives every asking fan a place in the sale's line, in the order asked. Who has a live one keeps it.
    ///
    /// # Errors
    /// When Postgres is away; then nobody got a place.
    pub async fn join_batch(&self, sale: Uuid, asks: &[JoinAsk]) -> Result<JoinBatch> {
        Ok(self.join_entitled(sale, asks, &[], &|_| [0; 32]).await?.batch)
    }

    /// [`Store::join_batch`] where asks may bring a code, the one at the same index, and accounts may be on a list: each is
    /// judged by itself. A use of a code is taken with the place that comes by it, in the same transaction.
    /// `hash_email` makes the keyed hash by which the list knows an address.
    ///
    /// # Errors
    /// When Postgres is away; then nobody got a place.
    pub async fn join_entitled(
        &self,
        sale: Uuid,
        asks: &[JoinAsk],
        codes: &[Option<SecretHash>],
        hash_email: &(dyn Fn(&str) -> SecretHash + Sync),
    ) -> Result<EntitledBatch> {
        let mut tx = self.pool.begin().await?;
        type SaleRow = (
            i64,
            Option<i64>,
            Uuid,
            bool,
            Option<i64>,
            i64,
            i64,
            String,
            bool,
            i64,
            Option<i64>,
            bool,
            Option<String>,
            String,
        );
        let row: Option<SaleRow> = sqlx::query_as(
            "select l.next_entry, l.lobby_size, s.event, s.published, to_ms(s.lobby_opens_at), to_ms(s.opens_at), to_ms(s.closes_at),
                    s.ordering, s.sold_out_at is not null, to_ms(clock_timestamp()), to_ms(l.last_joined_at), s.rejoin, s.stop_reason,
                    s.entry
             from line l join sale s on s.id = l.sale where l.sale = $1 for no key update of l",
        )
        .bind(sale)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((
            next_entry,
            lobby_size,
            event,
            true,
            lobby_opens_at_ms,
            opens_at_ms,
            closes_at_ms,
            ordering,
            sold_out,
            now_ms,
            last_joined_ms,
            rejoin,
            stop_reason,
            entry,
        )) = row
        else {
            return Ok(EntitledBatch::all(JoinBatch::NoSale));
        };
        // What is judged, is judged by the clock as it is; dates alone never go back.
        let joined_at_ms = now_ms.max(last_joined_ms.filter(|_| self.guards().join_clock).unwrap_or(now_ms));
        let fans: Vec<Uuid> = asks.iter().map(|ask| ask.fan).collect();
        // A later statement than the lock: its snapshot sees every place given before.
        let live: Vec<PlaceTuple> =
            sqlx::query_as(places!("where p.sale = $1 and p.fan = any($2) and p.ended_at is null"))
                .bind(sale)
                .bind(&fans)
                .fetch_all(&mut *tx)
                .await?;
        let mut places: HashMap<Uuid, (PlaceRow, bool)> =
            live.into_iter().map(place_row).map(|place| (place.fan, (place, false))).collect();
        if !rejoin {
            let ended: Vec<PlaceTuple> =
                sqlx::query_as(places!("where p.sale = $1 and p.fan = any($2) and p.ended_at is not null"))
                    .bind(sale)
                    .bind(&fans)
                    .fetch_all(&mut *tx)
                    .await?;
            for place in ended.into_iter().map(place_row) {
                places.entry(place.fan).or_insert((place, false));
            }
        }
        if fans.iter().any(|fan| !places.contains_key(fan)) {
            let from_ms = lobby_opens_at_ms.unwrap_or(opens_at_ms);
            // Who stands in line keeps the answer; only newcomers are turned away.
            let refusal = if now_ms < from_ms {
                Some(JoinBatch::NotOpenYet { opens_at_ms: from_ms })
            } else if now_ms >= closes_at_ms {
                Some(JoinBatch::Closed)
            } else if sold_out {
                Some(JoinBatch::SoldOut)
            } else if let Some(reason) = stop_reason {
                Some(JoinBatch::Stopped { reason })
            } else if ordering == "draw_only"
                && lobby_opens_at_ms.is_some()
                && (now_ms >= opens_at_ms || lobby_size.is_some())
            {
                Some(JoinBatch::LobbyClosed)
            } else {
                None
            };
            if let Some(refusal) = refusal {
                return Ok(EntitledBatch::all(refusal));
            }
        }
        let code = |nth: usize| codes.get(nth).and_then(Option::as_ref);
        let rule = Rule {
            entry: Entry::parse(&entry),
            classes: ordering == "invited_first",
            limited: self.guards().code_limit,
        };
        let newcomers: Vec<(Uuid, Option<SecretHash>)> = asks
            .iter()
            .enumerate()
            .filter(|(_, ask)| !places.contains_key(&ask.fan))
            .map(|(nth, ask)| (ask.fan, code(nth).copied()))
            .collect();
        let mut gate = Gate::read(&mut tx, sale, rule, &newcomers, hash_email).await?;
        let coming: Vec<Uuid> = newcomers.iter().map(|(fan, _)| *fan).collect();
        let persons = rooms_of_fans(&mut tx, event, &coming).await?;
        let mut new: Vec<(JoinAsk, Grant)> = Vec::new();
        let mut refused: Vec<Option<EntryRefusal>> = vec![None; asks.len()];
        for (nth, ask) in asks.iter().enumerate() {
            if places.contains_key(&ask.fan) {
                continue;
            }
            let beyond = persons.as_ref().map(|rooms| (rooms.left(ask.fan), rooms.most));
            if let Some((left, most)) = beyond.filter(|(left, _)| u32::from(ask.party) > *left) {
                refused[nth] = Some(EntryRefusal::TooMany { left, most });
                continue;
            }
            let grant = match gate.admit(ask.fan, ask.place, code(nth)) {
                Ok(grant) => grant,
                Err(refusal) => {
                    refused[nth] = Some(refusal);
                    continue;
                }
            };
            let place = PlaceRow {
                id: ask.place,
                sale,
                event,
                fan: ask.fan,
                entry: next_entry + new.len() as i64,
                party: ask.party,
                tiers: ask.tiers,
                accepts: ask.accepts,
                state: "waiting".to_owned(),
                joined_at_ms,
                booking: None,
            };
            places.insert(ask.fan, (place, true));
            new.push((JoinAsk { class: ask.class.min(grant.class), ..*ask }, grant));
        }
        // Whatever the clock says: once the lobby's size is fixed, a newcomer is behind it.
        let open = now_ms < opens_at_ms && (lobby_size.is_none() || !self.guards().roster_promise);
        let lobby_ms = (open && ordering != "fifo" && lobby_opens_at_ms.is_some()).then_some(now_ms);
        let mut version = None;
        if !new.is_empty() {
            let last = next_entry + new.len() as i64 - 1;
            sqlx::query(
                "insert into place (id, sale, fan, entry, joined_at, tiers, party, accepts, class, state)
                 select u.id, $1, u.fan, u.entry, from_ms($2), u.tiers, u.party, u.accepts, u.class, 'waiting'
                 from unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::integer[], $7::smallint[], $8::smallint[], $9::smallint[])
                      as u(id, fan, entry, tiers, party, accepts, class)",
            )
            .bind(sale)
            .bind(joined_at_ms)
            .bind(new.iter().map(|(ask, _)| ask.place).collect::<Vec<_>>())
            .bind(new.iter().map(|(ask, _)| ask.fan).collect::<Vec<_>>())
            .bind((next_entry..=last).collect::<Vec<_>>())
            .bind(new.iter().map(|(ask, _)| ask.tiers.cast_signed()).collect::<Vec<_>>())
            .bind(new.iter().map(|(ask, _)| i16::from(ask.party)).collect::<Vec<_>>())
            .bind(new.iter().map(|(ask, _)| ask.accepts.bits()).collect::<Vec<_>>())
            .bind(new.iter().map(|(ask, _)| i16::from(ask.class.0)).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
            let granted: Vec<(Uuid, Grant)> = new.iter().map(|(ask, grant)| (ask.place, grant.clone())).collect();
            gate.write(&mut tx, sale, joined_at_ms, &granted).await?;
            // The first join after the opening finds the lobby closed: whoever came before is in the draw.
            let ended = now_ms >= opens_at_ms && self.guards().lobby_end;
            let lobby_size = lobby_size.or_else(|| ended.then_some(next_entry - 1));
            sqlx::query(
                "update line set next_entry = $2, lobby_size = $3, last_joined_at = from_ms($4) where sale = $1",
            )
            .bind(sale)
            .bind(last + 1)
            .bind(lobby_size)
            .bind(joined_at_ms)
            .execute(&mut *tx)
            .await?;
            let lane = Lane { scope: sale, kind: LaneKind::Joins };
            let classes = (next_entry..).zip(&new).filter(|(_, (ask, _))| ask.class != Class::GENERAL);
            let classes = classes.map(|(entry, (ask, _))| (entry, ask.class.0)).collect();
            version = Some(record(&mut tx, lane, vec![Change::Joined { last, classes }]).await?);
        }
        tx.commit().await?;
        let seen = match &version {
            Some(record) => {
                self.publish(event, std::slice::from_ref(record)).await;
                record.version
            }
            None => 0,
        };
        let placed = asks.iter().zip(&refused).filter(|(_, refused)| refused.is_none());
        let placed = placed.filter_map(|(ask, _)| places.get(&ask.fan).cloned()).collect();
        Ok(EntitledBatch { batch: JoinBatch::Placed(placed, seen), refused, lobby_ms })
    }

    /// One place.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn place(&self, id: Uuid) -> Result<Option<PlaceRow>> {
        let row: Option<PlaceTuple> =
            sqlx::query_as(places!("where p.id = $1")).bind(id).fetch_optional(&self.pool).await?;
        Ok(row.map(place_row))
    }

    /// A fan's place in a sale: the live one, or else the last.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn place_of(&self, sale: Uuid, fan: Uuid) -> Result<Option<PlaceRow>> {
        let row: Option<PlaceTuple> = sqlx::query_as(places!(
            "where p.sale = $1 and p.fan = $2 order by p.ended_at is null desc, p.entry desc limit 1"
        ))
        .bind(sale)
        .bind(fan)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(place_row))
    }
}
