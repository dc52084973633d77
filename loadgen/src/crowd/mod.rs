//! A crowd: fans with characters, living their sale over the public API and writing down what they saw.

pub mod diary;
pub mod eyes;
pub mod fan;
pub mod identity;
mod joining;
pub mod live;
pub mod order;
mod pay;
mod picking;
pub mod plan;
mod watched;
pub mod worker;

use std::sync::Arc;

use chassis::clock::Clock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use diary::Story;
pub use live::Live;
pub use order::CrowdOrder;

use crate::api::{Addresses, Caller};

/// How long after everybody went home answers are still waited for: they look back at what they had.
const LOOK_BACK_MS: i64 = 40_000;

/// Lives the stories of `order`'s fans, all at once, until each has ended or `stop` is called.
pub async fn run(
    order: CrowdOrder,
    live: Arc<Live>,
    clock: Clock,
    stop: CancellationToken,
) -> anyhow::Result<Vec<Story>> {
    let addresses = Addresses::new(&order.base, order.first / crate::api::addresses::FANS_PER_ADDRESS, order.count)?;
    let order = Arc::new(order);
    let doors = identity::Doors::new(&order);
    let mut fans = JoinSet::new();
    for number in order.first..order.first + order.count {
        let caller = |device| Caller {
            device,
            base: order.base.clone(),
            clock: clock.clone(),
            until_ms: order.until_ms + LOOK_BACK_MS,
        };
        let fan = fan::Fan::new(
            number,
            order.clone(),
            caller(addresses.of(number)),
            // The second device is somebody else's neighbour: a phone on another network.
            caller(addresses.of(number + 7)),
            live.clone(),
            doors.clone(),
            stop.clone(),
        );
        fans.spawn(fan.live());
    }
    let mut stories = Vec::with_capacity(order.count as usize);
    while let Some(done) = fans.join_next().await {
        stories.push(done?);
    }
    stories.sort_by_key(|story| story.fan);
    Ok(stories)
}
