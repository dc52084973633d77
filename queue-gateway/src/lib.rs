//! The door: joining, leaving and finding one's place, in groups that commit before anyone is answered; accounts, sessions and
//! visitors; organisations, events and sales; limits; the pages.

mod accounts;
mod codes;
mod config;
mod desk;
mod drafts;
mod draws;
mod entry_keys;
mod events;
mod joins;
mod limits;
mod log;
mod metrics;
mod my_place;
mod openapi;
mod organisations;
mod pages;
mod passwords;
mod places;
mod refresh;
mod report;
mod routes;
mod sale_book;
mod sale_edits;
mod sales;
mod sheet;
mod sweep;
mod transfers;
mod turnstile;
mod visitors;

use std::sync::Arc;
use std::time::Duration;

use chassis::clock::Clock;
use chassis::tasks::{TaskKind, Tasks};
use contracts::draws::signing_seed;
use contracts::papers::{Papers, derive};
use domain::draw::Signer;
use store::Store;

pub use self::config::{Config, JoinConfig, LimitsConfig, PasswordConfig, Rate};
pub use self::openapi::openapi;
use crate::desk::{Desk, Parts};
use crate::entry_keys::EntryKeys;
use crate::joins::Joins;
use crate::limits::Limits;
use crate::passwords::Passwords;
use crate::sale_book::SaleBook;
use crate::turnstile::Turnstile;

/// The role, ready to run. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    desk: Desk,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

/// Checks the settings and takes the doors to the stores. The first of `secrets` signs papers and the acknowledgements of lobbies'
/// entries; the successors of refresh tokens are derived with a key of it.
///
/// # Errors
/// When a setting is out of its range, there is no secret, or pages are missing.
pub async fn prepare(
    config: Config,
    secrets: &[String],
    store: Store,
    papers: Papers,
    clock: Clock,
) -> anyhow::Result<Gateway> {
    config.check()?;
    if let Some(dir) = &config.web_dir {
        pages::check(dir)?;
    }
    metrics::describe(Limits::NAMES.into_iter());
    let passwords_config = config.passwords.clone();
    // The decoy is a slow hash, so it is made where slow things are.
    let passwords = tokio::task::spawn_blocking(move || Passwords::new(&passwords_config)).await??;
    let (Some(newest), Some(oldest)) = (secrets.first(), secrets.last()) else { anyhow::bail!("there is no secret") };
    // Codes and lists are kept by their hashes alone, so that they last only as long as the secret behind them: the oldest, which
    // goes last when secrets are replaced.
    let entry_keys = Arc::new(EntryKeys::new(oldest));
    let (seed, key_id) = signing_seed(newest);
    let signer = Signer::from_seed(&seed, &key_id);
    let parts = Parts {
        limits: Limits::new(&config.limits),
        passwords,
        sales: SaleBook::new(store.clone(), config.join.settings_max_age_ms, config.join.settings_kept_max),
        joins: Arc::new(Joins::new(store.clone(), config.join.clone(), Arc::clone(&entry_keys), signer)),
        reports: report::Reports::default(),
        reads: Turnstile::new(config.reads_at_once, config.reads_waiting_max),
        entry_keys,
        refresh_key: derive(newest, "usher refresh 1"),
        config,
        store,
        papers,
        clock,
    };
    Ok(Gateway { desk: Desk(Arc::new(parts)) })
}

impl Gateway {
    /// The role's paths. Wrap them in [`chassis::http::layers`], which answers unknown paths and wrong methods.
    pub fn router(&self) -> axum::Router {
        routes::router(&self.desk)
    }

    /// Starts the role's tasks. Joins are placed from now on.
    pub fn run(&self, tasks: &Tasks) {
        self.desk.joins.run(tasks);
        let (desk, soft) = (self.desk.clone(), tasks.soft());
        tasks.spawn(TaskKind::Service, "limit-sweep", async move {
            desk.limits.sweep(Duration::from_millis(desk.config.limits.sweep_ms), soft).await;
            Ok(())
        });
        let every = Duration::from_millis(self.desk.config.sweep_interval_ms);
        tasks.spawn(TaskKind::Service, "expired-sweep", sweep::run(self.desk.store.clone(), every, tasks.soft()));
    }
}
