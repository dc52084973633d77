//! A fan who picks seats on the live map.

use std::collections::BTreeSet;

use contracts::picking::{PickSeats, PickedSeats, TakenSeats};
use contracts::places::{PlaceState, View};
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;
use tokio::time::sleep;

use super::diary::{Act, What};
use super::fan::Fan;
use super::watched::{Watched, over};
use crate::api::{Answer, Ask, Refusal};

/// What came of a click.
enum Clicked {
    Held,
    Lost,
    /// The seats are for those who need an accessible one.
    Kept,
    Over,
}

impl Fan {
    /// Clicks until seats are held or the place is over; some then change their minds, and a few never click.
    pub(super) async fn pick(&mut self, watched: &mut Watched) -> Option<View> {
        let seated = |view: &View| view.state == PlaceState::Holding || over(view);
        if self.rng.random_bool(0.03) {
            return watched.wait(seated).await;
        }
        let party = usize::from(watched.place.place.party);
        let mut avoided = BTreeSet::new();
        loop {
            if let Some(view) = watched.newest().filter(seated) {
                return Some(view);
            }
            let free: Vec<u32> = self.free_seats().await?.into_iter().filter(|seat| !avoided.contains(seat)).collect();
            let seats = somewhere(&mut self.rng, &free, party);
            if seats.is_empty() {
                avoided.clear();
                let pause = self.between(300, 800);
                watched.until(pause, seated).await;
                continue;
            }
            match self.click(watched, &seats).await? {
                Clicked::Held => break,
                Clicked::Lost => sleep(self.between(50, 400)).await,
                Clicked::Kept => avoided.extend(seats),
                Clicked::Over => return watched.wait(seated).await,
            }
        }
        if self.rng.random_bool(0.3) {
            sleep(self.between(200, 1_500)).await;
            let free = self.free_seats().await?;
            let seats = somewhere(&mut self.rng, &free, party);
            if !seats.is_empty() {
                self.click(watched, &seats).await?;
            }
        }
        watched.wait(seated).await
    }

    /// Asks to hold these seats instead of any held before, and looks at what is held if so.
    async fn click(&self, watched: &Watched, seats: &[u32]) -> Option<Clicked> {
        let url = self.caller.url(&format!("/v1/sales/{}/places/mine/seats", self.order.sale));
        let receipt = &watched.place.receipt;
        let body = PickSeats { seats: seats.to_vec() };
        let ask = Ask::new("pick", Method::PUT, url).bearer(receipt).json(&body).expecting(&[409]);
        match self.caller.send::<PickedSeats>(ask, &self.diary).await {
            Answer::Ok(_, PickedSeats { booking_id: booking, seats, server_now_ms, .. }) => {
                self.diary.note(What::Picked { booking, seats, server_now_ms });
                self.look_at(receipt, booking).await.map(|_| Clicked::Held)
            }
            Answer::Refused(problem) => match problem.code.as_str() {
                "seats-taken" | "allotment-taken" => Some(Clicked::Lost),
                "accessible-only" => Some(Clicked::Kept),
                "time-over" | "not-picking" | "payment-under-way" | "too-many-tickets" | "changed-too-often" => {
                    Some(Clicked::Over)
                }
                // None that is expected.
                other if problem.status == 409 => {
                    let (what, code) = ("pick".to_owned(), other.to_owned());
                    let refusal = Refusal { what, status: 409, code, retry_after: false, expected: false };
                    self.diary.note(What::Refused(refusal));
                    None
                }
                // Noted already.
                _ => None,
            },
            Answer::GaveUp => {
                self.diary.note(What::Did { place: watched.place.place.place_id, act: Act::Pick });
                None
            }
        }
    }

    async fn free_seats(&self) -> Option<Vec<u32>> {
        let url = self.caller.url(&format!("/v1/events/{}/taken-seats", self.order.event));
        let told: TakenSeats = self.caller.send(Ask::new("map", Method::GET, url), &self.diary).await.ok()?;
        let TakenSeats::All(map) = told else { return None };
        let taken = map.taken()?;
        let is_free = |seat: &u32| taken.get(*seat as usize / 8).is_some_and(|byte| byte >> (seat % 8) & 1 == 0);
        Some((0..map.capacity).filter(is_free).collect())
    }
}

/// As many neighbouring numbers as wanted, somewhere; any where there are none, and fewer where there are not as many.
fn somewhere(rng: &mut StdRng, free: &[u32], wanted: usize) -> Vec<u32> {
    let runs: Vec<&[u32]> =
        free.windows(wanted.max(1)).filter(|run| run[run.len() - 1] - run[0] == run.len() as u32 - 1).collect();
    match runs.len() {
        0 => {
            let mut any: BTreeSet<u32> = BTreeSet::new();
            while any.len() < wanted.min(free.len()) {
                any.insert(free[rng.random_range(0..free.len())]);
            }
            any.into_iter().collect()
        }
        some => runs[rng.random_range(0..some)].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn neighbours_come_first_then_any_then_what_is_left() {
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(somewhere(&mut rng, &[1, 4, 5, 9], 2), [4, 5]);
        assert_eq!(somewhere(&mut rng, &[1, 4, 9], 3), [1, 4, 9]);
        assert_eq!(somewhere(&mut rng, &[1, 4], 3), [1, 4]);
        assert!(somewhere(&mut rng, &[], 3).is_empty());
        let all: BTreeSet<_> = (0..50).map(|_| somewhere(&mut rng, &[0, 1, 2], 2)).collect();
        assert_eq!(all.len(), 2);
    }
}
