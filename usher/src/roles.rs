//! Running roles in this process: bind, connect, serve, stop.

use std::time::Duration;

use anyhow::Context as _;
use chassis::clock::Clock;
use chassis::health::{self, Health};
use chassis::metrics::Metrics;
use chassis::serve;
use chassis::sockets::Sockets;
use chassis::tasks::{TaskKind, Tasks};
use contracts::papers::Papers;
use store::Store;

use crate::config::Config;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4_096;

/// What a process can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Role {
    /// The door: join, accounts, events and sales.
    QueueGateway,
    /// Who is next and when.
    Admission,
    /// Seat maps and lapses.
    Inventory,
    /// Seats, payments, tickets.
    BookingWorker,
    /// Sockets.
    Realtime,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::QueueGateway, Self::Admission, Self::Inventory, Self::BookingWorker, Self::Realtime];

    /// As on the command line, in pid files and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueGateway => "queue-gateway",
            Self::Admission => "admission",
            Self::Inventory => "inventory",
            Self::BookingWorker => "booking-worker",
            Self::Realtime => "realtime",
        }
    }
}

/// Runs these roles until told to stop. `ready` is called once everything listens, with the public address.
pub async fn run(
    config: Config,
    roles: &[Role],
    tasks: Tasks,
    ready: impl FnOnce(std::net::SocketAddr),
) -> anyhow::Result<()> {
    let clock = Clock::system();
    let metrics = Metrics::install();
    tasks.spawn(TaskKind::Service, "metrics upkeep", metrics.clone().upkeep_task(tasks.soft()));

    // Bind everything first, so that a port in use is said before anything else happens.
    let public = serve::bind(config.listen, config.share_listen, BACKLOG)?;
    let private = serve::bind(config.private_listen, false, 64)?;
    let address = public.local_addr().context("the public listener has no address")?;

    let secrets = config.secrets()?;
    let papers = Papers::new(&secrets, {
        let clock = clock.clone();
        move || clock.now_ms()
    });
    let store = Store::open(&config.stores()?).await.context("Postgres cannot be reached; check DATABASE_URL")?;

    let health = Health::new();
    let mut router = axum::Router::new();
    for role in roles {
        match role {
            Role::QueueGateway => {
                let gateway = queue_gateway::prepare(
                    config.gateway.clone(),
                    &secrets,
                    store.clone(),
                    papers.clone(),
                    clock.clone(),
                )
                .await?;
                gateway.run(&tasks);
                router = router.merge(gateway.router());
            }
            Role::Admission => {
                let admission = admission::prepare(
                    config.admission.clone(),
                    &secrets[0],
                    store.clone(),
                    papers.clone(),
                    clock.clone(),
                )?;
                admission.run(&tasks);
                router = router.merge(admission.router());
            }
            Role::Inventory => {
                let inventory =
                    inventory::prepare(config.inventory.clone(), store.clone(), papers.clone(), clock.clone())?;
                inventory.run(&tasks);
                router = router.merge(inventory.router());
            }
            Role::BookingWorker => {
                let worker = booking_worker::prepare(
                    config.payment.clone(),
                    &secrets[0],
                    store.clone(),
                    papers.clone(),
                    clock.clone(),
                )
                .await?;
                worker.run(&tasks);
                router = router.merge(worker.router());
            }
            Role::Realtime => {
                let sockets = Sockets::new(&tasks);
                let realtime =
                    realtime::prepare(config.realtime.clone(), store.clone(), papers.clone(), clock.clone(), sockets)
                        .await?;
                realtime.run(&tasks);
                router = router.merge(realtime.router());
                // A node that has not seen the lines yet would let everybody wait.
                let seen = health.register("realtime follows the running events");
                let stop = tasks.soft();
                tasks.spawn(TaskKind::Job, "realtime catches up", async move {
                    while !realtime.caught_up() && !stop.is_cancelled() {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    seen.up();
                    Ok(())
                });
            }
        }
    }
    let mut http = config.http.clone();
    http.role = roles.iter().map(|role| role.name()).collect::<Vec<_>>().join("+");
    let router = chassis::http::layers(router, http, clock);
    let probes = health::private_router(health.clone(), metrics);
    {
        let (tasks, listener) = (tasks.clone(), config.listener.clone());
        tasks.clone().spawn(TaskKind::Service, "public listener", async move {
            serve::serve(public, router, listener, &tasks).await
        });
    }
    {
        let tasks = tasks.clone();
        tasks.clone().spawn(TaskKind::Service, "private listener", async move {
            serve::serve(private, probes, serve::ListenerConfig::default(), &tasks).await
        });
    }
    health.not_ready_after(tasks.soft());
    health.set_ready(true);
    ready(address);
    tasks.run_until_stopped(Duration::from_millis(config.stop_grace_ms)).await?;
    Ok(())
}
