//! Editing a hall that is on sale: what somebody has, or ever had, stays what it is.
//!
//! A place of the hall is known everywhere by its ordinal: to holds, tickets, the feed and the log. So once a sale is published
//! there are neither more places nor fewer, and one that was ever held keeps its label, its tier, whether it is accessible or a companion's, and
//! does not come together with another such one: past decisions are checked by these. All else may change.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Imported, TierRow, UnitRow};
use crate::Result;

/// Stranded places told, at most.
const TOLD: usize = 100;

/// Who would lose a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// It is paid for.
    Sold,
    /// It is in an unpaid hold.
    Held,
    /// The promoter keeps it back.
    Blocked,
    /// It was in a hold that ended; a late payment may still ask for it, and the log names it.
    Past,
}

/// What would become of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// The map has no such place any more.
    Gone,
    /// It would be another one of the hall's places, counted from 0.
    Moved {
        /// It is this.
        from: u32,
        /// It would be this.
        to: u32,
    },
    /// It would be of another tier.
    Tier {
        /// The tier's code now.
        from: String,
        /// The other one's.
        to: String,
    },
    /// It would become accessible or a companion's, or be so no more.
    Accessible,
    /// No aisle would part it any more from the next place, which was held, too.
    Neighbour,
}

/// A place that somebody has or had, and that an edit would change under them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranded {
    /// What people read.
    pub label: String,
    /// Who would lose it.
    pub whose: Whose,
    /// What would become of it.
    pub loss: Loss,
}

/// A place as the event has it.
type Unit = (i16, i32, bool, bool, bool, String);

/// Whether the hall can become this one. The event's seating is locked by the caller.
pub(super) async fn judge(
    tx: &mut PgConnection,
    event: Uuid,
    tiers: &[TierRow],
    units: &[UnitRow],
) -> Result<Option<Imported>> {
    let codes: Vec<String> = sqlx::query_scalar("select code from tier where event = $1 order by tier")
        .bind(event)
        .fetch_all(&mut *tx)
        .await?;
    if !codes.iter().eq(tiers.iter().map(|tier| &tier.code)) {
        return Ok(Some(Imported::OtherTiers));
    }
    let before: Vec<Unit> = sqlx::query_as(
        "select tier, stretch, standing, accessible, companion, label from seat where event = $1 order by seat",
    )
    .bind(event)
    .fetch_all(&mut *tx)
    .await?;
    let held: Vec<(i32, bool, bool, bool)> = sqlx::query_as(
        "select seat, bool_or(live), bool_or(sold), bool_or(blocked) from (
             select h.seat, h.live, h.live and b.state = 'paid' as sold, false as blocked
             from booking b join hold_seat h on h.booking = b.id where b.event = $1
             union all
             select h.seat, true, false, true from block k join hold_seat h on h.block = k.id and h.live where k.event = $1
             union all
             select seat, false, false, false from seat where event = $1 and given_up) had
         group by seat order by seat",
    )
    .bind(event)
    .fetch_all(&mut *tx)
    .await?;
    let stranded = stranded(&before, &held, &codes, units);
    if !stranded.is_empty() {
        let count = stranded.len();
        return Ok(Some(Imported::Strands { count, first: stranded.into_iter().take(TOLD).collect() }));
    }
    let (before, after) = (before.len(), units.len());
    Ok((before != after).then_some(Imported::OtherPlaces { before, after }))
}

fn stranded(before: &[Unit], held: &[(i32, bool, bool, bool)], codes: &[String], after: &[UnitRow]) -> Vec<Stranded> {
    let mut to: HashMap<&str, u32> = HashMap::with_capacity(after.len());
    for (ordinal, unit) in (0..).zip(after) {
        to.entry(&unit.label).or_insert(ordinal);
    }
    let mut stranded = Vec::new();
    for (nth, (seat, live, paid, blocked)) in held.iter().enumerate() {
        let from = seat.cast_unsigned();
        let Some((tier, stretch, standing, accessible, companion, label)) = before.get(from as usize) else { continue };
        let next_too = held.get(nth + 1).is_some_and(|(next, ..)| *next == seat + 1);
        let joins = || {
            let apart_before = before.get(from as usize + 1).is_some_and(|next| next.1 != *stretch);
            let stretch_of = |at: u32| after.get(at as usize).map(|unit| unit.stretch);
            next_too && !standing && apart_before && stretch_of(from) == stretch_of(from + 1)
        };
        let loss = match after.get(from as usize).filter(|unit| unit.label == *label && unit.standing == *standing) {
            None => to.get(label.as_str()).map_or(Loss::Gone, |&to| Loss::Moved { from, to }),
            Some(unit) if i16::from(unit.tier) != *tier => {
                let code = |tier: usize| codes.get(tier).cloned().unwrap_or_default();
                Loss::Tier { from: code(*tier as usize), to: code(usize::from(unit.tier)) }
            }
            Some(unit) if (unit.accessible, unit.companion) != (*accessible, *companion) => Loss::Accessible,
            Some(_) if joins() => Loss::Neighbour,
            Some(_) => continue,
        };
        let whose = match (live, paid) {
            _ if *blocked => Whose::Blocked,
            (_, true) => Whose::Sold,
            (true, false) => Whose::Held,
            (false, false) => Whose::Past,
        };
        stranded.push(Stranded { label: label.clone(), whose, loss });
    }
    // Whoever has most to lose comes first; otherwise in the hall's order.
    stranded.sort_by_key(|place| (place.loss != Loss::Gone, place.whose as u8));
    stranded
}

