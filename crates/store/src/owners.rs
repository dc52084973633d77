//! Who owns what, and who may do what for whom.

use uuid::Uuid;

use crate::{Result, Store};

/// An event's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The event.
    pub event: Uuid,
    /// The organisation it belongs to.
    pub organisation: Uuid,
    /// Whether strangers may see it.
    pub published: bool,
}

impl Store {
    /// Who owns an event.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn event_owner(&self, event: Uuid) -> Result<Option<Owner>> {
        let row: Option<(Uuid, bool)> = sqlx::query_as("select organisation, published from event where id = $1")
            .bind(event)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|(organisation, published)| Owner { event, organisation, published }))
    }

    /// Who owns a sale, through its event; `published` is the sale's.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn sale_owner(&self, sale: Uuid) -> Result<Option<Owner>> {
        let row: Option<(Uuid, Uuid, bool)> = sqlx::query_as(
            "select e.id, e.organisation, s.published from sale s join event e on e.id = s.event where s.id = $1",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(event, organisation, published)| Owner { event, organisation, published }))
    }

    /// What an account may do for an organisation: any of `promoter` and `operator`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn roles_in(&self, account: Uuid, organisation: Uuid) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar("select role from membership where account = $1 and organisation = $2")
            .bind(account)
            .bind(organisation)
            .fetch_all(&self.pool)
            .await?)
    }
}
