//! A place being watched: its windows, and the newest that came through any of them.

use std::time::Duration;

use contracts::places::{HoldView, Joined, PlaceState, View};
use contracts::sales::SaleState;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::eyes::{Eye, News, Order};
use super::fan::Fan;
use super::plan::Watch;
use crate::api::Caller;

/// A place being watched. Dropping it closes the windows.
pub(super) struct Watched {
    pub(super) place: Joined,
    pub(super) news: watch::Receiver<Option<News>>,
    orders: watch::Sender<Order>,
    looks: u32,
    // Windows end when their orders' sender is dropped; the set ends them for good with the fan.
    _windows: JoinSet<()>,
}

/// Whether the fan knows how many stand before them: nobody does in a lobby.
pub(super) fn has_number(view: &View) -> bool {
    !matches!(view.sale, SaleState::Scheduled | SaleState::Lobby | SaleState::Drawing)
}

/// Whether nothing more can come for the fan.
pub(super) fn over(view: &View) -> bool {
    match view.state {
        PlaceState::Waiting | PlaceState::Skipped | PlaceState::Standing => {
            matches!(view.sale, SaleState::SoldOut | SaleState::Closed)
        }
        PlaceState::Holding => false,
        _ => true,
    }
}

impl Fan {
    pub(super) fn open_windows(&self, place: Joined) -> Watched {
        let (news_in, news) = watch::channel(None);
        let (orders, order) = watch::channel(Order::Look(0));
        let mut windows = JoinSet::new();
        let eye = |number, caller: &Caller| Eye {
            number,
            caller: caller.clone(),
            place: place.place.place_id,
            receipt: place.receipt.clone().into(),
            listen: place.listen.clone(),
            seq: place.seq,
            sign_every: Duration::from_millis((self.order.presence_ms / 3).clamp(500, 20_000) as u64),
            diary: self.diary.clone(),
            live: self.live.clone(),
        };
        if self.plan.watch == Watch::Polls {
            windows.spawn(eye(0, &self.caller).poll(order, news_in));
        } else {
            windows.spawn(eye(0, &self.caller).watch(order.clone(), news_in.clone()));
            if self.plan.two_devices || self.plan.watch == Watch::TwoTabs {
                let caller = if self.plan.two_devices { &self.other } else { &self.caller };
                windows.spawn(eye(1, caller).watch(order, news_in));
            }
        }
        Watched { place, news, orders, looks: 0, _windows: windows }
    }
}

impl Watched {
    /// The newest view.
    pub(super) fn newest(&self) -> Option<View> {
        self.news.borrow().as_ref().map(|news| news.view.clone())
    }

    /// The first view, from now, that fits. Nothing only if all windows closed for good without one.
    pub(super) async fn wait(&mut self, fits: impl Fn(&View) -> bool) -> Option<View> {
        let fitting = |news: &Option<News>| news.as_ref().is_some_and(|news| fits(&news.view));
        let found = self.news.wait_for(fitting).await.map(|news| news.as_ref().map(|news| news.view.clone()));
        found.unwrap_or_else(|_| self.newest())
    }

    /// As [`Watched::wait`], for a while.
    pub(super) async fn until(&mut self, patience: Duration, fits: impl Fn(&View) -> bool) -> Option<View> {
        timeout(patience, self.wait(fits)).await.ok().flatten()
    }

    /// The hold as last seen.
    pub(super) fn hold(&self) -> Option<HoldView> {
        self.newest().and_then(|view| view.hold)
    }

    pub(super) fn away(&self) {
        self.orders.send_replace(Order::Away);
    }

    pub(super) fn look(&mut self) {
        self.looks += 1;
        self.orders.send_replace(Order::Look(self.looks));
    }

    pub(super) fn lose(&mut self) {
        self.look();
    }
}
