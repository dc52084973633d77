//! Picks that come to nothing, told without taking a lock: where very many want the same seats, nearly all of them are these.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Lock, Pick, Picked, bookings_of, may, places_of};
use crate::{Result, Store};

impl Store {
    /// What [`Store::pick`] would refuse just now, with its answers, in the order of `picks`; nothing for those that it may grant.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn lost_picks(
        &self,
        event: Uuid,
        picks: &[Pick],
        is_kept: &(dyn Fn(u32) -> bool + Sync),
    ) -> Result<Vec<Option<Picked>>> {
        let mut connection = self.pool.acquire().await?;
        let places: Vec<Uuid> = picks.iter().map(|pick| pick.place).collect();
        let bookings = bookings_of(&mut connection, &places, Lock::None).await?;
        let rows = places_of(&mut connection, event, &places, self.guards().shop_time, Lock::None).await?;
        let wanted: Vec<i32> = picks.iter().flat_map(|pick| &pick.seats).map(|seat| seat.cast_signed()).collect();
        let taken: Vec<(i32, Option<Uuid>)> =
            sqlx::query_as("select seat, booking from hold_seat where event = $1 and live and seat = any($2)")
                .bind(event)
                .bind(&wanted)
                .fetch_all(&mut *connection)
                .await?;
        let taken: HashMap<u32, Option<Uuid>> =
            taken.into_iter().map(|(seat, booking)| (seat.cast_unsigned(), booking)).collect();
        Ok(picks
            .iter()
            .map(|pick| {
                let held = bookings.get(&pick.place);
                let own = held.map(|held| held.id);
                let is_own = |seat: &u32| own.is_some() && taken.get(seat) == Some(&own);
                let has: Vec<u32> = pick.seats.iter().copied().filter(is_own).collect();
                let place = match may(pick, rows.get(&pick.place), held, &has, is_kept) {
                    // What another page of the fan changed just now is judged with the locks.
                    Err(Picked::Again) => return None,
                    Err(refusal) => return Some(refusal),
                    Ok(place) => place,
                };
                let is_theirs = |seat: &u32| taken.contains_key(seat) && !has.contains(seat);
                let seats: Vec<u32> = pick.seats.iter().copied().filter(is_theirs).collect();
                (!seats.is_empty()).then(|| Picked::Taken { seats, accessible: place.needs_accessible() })
            })
            .collect())
    }
}
