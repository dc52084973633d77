//! Accounts, their sessions, and the organisations they are members of.

use uuid::Uuid;

use crate::{Result, Store, StoreError};

/// What signing in compares with.
#[derive(Clone)]
pub struct Credentials {
    /// The account.
    pub account: Uuid,
    /// Its password's hash, in PHC form.
    pub password_hash: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("account", &self.account).finish_non_exhaustive()
    }
}

/// A role of an account in an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRow {
    /// The organisation.
    pub organisation: Uuid,
    /// Its name.
    pub name: String,
    /// `promoter` or `operator`.
    pub role: String,
}

/// What came of using a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The successor is the session's newest token now, or has been for a moment.
    Renewed {
        /// Whose session it is.
        account: Uuid,
    },
    /// No such token was ever given.
    Unknown,
    /// The session has ended or the token is too old.
    Over,
    /// The token was replaced long ago, so two parties hold it: the whole session was ended.
    Reused,
}

impl Store {
    /// Makes an account. Answers whether it was made: `false` when the address is taken.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn create_account(&self, account: Uuid, email: &str, password_hash: &str) -> Result<bool> {
        let made = sqlx::query("insert into account (id, email, password_hash) values ($1, $2, $3)")
            .bind(account)
            .bind(email)
            .bind(password_hash)
            .execute(&self.pool)
            .await
            .map_err(StoreError::from);
        match made {
            Ok(_) => Ok(true),
            Err(fault) if fault.is_conflict("account_email_unique") => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// What signing in with an address compares with.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn credentials_of(&self, email: &str) -> Result<Option<Credentials>> {
        let row: Option<(Uuid, String)> = sqlx::query_as("select id, password_hash from account where email = $1")
            .bind(email)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|(account, password_hash)| Credentials { account, password_hash }))
    }

    /// An account's address.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn email_of(&self, account: Uuid) -> Result<Option<String>> {
        Ok(sqlx::query_scalar("select email from account where id = $1")
            .bind(account)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// All roles of an account.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn memberships_of(&self, account: Uuid) -> Result<Vec<MembershipRow>> {
        let rows: Vec<(Uuid, String, String)> = sqlx::query_as(
            "select o.id, o.name, m.role from membership m join organisation o on o.id = m.organisation
             where m.account = $1 order by o.id, m.role",
        )
        .bind(account)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(organisation, name, role)| MembershipRow { organisation, name, role }).collect())
    }

    /// Makes an organisation, with its founder as promoter and operator. The same identifier twice makes one.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn create_organisation(&self, organisation: Uuid, name: &str, founder: Uuid) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("insert into organisation (id, name) values ($1, $2) on conflict (id) do nothing")
            .bind(organisation)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "insert into membership (organisation, account, role) select $1, $2, unnest(array['promoter', 'operator'])
             on conflict do nothing",
        )
        .bind(organisation)
        .bind(founder)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Gives the account with this address a role. Answers `false` when there is no such account.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn add_member(&self, organisation: Uuid, email: &str, role: &str) -> Result<bool> {
        let known: bool = sqlx::query_scalar(
            "with known as (select id from account where email = $2),
                  made as (insert into membership (organisation, account, role) select $1, id, $3 from known
                           on conflict do nothing)
             select exists (select from known)",
        )
        .bind(organisation)
        .bind(email)
        .bind(role)
        .fetch_one(&self.pool)
        .await?;
        Ok(known)
    }

    /// Begins a session with its first refresh token, of which only the hash is kept.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn open_session(&self, hash: &[u8; 32], family: Uuid, account: Uuid, ttl_ms: i64) -> Result<()> {
        sqlx::query(
            "insert into session_token (hash, family, account, expires_at)
             values ($1, $2, $3, clock_timestamp() + $4 * interval '1 ms')",
        )
        .bind(&hash[..])
        .bind(family)
        .bind(account)
        .bind(ttl_ms as f64)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Replaces a refresh token by its successor. Within `grace_ms` of the first time, the same again does the same; later it
    /// ends the session, since two parties then hold the old token.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn rotate_session(
        &self,
        old: &[u8; 32],
        successor: &[u8; 32],
        ttl_ms: i64,
        grace_ms: i64,
    ) -> Result<Rotation> {
        let mut tx = self.pool.begin().await?;
        let row: Option<(Uuid, Uuid, bool, bool)> = sqlx::query_as(
            "select family, account, revoked_at is not null or expires_at <= clock_timestamp(),
                    coalesce(replaced_at <= clock_timestamp() - $2 * interval '1 ms', false)
             from session_token where hash = $1 for update",
        )
        .bind(&old[..])
        .bind(grace_ms as f64)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((family, account, over, reused)) = row else { return Ok(Rotation::Unknown) };
        if over {
            return Ok(Rotation::Over);
        }
        if reused {
            tx.rollback().await?;
            self.end_family(family).await?;
            return Ok(Rotation::Reused);
        }
        sqlx::query("update session_token set replaced_at = clock_timestamp() where hash = $1 and replaced_at is null")
            .bind(&old[..])
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "insert into session_token (hash, family, account, expires_at)
             values ($1, $2, $3, clock_timestamp() + $4 * interval '1 ms') on conflict (hash) do nothing",
        )
        .bind(&successor[..])
        .bind(family)
        .bind(account)
        .bind(ttl_ms as f64)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Rotation::Renewed { account })
    }

    /// Ends the session that a refresh token belongs to. An unknown token ends nothing.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn end_session(&self, hash: &[u8; 32]) -> Result<()> {
        let family: Option<Uuid> = sqlx::query_scalar("select family from session_token where hash = $1")
            .bind(&hash[..])
            .fetch_optional(&self.pool)
            .await?;
        match family {
            Some(family) => self.end_family(family).await,
            None => Ok(()),
        }
    }

    async fn end_family(&self, family: Uuid) -> Result<()> {
        // A rotation under way inserts a successor that this statement's snapshot does not see; the next pass does, and a
        // revoked token has no further successors.
        loop {
            let ended = sqlx::query(
                "update session_token set revoked_at = clock_timestamp() where family = $1 and revoked_at is null",
            )
            .bind(family)
            .execute(&self.pool)
            .await?;
            if ended.rows_affected() == 0 {
                return Ok(());
            }
        }
    }

    /// Removes refresh tokens that ended more than a day ago, at most `limit`. Answers how many.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn sweep_sessions(&self, limit: i64) -> Result<u64> {
        let swept = sqlx::query(
            "delete from session_token where hash in
                (select hash from session_token where expires_at < clock_timestamp() - interval '1 day' limit $1)",
        )
        .bind(limit)
        .execute(&self.pool)
        .await?;
        Ok(swept.rows_affected())
    }
}
