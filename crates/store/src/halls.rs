//! Halls: the seats an event sells, imported once, edited since, and loaded into memory by whoever chooses among them.

mod edit;

use domain::seats::{Area, Free, Hall, Release, SeatSpec, Stretch};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

pub(crate) use self::edit::end_turn;
pub use self::edit::{Loss, Stranded, Whose};
use crate::{Result, Store, StoreError};

/// Places in one statement, at most.
const CHUNK: usize = 20_000;

/// One price tier to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierRow {
    /// The promoter's short name.
    pub code: String,
    /// What fans read.
    pub name: String,
    /// Price in minor units, fee not included.
    pub price_minor: i64,
    /// Fee in minor units.
    pub fee_minor: i64,
    /// Sellable units.
    pub capacity: u32,
}

/// One sellable unit to import; its ordinal is its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRow {
    /// Index of its tier.
    pub tier: u8,
    /// Run of neighbours it belongs to; a standing area is one run.
    pub stretch: u32,
    /// Section's or area's index.
    pub section: u16,
    /// Row's index in the section.
    pub row: u16,
    /// A standing place.
    pub standing: bool,
    /// A wheelchair place.
    pub accessible: bool,
    /// Meant for who comes with the fan on an accessible seat of the same section.
    pub companion: bool,
    /// How good it is, lower is better, up to 2,147,483,647; nothing where its ordinal says so.
    pub quality: Option<u32>,
    /// What people read.
    pub label: String,
}

/// What came of an import, or would come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// The event has these seats now.
    Done,
    /// A sale of the event is published, and somebody's place would not be what it is: nothing was changed.
    Strands {
        /// How many places.
        count: usize,
        /// The first hundred of them, those first whose places would be gone.
        first: Vec<Stranded>,
    },
    /// A sale of the event is published, and there would be more places, or fewer: nothing was changed.
    OtherPlaces {
        /// Places now.
        before: usize,
        /// Places in the other map.
        after: usize,
    },
    /// A sale of the event is published, and its tiers would be others, or in another order: nothing was changed.
    OtherTiers,
    /// No sale of the event is published, but so many of its seats are blocked, and the seats would be others: nothing was changed.
    Blocked(usize),
    /// There is no such event.
    NoEvent,
}

/// How many seats of a tier are in which state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierCount {
    /// The tier's code.
    pub code: String,
    /// All.
    pub capacity: u32,
    /// In unpaid holds.
    pub held: u32,
    /// Paid.
    pub sold: u32,
    /// Kept back by the promoter.
    pub blocked: u32,
}

