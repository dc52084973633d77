//! What a fan does with seats in hand: pays, one way or another, or does not.

use std::time::Duration;

use contracts::bookings::{AskExchange, Booking, ExchangeState, Pay, Payment};
use contracts::ids::BookingId;
use contracts::places::{View, Wishes};
use rand::RngExt as _;
use reqwest::Method;
use tokio::time::sleep;

use super::diary::{Act, BookingSeen, What};
use super::fan::Fan;
use super::plan::Twist;
use super::watched::{Watched, over};
use crate::api::{Answer, Ask, provider};

const GOOD_CARD: &str = "pm_card_visa";
const BAD_CARD: &str = "pm_card_chargeDeclined";

impl Fan {
    /// With seats held: the last view, when it is over one way or the other.
    pub(super) async fn shop(&mut self, watched: &mut Watched, view: View) -> Option<View> {
        let hold = view.hold.clone()?;
        self.look_at(&watched.place.receipt, hold.booking_id).await;
        let (low_ms, high_ms) = self.order.manner.think_ms;
        let think = self.between(low_ms, high_ms);
        if let Some(view) = watched.until(think, over).await {
            return Some(view);
        }
        let booking = hold.booking_id;
        match self.plan.twist {
            Twist::LetsLapse => {}
            Twist::GivesBack => self.give_back(watched, booking).await,
            Twist::Declined => {
                if let Some(payment) = self.start_paying(watched, booking).await {
                    self.confirm(booking, &payment, BAD_CARD).await;
                    sleep(self.between(300, 1_500)).await;
                    self.confirm(booking, &payment, GOOD_CARD).await;
                }
            }
            Twist::PaysTwice => self.pay_twice(watched, booking).await,
            Twist::PaysLate => {
                if let Some(payment) = self.start_paying(watched, booking).await {
                    self.wait_past_deadline(watched).await;
                    self.confirm(booking, &payment, GOOD_CARD).await;
                }
            }
            Twist::Extends => {
                self.extend(watched, booking).await;
                self.pay_with(watched, booking, GOOD_CARD).await;
            }
            Twist::Exchanges if !self.order.picks => {
                self.exchange(watched, booking).await;
                self.pay_with(watched, booking, GOOD_CARD).await;
            }
            Twist::OddCard(card) => self.pay_with(watched, booking, card.name()).await,
            // Who picks has changed their mind before.
            Twist::Exchanges | Twist::Nice | Twist::Leaves | Twist::AwayThenBack | Twist::AwayForGood => {
                self.pay_with(watched, booking, GOOD_CARD).await;
            }
        }
        watched.wait(over).await
    }

    async fn pay_with(&mut self, watched: &Watched, booking: BookingId, card: &str) {
        if let Some(payment) = self.start_paying(watched, booking).await {
            sleep(self.between(100, 800)).await;
            self.confirm(booking, &payment, card).await;
        }
    }

    /// Two tabs: both ask to pay, both confirm. There must be one attempt, and one of the confirms may be refused.
    async fn pay_twice(&mut self, watched: &Watched, booking: BookingId) {
        let (one, two) = tokio::join!(self.start_paying(watched, booking), self.start_paying(watched, booking));
        if let (Some(one), Some(two)) = (one, two) {
            tokio::join!(self.confirm(booking, &one, GOOD_CARD), self.confirm(booking, &two, GOOD_CARD));
        }
    }

    async fn start_paying(&self, watched: &Watched, booking: BookingId) -> Option<Payment> {
        let url = self.caller.url(&format!("/v1/bookings/{booking}/pay"));
        let pay = Pay { email: Some(self.doors.email(self.number)) };
        // 409: the hold ended while the fan was thinking.
        let ask = Ask::new("pay", Method::POST, url).bearer(&watched.place.receipt).json(&pay).expecting(&[409]);
        let booking: Booking = self.caller.send(ask, &self.diary).await.ok()?;
        self.diary.note(What::Booking(BookingSeen::from(&booking)));
        self.diary.note(What::Did { place: booking.place_id, act: Act::Pay });
        let payment = booking.payment?;
        let intent = payment.intent.clone()?;
        self.diary.note(What::Attempt { booking: booking.booking_id, intent });
        Some(payment)
    }

