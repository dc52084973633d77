//! What every handler has at hand.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use chassis::clock::Clock;
use contracts::accounts::Role;
use contracts::ids::SaleId;
use contracts::papers::Papers;
use contracts::problem::Problem;
use domain::draw::Numbers;
use once::Keys;
use store::{Store, StoreError};
use uuid::Uuid;

use crate::config::Config;
use crate::entry_keys::EntryKeys;
use crate::joins::Joins;
use crate::limits::Limits;
use crate::metrics::READS_FULL;
use crate::passwords::Passwords;
use crate::report::Reports;
use crate::sale_book::SaleBook;
use crate::turnstile::{Turn, Turnstile};

/// Shared by all handlers. Cheap to clone.
#[derive(Clone)]
pub struct Desk(pub Arc<Parts>);

/// The parts of the desk.
pub struct Parts {
    pub config: Config,
    pub store: Store,
    pub papers: Papers,
    pub clock: Clock,
    pub limits: Limits,
    pub passwords: Passwords,
    pub sales: SaleBook,
    pub joins: Arc<Joins>,
    pub reports: Reports,
    pub reads: Turnstile,
    pub entry_keys: Arc<EntryKeys>,
    /// Derives the successor of a refresh token.
    pub refresh_key: [u8; 32],
}

impl Deref for Desk {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<Desk> for Papers {
    fn from_ref(desk: &Desk) -> Self {
        desk.papers.clone()
    }
}

impl Parts {
    /// A turn to read the store for somebody who browses; joins need none.
    pub async fn read_turn(&self) -> Result<Turn, Problem> {
        self.reads.turn().await.map_err(|_| {
            metrics::counter!(READS_FULL).increment(1);
            Problem::unavailable("very many are looking; ask again in a moment").retry_after(rand::random_range(1..=3))
        })
    }

    /// What idempotency keys stand for.
    pub const fn keys(&self) -> Keys<'_> {
        Keys { store: &self.store, clock: &self.clock, takeover_ms: self.config.idempotency_takeover_ms, problem }
    }

    /// The numbers of a sale's draw.
    pub async fn numbers(&self, sale: SaleId, seed: [u8; 32], size: i64) -> Result<Arc<Numbers>, Problem> {
        self.store.drawn_numbers(sale.0, seed, size).await.map_err(|_| {
            Problem::unavailable("very many ask for draws; ask again in a moment")
                .retry_after(rand::random_range(2..=5))
        })
    }

    /// What an account may do for an organisation.
    pub async fn roles(&self, account: Uuid, organisation: Uuid) -> Result<Roles, Problem> {
        Ok(Roles(self.store.roles_in(account, organisation).await.map_err(|fault| problem(&fault))?))
    }
}

/// An account's roles in an organisation.
pub struct Roles(Vec<String>);

impl Roles {
    /// Whether the account is a member at all.
    pub fn is_member(&self) -> bool {
        !self.0.is_empty()
    }

    /// Refuses all but promoters. Strangers are told there is nothing where only members may know of it.
    pub fn must_promote(&self, what: &str, known_to_all: bool) -> Result<(), Problem> {
        if self.0.iter().any(|role| role == role_name(Role::Promoter)) {
            Ok(())
        } else if self.is_member() || known_to_all {
            Err(Problem::forbidden(format!("only promoters of its organisation may change this {what}")))
        } else {
            Err(Problem::not_found(what))
        }
    }
}

/// A role as the store names it.
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Promoter => "promoter",
        Role::Operator => "operator",
    }
}

/// What a store's fault is to a client. Logged here, once, unless it is only away.
pub fn problem(fault: &StoreError) -> Problem {
    if fault.is_away() {
        tracing::debug!(%fault, "the store is away");
        Problem::unavailable("the store is away; what was answered before is safe, ask again in a moment")
            .retry_after(rand::random_range(1..=3))
    } else {
        tracing::error!(%fault, "a store operation failed");
        Problem::internal()
    }
}
