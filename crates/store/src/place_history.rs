//! What became of a place, step by step, as recorded: for a fan who asks why, and for the operator who helps.

use domain::order::Class;
use uuid::Uuid;

use crate::{Result, Store};

/// The newest of each kind of step that are told, at most.
const KEPT: i64 = 20;

/// What became of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceHistory {
    /// Its class now.
    pub class: Class,
    /// Why it goes first, or by which code it came; empty for none.
    pub reason: String,
    /// The lobby's draw, if the place was in it.
    pub draw: Option<DrawPart>,
    /// The steps, oldest first; of each kind the newest 20.
    pub steps: Vec<(i64, Step)>,
}

/// The draw that numbered a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawPart {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// How many entries it numbered.
    pub size: i64,
    /// What the numbers follow from.
    pub seed: [u8; 32],
}

/// A step on a place's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It joined.
    Joined,
    /// It went over to another fan.
    Transferred,
    /// It was passed over, since its fan was absent.
    Skipped {
        /// When the fan was last seen, in milliseconds since 1970: 0 for never, nothing where the decision does not say.
        seen_ms: Option<i64>,
    },
    /// It was let in.
    Admitted,
    /// Seats were held for it.
    Held {
        /// The booking.
        booking: Uuid,
        /// Until when, in milliseconds since 1970.
        deadline_ms: i64,
    },
    /// A booking of it ended.
    BookingEnded {
        /// The booking.
        booking: Uuid,
        /// How it stands: `lapsed`, `released`, `failed`, `paid`, `refunded`.
        state: String,
    },
    /// An operator took it out of the line.
    Removed {
        /// The operator.
        by: Uuid,
        /// Why.
        reason: String,
    },
    /// An operator put it into the line again, or to its head.
    PutBack {
        /// The operator.
        by: Uuid,
        /// Why.
        reason: String,
        /// What the place was before.
        from: String,
        /// Whether to the head of the line.
        front: bool,
    },
    /// It ended.
    Ended {
        /// How.
        state: String,
    },
}

