//! What can go wrong in a store, in three kinds that callers treat differently.

use sqlx::error::ErrorKind;

/// A store's fault.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection broke, or none was to be had. Trying again makes sense.
    #[error("the store is away: {0}")]
    Away(String),
    /// A named constraint refused the write.
    #[error("refused by {constraint}")]
    Conflict {
        /// The constraint's name in the migrations.
        constraint: String,
    },
    /// The decision named a term or version that has moved; nothing was changed.
    #[error("{0} has moved on")]
    Moved(&'static str),
    /// What is stored contradicts itself.
    #[error("the stored data contradict themselves: {0}")]
    Corrupt(String),
    /// A statement failed for another reason: a bug or a full disk.
    #[error("the database refused: {0}")]
    Database(sqlx::Error),
}

impl StoreError {
    /// Whether trying the same again makes sense.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    /// Whether the named constraint refused.
    #[must_use]
    pub fn is_conflict(&self, name: &str) -> bool {
        matches!(self, Self::Conflict { constraint } if constraint == name)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(fault: sqlx::Error) -> Self {
        match &fault {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
                Self::Away(fault.to_string())
            }
            sqlx::Error::Protocol(_) => Self::Away(fault.to_string()),
            sqlx::Error::Database(db) => match (db.kind(), db.constraint()) {
                (
                    ErrorKind::UniqueViolation | ErrorKind::CheckViolation | ErrorKind::ForeignKeyViolation,
                    Some(name),
                ) => Self::Conflict { constraint: name.to_owned() },
                // 57P0x: the server is stopping or starting. 40001, 40P01, 55P03: serialisation, deadlock, lock timeout.
                // 57014: statement timeout. 53300: too many connections. 25006: read-only, a standby. 08xxx: connection.
                _ if db.code().is_some_and(|code| {
                    code.starts_with("57P")
                        || code.starts_with("08")
                        || matches!(code.as_ref(), "40001" | "40P01" | "55P03" | "57014" | "53300" | "25006")
                }) =>
                {
                    Self::Away(fault.to_string())
                }
                _ => Self::Database(fault),
            },
            _ => Self::Database(fault),
        }
    }
}

impl From<redis::RedisError> for StoreError {
    fn from(fault: redis::RedisError) -> Self {
        Self::Away(format!("redis: {fault}"))
    }
}
