//! Getting a place, and looking at the end whether it is still there.

use std::sync::atomic::Ordering;
use std::time::Duration;

use contracts::places::{Join, Joined};
use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::diary::What;
use super::fan::Fan;
use super::live::Live;
use crate::api::{Answer, Ask, Caller};

impl Fan {
    /// Joins, from both devices if there are two. Nothing: the sale lets nobody in any more.
    pub(super) async fn join(&mut self) -> Option<Joined> {
        let join = Join { party: self.plan.party, wishes: self.plan.wishes.clone(), code: None };
        loop {
            match self.ask_from_all(&join).await {
                Answer::Ok(_, joined) => {
                    if self.places.iter().all(|old| old.place.place_id != joined.place.place_id) {
                        Live::add(&self.live.joined, 1);
                    }
                    self.places.push(joined.clone());
                    return Some(joined);
                }
                Answer::Refused(problem) if problem.code == "not-open-yet" => {
                    self.sleep_until(problem.at_ms.unwrap_or(self.order.opens_at_ms)).await;
                    sleep(self.between(0, 300)).await;
                }
                Answer::Refused(_) | Answer::GaveUp => return None,
            }
        }
    }

    async fn ask_from_all(&mut self, join: &Join) -> Answer<Joined> {
        // A key is for one asking: what was refused before the opening is asked anew after it.
        self.asked += 1;
        let asked = self.asked;
        let first = self.ask_to_join(&self.caller, 0, join, asked);
        if !self.plan.two_devices {
            return first.await;
        }
        let (first, second) = tokio::join!(first, self.ask_to_join(&self.other, 1, join, asked));
        if matches!(first, Answer::Ok(..)) { first } else { second }
    }

    async fn ask_to_join(&self, caller: &Caller, device: u8, join: &Join, asked: u32) -> Answer<Joined> {
        let key = format!("join-{}-{asked}-{device}-{}", self.number, self.order.seed);
        // 409: not open yet, closed, sold out; all of them are the sale's to say.
        let ask = Ask::new("join", Method::POST, caller.url(&format!("/v1/sales/{}/places", self.order.sale)))
            .bearer(&self.token)
            .json(join)
            .key(key)
            .expecting(&[409]);
        let sent = Instant::now();
        let answer: Answer<Joined> = caller.send(ask, &self.diary).await;
        if let Answer::Ok(_, joined) = &answer {
            self.diary.note(What::Joined {
                device,
                place: joined.place.place_id,
                entry: joined.place.entry,
                joined_at_ms: joined.place.joined_at_ms,
                took_us: sent.elapsed().as_micros() as u64,
            });
        }
        answer
    }

    pub(super) async fn wait_for_closing(&self) {
        while !self.live.closing.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// At the end: is everything that was acknowledged still there?
    pub(super) async fn look_back(&self) {
        let mut bookings = self.bookings.clone();
        for had in &self.places {
            let url = self.caller.url(&format!("/v1/sales/{}/places/mine", self.order.sale));
            let ask = Ask::new("look back", Method::GET, url).bearer(&had.receipt);
            let asked = had.place.place_id;
            let patience = Duration::from_secs(30);
            match self.caller.send_within::<Joined>(ask, patience, &self.diary).await {
                Answer::Ok(_, now) => {
                    let place = now.place;
                    if let Some(booking) = place.booking_id
                        && bookings.iter().all(|(known, _)| *known != booking)
                    {
                        bookings.push((booking, had.receipt.clone()));
                    }
                    self.diary.note(What::Found {
                        asked,
                        place: place.place_id,
                        entry: place.entry,
                        state: place.state,
                    });
                }
                Answer::Refused(problem) => self.diary.note(What::Lost { place: asked, code: problem.code.clone() }),
                Answer::GaveUp => self.diary.note(What::Lost { place: asked, code: "no answer".to_owned() }),
            }
        }
        for (booking, receipt) in bookings {
            self.look_at(&receipt, booking).await;
        }
    }
}