/// Ends the turn of office of who seats the event's places, or keeps anybody from beginning one, until the transaction ends: no
/// hold is made meanwhile, and whoever is next in office reads the hall as it is then.
pub(crate) async fn end_turn(tx: &mut PgConnection, event: Uuid) -> Result<()> {
    sqlx::query(
        "insert into lease as l (kind, scope, term) values ('seating', $1, 1)
         on conflict (kind, scope) do update set term = l.term + 1, holder = null, until = '-infinity'",
    )
    .bind(event)
    .execute(tx)
    .await?;
    Ok(())
}

/// Changes tiers and places where they differ; there are as many as before.
pub(super) async fn change(tx: &mut PgConnection, event: Uuid, tiers: &[TierRow], units: &[UnitRow]) -> Result<()> {
    sqlx::query(
        "update tier t set name = u.name, price_minor = u.price, fee_minor = u.fee, capacity = u.capacity
         from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::integer[]) as u(code, name, price, fee, capacity)
         where t.event = $1 and t.code = u.code",
    )
    .bind(event)
    .bind(tiers.iter().map(|tier| tier.code.clone()).collect::<Vec<_>>())
    .bind(tiers.iter().map(|tier| tier.name.clone()).collect::<Vec<_>>())
    .bind(tiers.iter().map(|tier| tier.price_minor).collect::<Vec<_>>())
    .bind(tiers.iter().map(|tier| tier.fee_minor).collect::<Vec<_>>())
    .bind(tiers.iter().map(|tier| tier.capacity as i32).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    for (nth, chunk) in units.chunks(super::CHUNK).enumerate() {
        sqlx::query(
            "update seat s set tier = u.tier, stretch = u.stretch, section = u.section, row_no = u.row_no, standing = u.standing,
                    accessible = u.accessible, label = u.label, companion = u.companion, quality = u.quality
             from unnest($3::smallint[], $4::integer[], $5::smallint[], $6::smallint[], $7::boolean[], $8::boolean[], $9::text[],
                         $10::boolean[], $11::integer[])
                  with ordinality as u(tier, stretch, section, row_no, standing, accessible, label, companion, quality, nth)
             where s.event = $1 and s.seat = $2 + u.nth - 1
               and (s.tier, s.stretch, s.section, s.row_no, s.standing, s.accessible, s.label, s.companion, s.quality)
                   is distinct from (u.tier, u.stretch, u.section, u.row_no, u.standing, u.accessible, u.label, u.companion, u.quality)",
        )
        .bind(event)
        .bind((nth * super::CHUNK) as i32)
        .bind(chunk.iter().map(|unit| i16::from(unit.tier)).collect::<Vec<_>>())
        .bind(chunk.iter().map(|unit| unit.stretch as i32).collect::<Vec<_>>())
        .bind(chunk.iter().map(|unit| unit.section as i16).collect::<Vec<_>>())
        .bind(chunk.iter().map(|unit| unit.row as i16).collect::<Vec<_>>())
        .bind(chunk.iter().map(|unit| unit.standing).collect::<Vec<_>>())
        .bind(chunk.iter().map(|unit| unit.accessible).collect::<Vec<_>>())
        .bind(chunk.iter().map(|unit| unit.label.clone()).collect::<Vec<_>>())
        .bind(chunk.iter().map(|unit| unit.companion).collect::<Vec<_>>())
        .bind(chunk.iter().map(|unit| unit.quality.map(u32::cast_signed)).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