impl Store {
    /// Replaces an event's seat map, tiers and seats. Once a sale of it is published, fans see prices, and holds name places by
    /// their ordinals: then the map is edited instead, as far as [`Imported`] says, with prices for holds to come.
    ///
    /// A hold needs an admitted place, a place needs a line, and a line is made by publishing, which nothing takes back. So for a
    /// replacement it is enough that no sale is published at the moment of the judgement, nor before the commit: the event's row
    /// keeps new sales away (their foreign key), and each draft's row is the one that publishing locks. For an edit the seating's
    /// turn of office ends first, so that no hold comes between the judgement and the commit, nor after it by the hall before.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn import_map(&self, event: Uuid, map: &Value, tiers: &[TierRow], units: &[UnitRow]) -> Result<Imported> {
        self.bring_map(event, Some(map), tiers, units).await
    }

    /// What [`Self::import_map`] would say now.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn judge_map(&self, event: Uuid, tiers: &[TierRow], units: &[UnitRow]) -> Result<Imported> {
        self.bring_map(event, None, tiers, units).await
    }

    async fn bring_map(
        &self,
        event: Uuid,
        map: Option<&Value>,
        tiers: &[TierRow],
        units: &[UnitRow],
    ) -> Result<Imported> {
        let mut tx = self.pool.begin().await?;
        // First of all, as whoever holds seats does.
        if map.is_some() && self.guards().map_term {
            edit::end_turn(&mut tx, event).await?;
        }
        let found: Option<Uuid> = sqlx::query_scalar("select id from event where id = $1 for update")
            .bind(event)
            .fetch_optional(&mut *tx)
            .await?;
        if found.is_none() {
            return Ok(Imported::NoEvent);
        }
        let sales = if self.guards().map_lock {
            "select published from sale where event = $1 order by id for no key update"
        } else {
            "select published from sale where event = $1"
        };
        let published: Vec<bool> = sqlx::query_scalar(sales).bind(event).fetch_all(&mut *tx).await?;
        let on_sale = published.contains(&true);
        if !on_sale {
            let blocked: i64 =
                sqlx::query_scalar("select count(*) from hold_seat where event = $1 and live and block is not null")
                    .bind(event)
                    .fetch_one(&mut *tx)
                    .await?;
            if blocked > 0 {
                return Ok(Imported::Blocked(blocked as usize));
            }
        }
        if on_sale && let Some(refused) = edit::judge(&mut tx, event, tiers, units).await? {
            return Ok(refused);
        }
        let Some(map) = map else { return Ok(Imported::Done) };
        if on_sale {
            edit::change(&mut tx, event, tiers, units).await?;
        } else {
            sqlx::query("delete from seat where event = $1").bind(event).execute(&mut *tx).await?;
            sqlx::query("delete from tier where event = $1").bind(event).execute(&mut *tx).await?;
            insert_tiers(&mut tx, event, tiers).await?;
            for (nth, chunk) in units.chunks(CHUNK).enumerate() {
                insert_units(&mut tx, event, nth * CHUNK, chunk).await?;
            }
        }
        sqlx::query("update event set seat_map = $2, capacity = $3, version = version + 1 where id = $1")
            .bind(event)
            .bind(map)
            .bind(units.len() as i32)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Imported::Done)
    }

    /// The seat map as it was imported.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn seat_map(&self, event: Uuid) -> Result<Option<Value>> {
        let map: Option<Option<Value>> = sqlx::query_scalar("select seat_map from event where id = $1")
            .bind(event)
            .fetch_optional(&self.pool)
            .await?;
        Ok(map.flatten())
    }

    /// The event's hall, for choosing seats.
    ///
    /// # Errors
    /// When Postgres is away, or the stored seats are not a hall.
    pub async fn hall(&self, event: Uuid) -> Result<Hall> {
        let mut connection = self.pool.acquire().await?;
        hall_in(&mut connection, event).await
    }

    /// Seats that somebody has, and whether they are paid for; blocked ones as if they were.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn live_seats(&self, event: Uuid) -> Result<Vec<(u32, bool)>> {
        let mut connection = self.pool.acquire().await?;
        live_in(&mut connection, event).await
    }

    /// Per tier, how many seats are in which state, with the seats lane's version behind it.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn tier_counts(&self, event: Uuid) -> Result<(Vec<TierCount>, i64)> {
        let rows: Vec<(String, i32, i64, i64, i64)> = sqlx::query_as(
            "select t.code, t.capacity, count(h.seat) filter (where b.state <> 'paid'), count(h.seat) filter (where b.state = 'paid'),
                    count(h.block)
             from tier t left join hold_seat h on h.event = t.event and h.tier = t.tier and h.live
                  left join booking b on b.id = h.booking
             where t.event = $1 group by t.tier, t.code, t.capacity order by t.tier",
        )
        .bind(event)
        .fetch_all(&self.pool)
        .await?;
        let version: Option<i64> = sqlx::query_scalar("select version from lane where scope = $1 and kind = 'seats'")
            .bind(event)
            .fetch_optional(&self.pool)
            .await?;
        let counts = rows
            .into_iter()
            .map(|(code, capacity, held, sold, blocked)| TierCount {
                code,
                capacity: capacity as u32,
                held: held as u32,
                sold: sold as u32,
                blocked: blocked as u32,
            })
            .collect();
        Ok((counts, version.unwrap_or(0)))
    }
}

