//! A fan's sale, from the door to the ticket or to giving up.

use std::sync::Arc;
use std::time::Duration;

use contracts::bookings::Booking;
use contracts::ids::BookingId;
use contracts::places::{Joined, PlaceState, Question, View};
use contracts::sales::SaleState;
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::diary::{Act, BookingSeen, Diary, Story, What};
use super::identity::Doors;
use super::live::Live;
use super::order::CrowdOrder;
use super::plan::{Plan, Twist, Watch, chance};
use super::watched::{Watched, has_number, over};
use crate::api::{Answer, Ask, Caller};

/// Tokens are asked for this long before joining, at most: an account's ends after some minutes.
const TOKEN_AHEAD_MS: i64 = 180_000;

/// A fan.
pub struct Fan {
    pub(super) number: u32,
    pub(super) order: Arc<CrowdOrder>,
    pub(super) plan: Plan,
    pub(super) rng: StdRng,
    pub(super) caller: Caller,
    pub(super) other: Caller,
    pub(super) diary: Diary,
    pub(super) live: Arc<Live>,
    pub(super) doors: Doors,
    stop: CancellationToken,
    pub(super) token: String,
    /// The places had, newest last.
    pub(super) places: Vec<Joined>,
    /// The bookings seen, with the receipt that opens them.
    pub(super) bookings: Vec<(BookingId, String)>,
    /// How often a place was asked for.
    pub(super) asked: u32,
}

