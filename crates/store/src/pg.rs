//! The door to Postgres.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::{Result, StoreError};

/// A pool with bounds on everything: how long a statement, a lock and an idle transaction may take.
///
/// # Errors
/// When the address cannot be understood or nobody answers there.
pub async fn connect_postgres(url: &str, pool_max: u32) -> Result<PgPool> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|fault| StoreError::Away(format!("DATABASE_URL: {fault}")))?
        .application_name("usher")
        .options([
            ("statement_timeout", "10s"),
            ("lock_timeout", "3s"),
            ("idle_in_transaction_session_timeout", "15s"),
            // A peer that silently vanished must not keep a connection for good.
            ("tcp_keepalives_idle", "15"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "15000"),
            ("jit", "off"),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(pool_max)
        .acquire_timeout(Duration::from_secs(3))
        // Short lives instead of a round trip before every use.
        .test_before_acquire(false)
        .max_lifetime(Duration::from_mins(10))
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Applies the migrations that are missing. Forward only.
///
/// # Errors
/// When one fails, or an applied one was changed afterwards.
pub async fn migrate(pool: &PgPool) -> Result<()> {
    sqlx::migrate!("./migrations").run(pool).await.map_err(|fault| StoreError::Corrupt(format!("migration: {fault}")))
}