/// The event's hall, as the transaction at hand has it.
pub(crate) async fn hall_in(connection: &mut PgConnection, event: Uuid) -> Result<Hall> {
    type Row = (i32, i16, i32, i16, i16, bool, bool, bool, i32);
    let release: Option<String> = sqlx::query_scalar("select accessible_release from event where id = $1")
        .bind(event)
        .fetch_optional(&mut *connection)
        .await?;
    // The promoter's order is the order of quality, and the ordinals follow it, unless the map says better.
    let rows: Vec<Row> = sqlx::query_as(
        "select seat, tier, stretch, section, row_no, standing, accessible, companion, coalesce(quality, seat)
         from seat where event = $1 order by seat",
    )
    .bind(event)
    .fetch_all(connection)
    .await?;
    let mut stretches = Vec::new();
    let mut areas = Vec::new();
    for run in rows.chunk_by(|a, b| a.2 == b.2) {
        let (first, tier, _, section, row, standing, _, _, quality) = run[0];
        if standing {
            areas.push(Area {
                tier: tier as u8,
                first: first as u32,
                capacity: run.len() as u32,
                quality: quality as u32,
            });
        } else {
            let seats = run
                .iter()
                .map(|(_, tier, .., accessible, companion, quality)| SeatSpec {
                    tier: *tier as u8,
                    quality: *quality as u32,
                    accessible: *accessible,
                    companion: *companion,
                })
                .collect();
            stretches.push(Stretch { section: section as u16, row: row as u16, first: first as u32, seats });
        }
    }
    let hall = Hall::new(stretches, areas);
    let hall = hall.map_err(|fault| StoreError::Corrupt(format!("the seats of event {event}: {fault}")))?;
    Ok(hall.releasing(release.map_or_else(Release::default, |name| release_of(&name))))
}

async fn live_in(connection: &mut PgConnection, event: Uuid) -> Result<Vec<(u32, bool)>> {
    let rows: Vec<(i32, bool)> = sqlx::query_as(
        "select h.seat, coalesce(b.state = 'paid', true) from hold_seat h left join booking b on b.id = h.booking where h.event = $1 and h.live",
    )
    .bind(event)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(seat, paid)| (seat as u32, paid)).collect())
}

/// The seats of the hall that nobody has, and those in unpaid holds, as the transaction at hand has it.
pub(crate) async fn left_in(connection: &mut PgConnection, event: Uuid, hall: &Hall) -> Result<(Free, Free)> {
    let (mut free, mut held) = (Free::all(hall), Free::none_of(hall));
    for (seat, paid) in live_in(connection, event).await? {
        free.take(seat);
        if !paid {
            held.give(seat);
        }
    }
    Ok((free, held))
}

const RELEASES: [(Release, &str); 4] =
    [(Release::House, "house"), (Release::Section, "section"), (Release::Tier, "tier"), (Release::Never, "never")];

/// As the database calls it.
pub(crate) fn release_name(release: Release) -> &'static str {
    RELEASES.into_iter().find(|(of, _)| *of == release).map_or("house", |(_, name)| name)
}

/// Of its name in the database.
pub(crate) fn release_of(name: &str) -> Release {
    RELEASES.into_iter().find(|(_, of)| *of == name).map_or_else(Release::default, |(release, _)| release)
}

async fn insert_tiers(tx: &mut PgConnection, event: Uuid, tiers: &[TierRow]) -> Result<()> {
    sqlx::query(
        "insert into tier (event, tier, code, name, price_minor, fee_minor, capacity)
         select $1, u.nth - 1, u.code, u.name, u.price, u.fee, u.capacity
         from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::integer[]) with ordinality
              as u(code, name, price, fee, capacity, nth)",
    )
    .bind(event)
    .bind(tiers.iter().map(|tier| tier.code.clone()).collect::<Vec<_>>())
    .bind(tiers.iter().map(|tier| tier.name.clone()).collect::<Vec<_>>())
    .bind(tiers.iter().map(|tier| tier.price_minor).collect::<Vec<_>>())
    .bind(tiers.iter().map(|tier| tier.fee_minor).collect::<Vec<_>>())
    .bind(tiers.iter().map(|tier| tier.capacity as i32).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

async fn insert_units(tx: &mut PgConnection, event: Uuid, first: usize, units: &[UnitRow]) -> Result<()> {
    sqlx::query(
        "insert into seat (event, seat, tier, stretch, section, row_no, standing, accessible, label, companion, quality)
         select $1, $2 + u.nth - 1, u.tier, u.stretch, u.section, u.row_no, u.standing, u.accessible, u.label, u.companion, u.quality
         from unnest($3::smallint[], $4::integer[], $5::smallint[], $6::smallint[], $7::boolean[], $8::boolean[], $9::text[],
                     $10::boolean[], $11::integer[])
              with ordinality as u(tier, stretch, section, row_no, standing, accessible, label, companion, quality, nth)",
    )
    .bind(event)
    .bind(first as i32)
    .bind(units.iter().map(|unit| i16::from(unit.tier)).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.stretch as i32).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.section as i16).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.row as i16).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.standing).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.accessible).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.label.clone()).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.companion).collect::<Vec<_>>())
    .bind(units.iter().map(|unit| unit.quality.map(u32::cast_signed)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
