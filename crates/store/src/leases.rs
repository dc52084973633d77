//! Leases: one holder at a time decides, and every decision names its term.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, Store, StoreError};

/// What an office decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Office {
    /// Who is admitted; per sale.
    Pacing,
    /// Which seats an admitted place gets; per event.
    Seating,
}

impl Office {
    const fn name(self) -> &'static str {
        match self {
            Self::Pacing => "pacing",
            Self::Seating => "seating",
        }
    }
}

/// A turn of office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which office.
    pub office: Office,
    /// Of which sale or event.
    pub scope: Uuid,
    /// The turn; only ever grows.
    pub term: i64,
    /// For how long each decision renews it, in milliseconds.
    pub ttl_ms: i64,
}

impl Store {
    /// Takes the office if it is vacant, expired or already this holder's. Answers the lease, or nothing while another holds it.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn take_lease(&self, office: Office, scope: Uuid, holder: Uuid, ttl_ms: i64) -> Result<Option<Lease>> {
        let term: Option<i64> = sqlx::query_scalar(
            "insert into lease as l (kind, scope, term, holder, until)
             values ($1, $2, 1, $3, clock_timestamp() + $4 * interval '1 ms')
             on conflict (kind, scope) do update
                set term = l.term + 1, holder = $3, until = clock_timestamp() + $4 * interval '1 ms'
                where l.until <= clock_timestamp() or l.holder = $3
             returning term",
        )
        .bind(office.name())
        .bind(scope)
        .bind(holder)
        .bind(ttl_ms as f64)
        .fetch_optional(&self.pool)
        .await?;
        Ok(term.map(|term| Lease { office, scope, term, ttl_ms }))
    }

    /// Keeps the office while there is nothing to decide.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the term is over; when Postgres is away.
    pub async fn renew_lease(&self, lease: &Lease) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        self.in_office(&mut connection, lease).await
    }

    /// Whether this term still lasts, without renewing it: for work beside the office that its own decisions keep.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn is_in_office(&self, lease: &Lease) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "select exists(select from lease where kind = $1 and scope = $2 and term = $3 and until > clock_timestamp())",
        )
        .bind(lease.office.name())
        .bind(lease.scope)
        .bind(lease.term)
        .fetch_one(&self.pool)
        .await?)
    }

    /// Lets go of the office, so that the next holder need not wait.
    ///
    /// # Errors
    /// When Postgres is away; the lease then ends by its time.
    pub async fn give_up_lease(&self, lease: &Lease) -> Result<()> {
        sqlx::query("update lease set until = '-infinity', holder = null where kind = $1 and scope = $2 and term = $3")
            .bind(lease.office.name())
            .bind(lease.scope)
            .bind(lease.term)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Lets go of every office this holder has over an event or its sales.
    ///
    /// # Errors
    /// When Postgres is away; the leases then end by their time.
    pub async fn give_up_all(&self, office: Office, event: Uuid, holder: Uuid) -> Result<()> {
        sqlx::query(
            "update lease set until = '-infinity', holder = null where kind = $1 and holder = $3
               and (scope = $2 or scope in (select id from sale where event = $2))",
        )
        .bind(office.name())
        .bind(event)
        .bind(holder)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Fails unless the term is still in office; renews it and keeps its row locked until the transaction ends.
    pub(crate) async fn in_office(&self, tx: &mut PgConnection, lease: &Lease) -> Result<()> {
        if !self.guards().term_check {
            return Ok(());
        }
        let renewed = sqlx::query(
            "update lease set until = clock_timestamp() + $4 * interval '1 ms'
             where kind = $1 and scope = $2 and term = $3 and until > clock_timestamp()",
        )
        .bind(lease.office.name())
        .bind(lease.scope)
        .bind(lease.term)
        .bind(lease.ttl_ms as f64)
        .execute(tx)
        .await?;
        if renewed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Moved("the lease's term")) }
    }
}