impl std::fmt::Debug for Fan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fan").field("number", &self.number).field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl Fan {
    /// A fan of the crowd, at the door.
    pub fn new(
        number: u32,
        order: Arc<CrowdOrder>,
        caller: Caller,
        other: Caller,
        live: Arc<Live>,
        doors: Doors,
        stop: CancellationToken,
    ) -> Self {
        let mut rng = chance(order.seed, number);
        let plan = match order.manner.alike {
            Some(twist) => Plan::plain(twist),
            None => Plan::new(&mut rng, &order.tiers),
        };
        let clock = caller.clock.clone();
        let diary = if order.manner.look_back { Diary::new(clock) } else { Diary::idle(clock) };
        Self {
            number,
            order,
            plan,
            rng,
            caller,
            other,
            diary,
            live,
            doors,
            stop,
            token: String::new(),
            places: Vec::new(),
            bookings: Vec::new(),
            asked: 0,
        }
    }

    /// The whole story.
    pub async fn live(mut self) -> Story {
        let stop = self.stop.clone();
        let ended = tokio::select! {
            ended = self.story() => ended,
            () = stop.cancelled() => false,
        };
        Live::add(&self.live.ended, 1);
        if self.order.manner.look_back {
            self.wait_for_closing().await;
            // Not all in the same moment: nobody would look all at once.
            sleep(self.between(0, u64::from(self.order.count).min(8_000))).await;
            self.look_back().await;
        }
        Story { fan: self.number, plan: self.plan, ended, records: self.diary.close() }
    }

    async fn story(&mut self) -> bool {
        let arrives_at_ms = self.arrives_at_ms();
        self.sleep_until(arrives_at_ms - TOKEN_AHEAD_MS).await;
        let Some(token) = self.doors.token(&self.caller, self.number, self.plan.account, &self.diary).await else {
            return false;
        };
        self.token = token;
        Live::add(&self.live.ready, 1);
        self.sleep_until(arrives_at_ms).await;
        let mut visits = 0;
        loop {
            let Some(place) = self.join().await else { return true };
            let mut watched = self.open_windows(place);
            let view = self.stay(&mut watched).await;
            let last = view.clone().or_else(|| watched.newest());
            if let Some(booking) = last.and_then(|view| view.booking_id) {
                self.bookings.push((booking, watched.place.receipt.clone()));
            }
            drop(watched);
            visits += 1;
            let may_return = self.order.manner.rejoin && self.plan.comes_again && visits < 3;
            match view {
                Some(view)
                    if may_return
                        && matches!(
                            view.state,
                            PlaceState::Lapsed | PlaceState::Idle | PlaceState::Released | PlaceState::Left
                        )
                        && !matches!(view.sale, SaleState::SoldOut | SaleState::Closed) =>
                {
                    sleep(self.between(500, 3_000)).await;
                }
                Some(_) => return true,
                None => return matches!(self.plan.twist, Twist::AwayForGood),
            }
        }
    }

    /// A random time, from this fan's own source.
    pub(super) fn between(&mut self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(low_ms..=high_ms.max(low_ms)))
    }

    fn arrives_at_ms(&mut self) -> i64 {
        let manner = &self.order.manner;
        let after_ms = if self.rng.random_range(0..100) < manner.at_opening_percent {
            self.rng.random_range(manner.opening_ms.0..=manner.opening_ms.1)
        } else {
            self.rng.random_range(0..=manner.later_spread_ms) as i64
        };
        self.order.opens_at_ms + after_ms
    }

    pub(super) async fn sleep_until(&self, at_ms: i64) {
        let left_ms = u64::try_from(at_ms - self.caller.clock.now_ms()).unwrap_or(0);
        sleep(Duration::from_millis(left_ms)).await;
    }

    /// Waits in line, shops and pays. The last view; nothing if the fan went away for good.
    async fn stay(&mut self, watched: &mut Watched) -> Option<View> {
        let view = match self.plan.twist {
            Twist::Leaves => {
                let patience = self.between(1_000, 25_000);
                match watched.until(patience, |view| view.state != PlaceState::Waiting || over(view)).await {
                    Some(view) => view,
                    None => return self.leave(watched).await,
                }
            }
            Twist::AwayThenBack | Twist::AwayForGood => {
                let near = self.rng.random_range(1..40);
                let is_near = |view: &View| has_number(view) && view.ahead <= near;
                let view =
                    watched.wait(|view| view.state != PlaceState::Waiting || is_near(view) || over(view)).await?;
                if view.state == PlaceState::Waiting && !over(&view) {
                    watched.away();
                    if self.plan.twist == Twist::AwayForGood {
                        return None;
                    }
                    let skipped_ms = (self.order.presence_ms + self.order.grace_ms) as u64;
                    sleep(self.between(skipped_ms / 2, skipped_ms + 6_000)).await;
                    watched.look();
                    // What was newest before going away says nothing about now.
                    watched.news.mark_unchanged();
                    let _ = timeout(Duration::from_secs(5), watched.news.changed()).await;
                }
                view
            }
            _ => watched.wait(|_| true).await?,
        };
        let mut view = if over(&view) { view } else { self.wait_in_line(watched).await? };
        if !over(&view) && !matches!(view.state, PlaceState::Waiting | PlaceState::Skipped) {
            Live::add(&self.live.admitted, 1);
            if view.state == PlaceState::Standing && self.order.picks {
                view = self.pick(watched).await?;
            } else if view.state == PlaceState::Standing {
                let seated = |view: &View| view.state == PlaceState::Holding || over(view);
                view = watched.wait(|view| view.question.is_some() || seated(view)).await?;
                if let Some(question) = view.question.clone().filter(|_| !seated(&view)) {
                    self.answer(watched, &question).await;
                    view = watched.wait(seated).await?;
                }
            }
            if view.state == PlaceState::Holding {
                Live::add(&self.live.holding, 1);
                view = self.shop(watched, view).await?;
                Live::add(&self.live.holding, -1);
            }
        }
        if let Some(booking) = view.booking_id.filter(|_| view.state == PlaceState::Booked) {
            self.look_at_ticket(&watched.place, booking).await;
        }
        Some(view)
    }

    async fn wait_in_line(&mut self, watched: &mut Watched) -> Option<View> {
        let admitted = |view: &View| !matches!(view.state, PlaceState::Waiting | PlaceState::Skipped) || over(view);
        if self.plan.watch != Watch::Reconnects {
            return watched.wait(admitted).await;
        }
        loop {
            let pause = self.between(1_000, 9_000);
            if let Some(view) = watched.until(pause, admitted).await {
                return Some(view);
            }
            watched.lose();
        }
    }

    /// Takes what is offered instead, leaves, or lets the time pass.
    async fn answer(&mut self, watched: &mut Watched, question: &Question) {
        let chance = self.rng.random_range(0..100);
        let thought = self.between(200, 1_500);
        sleep(thought).await;
        if chance < 65 {
            let url = self.caller.url(&format!("/v1/sales/{}/places/mine", self.order.sale));
            let body = question.agreed(&self.plan.wishes);
            // Seats that fit may have come free, or the time have passed, a moment before.
            let ask = Ask::new("answer", Method::PATCH, url).bearer(&watched.place.receipt).expecting(&[404, 409]);
            if matches!(self.caller.send::<Joined>(ask.json(&body), &self.diary).await, Answer::Ok(..)) {
                self.diary.note(What::Did { place: watched.place.place.place_id, act: Act::Agree });
            }
        } else if chance < 80 {
            self.leave(watched).await;
        }
    }

    async fn leave(&mut self, watched: &mut Watched) -> Option<View> {
        let url = self.caller.url(&format!("/v1/sales/{}/places/mine", self.order.sale));
        // The place may have ended a moment before.
        let ask = Ask::new("leave", Method::DELETE, url).bearer(&watched.place.receipt).expecting(&[404, 409]);
        let place = watched.place.place.place_id;
        self.diary.note(What::Did { place, act: Act::Unsure });
        if matches!(self.caller.send::<()>(ask, &self.diary).await, Answer::Ok(..)) {
            self.diary.note(What::Did { place, act: Act::Leave });
        }
        watched.until(Duration::from_secs(10), over).await.or_else(|| watched.newest())
    }

    /// Looks at the booking around a hold.
    pub(super) async fn look_at(&self, receipt: &str, booking: BookingId) -> Option<Booking> {
        let url = self.caller.url(&format!("/v1/bookings/{booking}"));
        let ask = Ask::new("booking", Method::GET, url).bearer(receipt);
        let booking: Booking = self.caller.send(ask, &self.diary).await.ok()?;
        self.diary.note(What::Booking(BookingSeen::from(&booking)));
        Some(booking)
    }

    async fn look_at_ticket(&self, place: &Joined, booking: BookingId) {
        if let Some(booking) = self.look_at(&place.receipt, booking).await {
            let sold = booking.tickets.iter().filter(|ticket| ticket.valid).count();
            Live::add(&self.live.sold, sold as i64);
        }
    }
}
