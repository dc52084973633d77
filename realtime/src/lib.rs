//! Tells every fan where they stand, over WebSockets and by polling: exactly, soon, and never with less than they have seen.
//!
//! Each event that runs has a `room::Room`. Its follower (`tend`) applies the feed to the room's `board`, and rings at
//! the sockets of those places that a record concerns. Everything else — numbers of those ahead, a sale's state, silence — is
//! found by one sweep per event (`sweep`). A socket that was rung at (`live`) computes its view from the board when it can
//! write, so that nothing is ever queued and only the newest state is sent. Polls (`poll`) read the same board.

mod board;
mod config;
mod estimates;
mod heads;
mod hello;
mod hub;
mod live;
mod metrics;
mod odds;
mod openapi;
mod origin;
mod poll;
mod presence;
mod record;
mod remains;
mod room;
mod seats;
mod slot;
mod slots;
mod socket;
mod stop;
mod sweep;
mod telling;
mod tempo;
mod tend;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use chassis::clock::Clock;
use chassis::sockets::Sockets;
use chassis::tasks::{TaskKind, Tasks};
use contracts::papers::Papers;
use store::Store;

pub use crate::config::Config;
use crate::hub::Hub;
pub use crate::openapi::openapi;

/// The role, ready to run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Realtime {
    hub: Arc<Hub>,
}

/// What handlers are given.
#[derive(Clone)]
struct App(Arc<Hub>);

impl FromRef<App> for Papers {
    fn from_ref(app: &App) -> Self {
        app.0.papers.clone()
    }
}

/// Checks the settings and takes the doors to the stores. Install [`chassis::metrics::Metrics`] first.
///
/// # Errors
/// When a setting is out of its range.
#[expect(clippy::unused_async, reason = "every role is prepared alike")]
pub async fn prepare(
    config: Config,
    store: Store,
    papers: Papers,
    clock: Clock,
    sockets: Sockets,
) -> anyhow::Result<Realtime> {
    config.check()?;
    Ok(Realtime { hub: Arc::new(Hub::new(config, store, papers, clock, sockets)) })
}

impl Realtime {
    /// The role's paths.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/live/socket", get(socket::upgrade))
            .route("/v1/live/place", get(poll::place))
            .route("/v1/live/estimates", get(estimates::estimates))
            .with_state(App(self.hub.clone()))
    }

    /// Starts the role's tasks.
    pub fn run(&self, tasks: &Tasks) {
        tasks.spawn(TaskKind::Service, "events to follow", tend::look(self.hub.clone(), tasks.clone()));
        tasks.spawn(TaskKind::Service, "presence", presence::Presence::write(self.hub.clone(), tasks.soft()));
        tasks.spawn(TaskKind::Service, "kept estimates", estimates::Estimates::write(self.hub.clone(), tasks.soft()));
        tasks.spawn(TaskKind::Service, "heads of logs", heads::learn(self.hub.clone(), tasks.soft()));
        tasks.spawn(TaskKind::Service, "socket stop", stop::stop(self.hub.clone(), tasks.soft()));
    }

    /// Whether every event that runs is known here: until then, others answer better.
    pub fn caught_up(&self) -> bool {
        self.hub.caught_up()
    }
}