impl Store {
    /// What became of a place.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn place_history(&self, place: Uuid) -> Result<Option<PlaceHistory>> {
        type Row = (Uuid, i64, i64, Option<i64>, Option<i64>, String, i16, String);
        let row: Option<Row> = sqlx::query_as(
            "select p.sale, p.entry, to_ms(p.joined_at), to_ms(p.admitted_at), to_ms(p.ended_at), p.state, p.class,
                    coalesce(e.reason, '')
             from place p left join entitlement e on e.place = p.id where p.id = $1",
        )
        .bind(place)
        .fetch_optional(&self.pool)
        .await?;
        let Some((sale, entry, joined_ms, admitted_ms, ended_ms, state, class, reason)) = row else { return Ok(None) };
        let mut steps = vec![(joined_ms, Step::Joined)];
        steps.extend(admitted_ms.map(|at| (at, Step::Admitted)));
        steps.extend(self.skips_of(place, sale, entry).await?);
        steps.extend(self.bookings_of_place(place).await?);
        let transfers: Vec<i64> = sqlx::query_scalar(
            "select to_ms(used_at) from place_transfer where place = $1 and used_at is not null order by used_at desc limit $2",
        )
        .bind(place)
        .bind(KEPT)
        .fetch_all(&self.pool)
        .await?;
        steps.extend(transfers.into_iter().map(|at| (at, Step::Transferred)));
        steps.extend(self.mending_of(place, sale, entry, joined_ms).await?);
        // Stable: what happened within one millisecond stays in the order of a place's way.
        steps.sort_by_key(|(at, _)| *at);
        // The step that removed it says more.
        steps.extend(ended_ms.filter(|_| state != "removed").map(|at| (at, Step::Ended { state })));
        let draw = self.draw_of(sale, entry).await?;
        Ok(Some(PlaceHistory { class: Class(class as u8), reason, draw, steps }))
    }

    async fn skips_of(&self, place: Uuid, sale: Uuid, entry: i64) -> Result<Vec<(i64, Step)>> {
        // Decisions tell of whom they passed over; the ones shortly before a skip say when the fan was last seen.
        let rows: Vec<(i64, Option<i64>)> = sqlx::query_as(
            "select to_ms(s.at), seen.ms
             from (select at from place_skip where place = $1 order by at desc limit $4) s
                  left join lateral (
                      select (passed ->> 1)::bigint as ms
                      from pace_tick t cross join lateral jsonb_array_elements(t.passed_over) passed
                      where t.sale = $2 and t.at between s.at - interval '30 s' and s.at + interval '1 s'
                            and (passed ->> 0)::bigint = $3
                      order by t.at desc limit 1) seen on true",
        )
        .bind(place)
        .bind(sale)
        .bind(entry)
        .bind(KEPT)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(at, seen_ms)| (at, Step::Skipped { seen_ms })).collect())
    }

    /// What operators did, and when the place was let in before it was put back: its row knows only the last time.
    async fn mending_of(&self, place: Uuid, sale: Uuid, entry: i64, joined_ms: i64) -> Result<Vec<(i64, Step)>> {
        type Row = (i64, String, String, i16, i16, Uuid, String);
        let rows: Vec<Row> = sqlx::query_as(
            "select to_ms(m.at), m.action, m.state_before, m.class_before, m.class, a.account, a.reason
             from mending m join audit a on a.id = m.audit where m.place = $1 order by m.version desc limit $2",
        )
        .bind(place)
        .bind(KEPT)
        .fetch_all(&self.pool)
        .await?;
        let front = i16::from(Class::FRONT.0);
        let last_put_ms = rows.iter().filter(|row| row.1 == "put").map(|row| row.0).max();
        let mut steps: Vec<_> = rows
            .into_iter()
            .rev()
            .map(|(at_ms, action, from, class_before, class, by, reason)| match action.as_str() {
                "remove" => (at_ms, Step::Removed { by, reason }),
                _ => (at_ms, Step::PutBack { by, reason, from, front: class == front && class_before != front }),
            })
            .collect();
        let Some(until_ms) = last_put_ms else { return Ok(steps) };
        let admitted: Vec<i64> = sqlx::query_scalar(
            "select to_ms(at) from pace_tick
             where sale = $1 and at >= to_timestamp($3 / 1000.0) and at <= to_timestamp($4 / 1000.0) and $2 = any(entries)
             order by at desc limit $5",
        )
        .bind(sale)
        .bind(entry)
        .bind(joined_ms as f64)
        .bind(until_ms as f64)
        .bind(KEPT)
        .fetch_all(&self.pool)
        .await?;
        steps.extend(admitted.into_iter().map(|at_ms| (at_ms, Step::Admitted)));
        Ok(steps)
    }

    async fn bookings_of_place(&self, place: Uuid) -> Result<Vec<(i64, Step)>> {
        type Row = (Uuid, String, i64, i64, Option<i64>);
        let rows: Vec<Row> = sqlx::query_as(
            "select id, state, to_ms(held_at), to_ms(deadline + clock_lag(sale, held_at)), to_ms(ended_at) from booking
             where place = $1 order by id desc limit $2",
        )
        .bind(place)
        .bind(KEPT)
        .fetch_all(&self.pool)
        .await?;
        let steps = rows.into_iter().rev().flat_map(|(booking, state, held_ms, deadline_ms, ended_ms)| {
            let held = (held_ms, Step::Held { booking, deadline_ms });
            let ended = ended_ms.map(|at| (at, Step::BookingEnded { booking, state }));
            std::iter::once(held).chain(ended)
        });
        Ok(steps.collect())
    }

    async fn draw_of(&self, sale: Uuid, entry: i64) -> Result<Option<DrawPart>> {
        let row: Option<(i64, i64, Vec<u8>)> = sqlx::query_as(
            "select to_ms(drawn_at), size, seed from draw
             where sale = $1 and drawn_at is not null and size >= $2 and length(seed) = 32",
        )
        .bind(sale)
        .bind(entry)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.and_then(|(at_ms, size, seed)| Some(DrawPart { at_ms, size, seed: seed.try_into().ok()? })))
    }
}
