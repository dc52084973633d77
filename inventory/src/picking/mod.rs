//! Picking seats on the live map: each event's seats as they are, and its fans' clicks, held group by group.

mod clicks;
pub mod http;
mod shop;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chassis::clock::Clock;
use chassis::tasks::{TaskKind, Tasks};
use metrics::gauge;
use store::Store;
use tokio::sync::mpsc;
use uuid::Uuid;

pub use self::http::CoolDown;
use self::shop::Shop;
use crate::metrics::SHOPS;

/// How often events are looked for in which fans pick.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The events in which fans pick, on this node.
#[derive(Debug, Default)]
pub struct Shops(RwLock<HashMap<Uuid, Arc<Shop>>>);

impl Shops {
    /// An event's, if fans pick in it and it is known here yet.
    fn of(&self, event: Uuid) -> Option<Arc<Shop>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&event).cloned()
    }

    /// Sees to it that each event in which fans pick is followed, until the soft stop.
    pub async fn look(self: Arc<Self>, store: Store, clock: Clock, tasks: Tasks) -> anyhow::Result<()> {
        let stop = tasks.soft();
        while !stop.is_cancelled() {
            match store.picking_events().await {
                Ok(events) => self.tend(&store, &clock, &tasks, &events),
                Err(fault) => tracing::warn!(%fault, "events cannot be read for the moment"),
            }
            let _stopped = stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
        }
        Ok(())
    }

    fn tend(&self, store: &Store, clock: &Clock, tasks: &Tasks, events: &[(Uuid, i64)]) {
        let mut shops = self.0.write().unwrap_or_else(PoisonError::into_inner);
        shops.retain(|event, shop| {
            // One whose task broke is over as well, and begins anew.
            let stays = events.iter().any(|(id, _)| id == event) && !shop.over.is_cancelled();
            if !stays {
                shop.over.cancel();
            }
            stays
        });
        for &(event, version) in events {
            let shop = shops.entry(event).or_insert_with(|| {
                let (shop, clicks) = Shop::new(event, store.clone(), tasks.hard().child_token());
                let shop = Arc::new(shop);
                tasks.spawn(TaskKind::Job, "seat follower", shop.clone().follow(tasks.soft()));
                let (hopeful, held) = mpsc::channel(clicks::WAITING_MAX);
                tasks.spawn(TaskKind::Job, "clicks", clicks::sort(shop.clone(), clicks, hopeful, tasks.soft()));
                tasks.spawn(TaskKind::Job, "picks", clicks::hold(shop.clone(), clock.clone(), held));
                shop
            });
            shop.wants(version);
        }
        gauge!(SHOPS).set(shops.len() as f64);
    }
}
