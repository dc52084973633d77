//! Passwords: what is accepted, and their slow hashes in a pool of their own, so that sign-ins never starve joins.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use contracts::problem::Problem;
use metrics::{counter, histogram};

use crate::config::PasswordConfig;
use crate::metrics::{PASSWORD_SECONDS, PASSWORDS_FULL};
use crate::turnstile::Turnstile;

/// Characters of a password, at least.
const LENGTH_MIN: usize = 8;
/// Characters of a password, at most.
const LENGTH_MAX: usize = 128;

/// Those that every list of guesses begins with, among the long enough.
const TOO_COMMON: [&str; 48] = [
    "00000000",
    "11111111",
    "11223344",
    "12341234",
    "123123123",
    "1234567890",
    "12345678",
    "123456789",
    "1234567891",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "66666666",
    "87654321",
    "88888888",
    "987654321",
    "abc12345",
    "abcd1234",
    "abcdefgh",
    "aa123456",
    "administrator",
    "asdfasdf",
    "asdfghjk",
    "asdfghjkl",
    "baseball",
    "changeme",
    "computer",
    "football",
    "iloveyou",
    "internet",
    "letmein1",
    "liverpool",
    "michelle",
    "password",
    "password1",
    "password12",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "princess",
    "q1w2e3r4",
    "qwer1234",
    "qwerty12",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
    "sunshine",
    "superman",
];

/// Hashes passwords, a few at once.
pub struct Passwords {
    hasher: Argon2<'static>,
    turnstile: Turnstile,
    /// The hash of nothing anybody knows, compared with where there is no account, so that both take equally long.
    decoy: String,
}

impl Passwords {
    pub fn new(config: &PasswordConfig) -> anyhow::Result<Self> {
        let params = Params::new(config.memory_kib, config.passes, 1, None)
            .map_err(|fault| anyhow::anyhow!("gateway.passwords: {fault}"))?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let at_once = if config.at_once == 0 { cores } else { config.at_once };
        let mut unknown = [0; 32];
        aws_lc_rs::rand::fill(&mut unknown).map_err(|_| anyhow::anyhow!("the machine gives no random bytes"))?;
        let decoy = hasher.hash_password(&unknown).map_err(|fault| anyhow::anyhow!("argon2: {fault}"))?.to_string();
        Ok(Self { hasher, turnstile: Turnstile::new(at_once, config.waiting_max), decoy })
    }

    /// A new password's hash.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        self.work(move |hasher| hasher.hash_password(password.as_bytes()).map(|hash| hash.to_string())).await?.map_err(
            |fault| {
                tracing::error!(%fault, "a password could not be hashed");
                Problem::internal()
            },
        )
    }

    /// Whether the password belongs to the hash. Without a hash never, after as much work.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let fits = self
            .work(move |hasher| {
                PasswordHash::new(&hash).is_ok_and(|hash| hasher.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(known && fits)
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce(&Argon2<'_>) -> T + Send + 'static) -> Result<T, Problem> {
        let began = std::time::Instant::now();
        let Ok(turn) = self.turnstile.turn().await else {
            counter!(PASSWORDS_FULL).increment(1);
            return Err(
                Problem::unavailable("very many are signing in; nothing is lost, try again in a moment").retry_after(2)
            );
        };
        let hasher = self.hasher.clone();
        let done = tokio::task::spawn_blocking(move || {
            // Kept by the work, not by the request: a request that went away does not let another in before its work is done.
            let _turn = turn;
            job(&hasher)
        });
        let outcome = done.await.map_err(|_| Problem::internal())?;
        histogram!(PASSWORD_SECONDS).record(began.elapsed());
        Ok(outcome)
    }
}

/// Refuses passwords that are too short, too long or too common.
pub fn check_password(password: &str) -> Result<(), Problem> {
    let length = password.chars().count();
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return Err(Problem::invalid(format!(
            "password: must be {LENGTH_MIN} to {LENGTH_MAX} characters; long beats odd"
        )));
    }
    if TOO_COMMON.contains(&password.to_lowercase().as_str()) {
        return Err(Problem::invalid("password: this one is on every list of guesses; take another"));
    }
    Ok(())
}

/// The address in the form it is kept in: trimmed and in lower case, one `@` with something on either side.
pub fn normal_email(email: &str) -> Result<String, Problem> {
    let email = email.trim().to_lowercase();
    let sane = email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email.split_once('@').is_some_and(|(name, host)| {
            (1..=64).contains(&name.len())
                && !host.is_empty()
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
        });
    if sane { Ok(email) } else { Err(Problem::invalid("email: must be an address like name@example.org")) }
}

#[cfg(test)]
mod tests {
    use super::{check_password, normal_email};

    #[test]
    fn addresses_are_kept_in_one_form() {
        assert_eq!(normal_email("  Ada@Example.ORG ").unwrap(), "ada@example.org");
        for wrong in ["", "ada", "@example.org", "ada@", "a da@example.org", "a@b@c", "ada@.org", "ada@org."] {
            assert!(normal_email(wrong).is_err(), "{wrong}");
        }
        assert!(normal_email(&format!("{}@example.org", "a".repeat(300))).is_err());
    }

    #[test]
    fn weak_passwords_are_refused() {
        for wrong in ["", "short", "Password123", "12345678", &"x".repeat(129)] {
            assert!(check_password(wrong).is_err(), "{wrong}");
        }
        for right in ["open sesame, demo", "ünïcödé!", &"x".repeat(128)] {
            assert!(check_password(right).is_ok(), "{right}");
        }
    }
}