    async fn confirm(&self, booking: BookingId, payment: &Payment, card: &str) {
        let (Some(api), Some(intent), Some(secret)) = (&payment.provider_api, &payment.intent, &payment.client_secret)
        else {
            return;
        };
        let (status, taken) = match provider::confirm(&self.caller, api, intent, secret, card, &self.diary).await {
            Answer::Ok(_, seen) => {
                let taken = matches!(seen.status.as_str(), "requires_capture" | "processing" | "succeeded");
                (seen.status, taken)
            }
            Answer::Refused(problem) => (problem.code.clone(), false),
            Answer::GaveUp => ("no answer".to_owned(), false),
        };
        self.diary.note(What::Confirmed { booking, intent: intent.clone(), status, taken });
    }

    async fn wait_past_deadline(&mut self, watched: &mut Watched) {
        let late = self.between(100, 900);
        // The deadline moves when paying starts: look again after each wait.
        for _ in 0..3 {
            let Some(hold) = watched.hold() else { return };
            let left_ms = hold.deadline_ms - self.caller.clock.now_ms();
            let Ok(left_ms) = u64::try_from(left_ms) else { break };
            if watched.until(Duration::from_millis(left_ms), over).await.is_some() {
                break;
            }
        }
        sleep(late).await;
    }

    async fn extend(&mut self, watched: &mut Watched, booking: BookingId) {
        if self.act(watched, booking, "extend", Act::Extend).await {
            sleep(self.between(200, 1_500)).await;
        }
    }

    /// Asks for other seats, waits for what comes of it, and looks at what there is then. Now and then asks again when it was in vain.
    async fn exchange(&mut self, watched: &mut Watched, booking: BookingId) {
        let url = self.caller.url(&format!("/v1/bookings/{booking}/exchange"));
        let receipt = watched.place.receipt.clone();
        for _ in 0..2 {
            let wishes = Wishes { apart: self.rng.random_bool(0.7), ..Wishes::default() };
            let body = AskExchange { wishes, elsewhere: self.rng.random_bool(0.3) };
            self.diary.note(What::Did { place: watched.place.place.place_id, act: Act::Exchange });
            // 409: the hold ended while the fan was thinking, or the answer to the first try was lost.
            let ask = Ask::new("exchange", Method::POST, url.clone()).bearer(&receipt).json(&body).expecting(&[409]);
            let Some(seen) = self.caller.send::<Booking>(ask, &self.diary).await.ok() else { return };
            self.diary.note(What::Booking(BookingSeen::from(&seen)));
            // In a crowd the socket tells it before the next look; who polls looks again and again.
            let mut now = seen.exchange;
            for _ in 0..20 {
                if now != Some(ExchangeState::Looking) {
                    break;
                }
                if watched.until(Duration::from_millis(250), over).await.is_some() {
                    return;
                }
                let Some(seen) = self.look_at(&receipt, booking).await else { return };
                now = seen.exchange;
            }
            if now != Some(ExchangeState::Nothing) || self.rng.random_bool(0.5) {
                return;
            }
        }
    }

    async fn give_back(&mut self, watched: &mut Watched, booking: BookingId) {
        let place = watched.place.place.place_id;
        self.diary.note(What::Did { place, act: Act::Unsure });
        self.act(watched, booking, "give-back", Act::GiveBack).await;
    }

    async fn act(&self, watched: &Watched, booking: BookingId, verb: &'static str, act: Act) -> bool {
        let url = self.caller.url(&format!("/v1/bookings/{booking}/{verb}"));
        let ask = Ask::new(verb, Method::POST, url).bearer(&watched.place.receipt).expecting(&[409]);
        let Some(booking) = self.caller.send::<Booking>(ask, &self.diary).await.ok() else { return false };
        self.diary.note(What::Booking(BookingSeen::from(&booking)));
        self.diary.note(What::Did { place: watched.place.place.place_id, act });
        true
    }
}
