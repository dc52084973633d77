//! Secrets that Usher and the payment provider share: made once, kept in a file that only its owner reads.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde::{Deserialize, Serialize};

/// The secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// The provider's secret key.
    pub payment_key: String,
    /// Signs the provider's webhooks.
    pub webhook_secret: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets([redacted])")
    }
}

impl Secrets {
    /// Those of the data folder, made at the first start.
    pub fn load_or_make(data: &Path) -> anyhow::Result<Self> {
        let path = data.join("secrets.json");
        if path.exists() {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            return serde_json::from_str(&text).with_context(|| format!("{} is damaged: remove it", path.display()));
        }
        let made =
            Self { payment_key: format!("sk_test_{}", random()?), webhook_secret: format!("whsec_{}", random()?) };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(&serde_json::to_vec_pretty(&made)?)?;
        Ok(made)
    }
}

fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok().context("the system gives no random numbers")?;
    Ok(B64.encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn made_once_and_readable_by_the_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let first = Secrets::load_or_make(dir.path()).unwrap();
        assert_eq!(Secrets::load_or_make(dir.path()).unwrap(), first);
        let mode = std::fs::metadata(dir.path().join("secrets.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
