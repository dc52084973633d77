//! Keyed hashes of codes and addresses: whoever reads the store learns neither, and cannot try them out without our secret.

use aws_lc_rs::hmac;
use contracts::access::SecretCode;
use contracts::papers::derive;
use contracts::problem::Problem;
use domain::access::{code_of, normal_code};
use store::entry::SecretHash;
use uuid::Uuid;

/// Letters of a code that we make: 60 random bits.
const LETTERS: usize = 12;

/// The keys, one per purpose.
pub struct EntryKeys {
    code: hmac::Key,
    email: hmac::Key,
    transfer: hmac::Key,
}

impl EntryKeys {
    pub fn new(secret: &str) -> Self {
        let key = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &derive(secret, purpose));
        Self { code: key("usher access code 1"), email: key("usher invitation 1"), transfer: key("usher transfer 1") }
    }

    /// Of an access code's normal form. The same words in another sale are another code.
    pub fn code(&self, sale: Uuid, normal: &str) -> SecretHash {
        hash(&self.code, &[sale.as_bytes(), normal.as_bytes()])
    }

    /// Of what a fan typed for an access code. What no code can look like gives the hash of none.
    pub fn typed_code(&self, sale: Uuid, typed: &SecretCode) -> SecretHash {
        self.code(sale, &normal_code(&typed.0).unwrap_or_default())
    }

    /// Of an e-mail address in its normal form, on a sale's list.
    pub fn email(&self, sale: Uuid, normal: &str) -> SecretHash {
        hash(&self.email, &[sale.as_bytes(), normal.as_bytes()])
    }

    /// Of a transfer's code, as typed; nothing for what cannot be one.
    pub fn transfer(&self, typed: &SecretCode) -> Option<SecretHash> {
        Some(hash(&self.transfer, &[normal_code(&typed.0)?.as_bytes()]))
    }
}

fn hash(key: &hmac::Key, parts: &[&[u8]]) -> SecretHash {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.sign().as_ref());
    hash
}

/// A new code.
pub fn random_code() -> Result<SecretCode, Problem> {
    let mut bytes = [0; LETTERS];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Problem::internal())?;
    Ok(SecretCode(code_of(&bytes)))
}
