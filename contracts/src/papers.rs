//! The signed papers people hold: access tokens of accounts, tokens of anonymous visitors, and receipts of places.
//!
//! All are `Authorization: Bearer …`. Keys are derived from one secret by purpose, so that no paper of one kind can pass for
//! another; a key id lets secrets be rotated: the first secret signs, all of them verify.

use std::sync::Arc;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::draws::{DrawKey, DrawKeys};
use crate::log::{HeadSigner, LogKeys};

const RECEIPT_BYTES: usize = 97;
const MAC_BYTES: usize = 16;
const ISSUER: &str = "usher";

/// Why a paper is not accepted. The texts are safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaperFault {
    /// Not one of ours, or changed.
    #[error("the token is not one of ours")]
    Forged,
    /// Its time is over.
    #[error("the token has expired; get a new one")]
    Expired,
}

/// Who asks, as proven by a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A signed-in account.
    Account(Uuid),
    /// A signed anonymous visitor.
    Visitor(Uuid),
    /// The holder of a place's receipt.
    Holder(Receipt),
}

impl Principal {
    /// The identity that stands in lines.
    #[must_use]
    pub const fn fan(&self) -> Uuid {
        match self {
            Self::Account(id) | Self::Visitor(id) => *id,
            Self::Holder(receipt) => receipt.fan,
        }
    }
}

/// Our sealed note of a place: enough, alone, to wait, be admitted and pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The sale.
    pub sale: Uuid,
    /// The sale's event.
    pub event: Uuid,
    /// The place.
    pub place: Uuid,
    /// The fan it belongs to.
    pub fan: Uuid,
    /// The place's entry.
    pub entry: i64,
    /// Tickets wanted.
    pub party: u8,
    /// When it was written, in milliseconds since 1970.
    pub issued_ms: i64,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: i64,
    /// Joins version behind it.
    pub joins: i64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
}

struct KeySet {
    id: u8,
    receipt: hmac::Key,
    confirm: hmac::Key,
    access: (EncodingKey, DecodingKey),
    visitor: (EncodingKey, DecodingKey),
    log: HeadSigner,
    draw: DrawKey,
}

/// Writes and reads papers. Cheap to clone.
#[derive(Clone)]
pub struct Papers {
    keys: Arc<[KeySet]>,
    now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl std::fmt::Debug for Papers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Papers").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// A key for one purpose, derived from a secret: HMAC-SHA-256(secret, purpose), as in HKDF's expand step with one block.
#[must_use]
pub fn derive(secret: &str, purpose: &str) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), purpose.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(tag.as_ref());
    key
}

impl KeySet {
    fn new(secret: &str) -> Self {
        let jwt = |purpose| {
            let key = derive(secret, purpose);
            (EncodingKey::from_secret(&key), DecodingKey::from_secret(&key))
        };
        Self {
            id: derive(secret, "usher key id")[0],
            receipt: hmac::Key::new(hmac::HMAC_SHA256, &derive(secret, "usher receipt 1")),
            confirm: hmac::Key::new(hmac::HMAC_SHA256, &derive(secret, "usher confirm 1")),
            access: jwt("usher access 1"),
            visitor: jwt("usher visitor 1"),
            log: HeadSigner::new(secret),
            draw: DrawKey::of(secret),
        }
    }
}

impl Papers {
    /// From secrets of at least 32 bytes, the signing one first, and a clock in milliseconds since 1970.
    ///
    /// # Panics
    /// Without any secret.
    pub fn new<S: AsRef<str>>(secrets: &[S], now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        assert!(!secrets.is_empty(), "papers need a secret");
        Self { keys: secrets.iter().map(|s| KeySet::new(s.as_ref())).collect(), now_ms: Arc::new(now_ms) }
    }

    /// The clock given to [`Papers::new`].
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.now_ms)()
    }

    fn jwt(key: &EncodingKey, audience: &str, subject: Uuid, now_ms: i64, ttl_ms: i64) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: subject.simple().to_string(),
            aud: audience.to_owned(),
            iat: now_ms / 1000,
            exp: (now_ms + ttl_ms) / 1000,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, key).expect("claims of plain strings encode")
    }

    fn read_jwt(
        &self,
        token: &str,
        audience: &str,
        pick: impl Fn(&KeySet) -> &DecodingKey,
    ) -> Result<Uuid, PaperFault> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[audience]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Our own clock judges the end, below, so that tests can set it.
        rules.validate_exp = false;
        for keys in self.keys.iter() {
            if let Ok(data) = jsonwebtoken::decode::<Claims>(token, pick(keys), &rules) {
                if data.claims.exp <= self.now_ms() / 1000 {
                    return Err(PaperFault::Expired);
                }
                return Uuid::try_parse(&data.claims.sub).map_err(|_| PaperFault::Forged);
            }
        }
        Err(PaperFault::Forged)
    }

    /// An account's access token.
    #[must_use]
    pub fn access_token(&self, account: Uuid, ttl_ms: i64) -> String {
        Self::jwt(&self.keys[0].access.0, "access", account, self.now_ms(), ttl_ms)
    }

    /// An anonymous visitor's token.
    #[must_use]
    pub fn visitor_token(&self, fan: Uuid, ttl_ms: i64) -> String {
        format!("vis_{}", Self::jwt(&self.keys[0].visitor.0, "visitor", fan, self.now_ms(), ttl_ms))
    }

    /// Seals a receipt.
    #[must_use]
    pub fn receipt(&self, receipt: &Receipt) -> String {
        let keys = &self.keys[0];
        let mut bytes = Vec::with_capacity(2 + RECEIPT_BYTES + MAC_BYTES);
        bytes.extend([1, keys.id]);
        for id in [receipt.sale, receipt.event, receipt.place, receipt.fan] {
            bytes.extend(id.as_bytes());
        }
        for number in [receipt.entry, receipt.issued_ms, receipt.expires_ms, receipt.joins] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.push(receipt.party);
        let mac = hmac::sign(&keys.receipt, &bytes);
        bytes.extend(&mac.as_ref()[..MAC_BYTES]);
        format!("rcp_{}", B64.encode(bytes))
    }

    /// Opens a receipt.
    pub fn open_receipt(&self, text: &str) -> Result<Receipt, PaperFault> {
        let body = text.strip_prefix("rcp_").ok_or(PaperFault::Forged)?;
        let bytes = B64.decode(body).map_err(|_| PaperFault::Forged)?;
        if bytes.len() != 2 + RECEIPT_BYTES + MAC_BYTES || bytes[0] != 1 {
            return Err(PaperFault::Forged);
        }
        let (signed, mac) = bytes.split_at(2 + RECEIPT_BYTES);
        let genuine = self.keys.iter().filter(|keys| keys.id == bytes[1]).any(|keys| {
            let expected = hmac::sign(&keys.receipt, signed);
            constant_time::verify_slices_are_equal(&expected.as_ref()[..MAC_BYTES], mac).is_ok()
        });
        if !genuine {
            return Err(PaperFault::Forged);
        }
        let id = |n: usize| Uuid::from_slice(&signed[2 + n * 16..18 + n * 16]).expect("sixteen bytes");
        let number = |n: usize| i64::from_be_bytes(signed[66 + n * 8..74 + n * 8].try_into().expect("eight bytes"));
        let receipt = Receipt {
            sale: id(0),
            event: id(1),
            place: id(2),
            fan: id(3),
            entry: number(0),
            issued_ms: number(1),
            expires_ms: number(2),
            joins: number(3),
            party: signed[98],
        };
        if receipt.expires_ms <= self.now_ms() { Err(PaperFault::Expired) } else { Ok(receipt) }
    }

    /// A code that confirms exactly this change for a while. The change says who makes it; nothing is stored.
    #[must_use]
    pub fn confirm_code(&self, change: &[u8], ttl_ms: i64) -> String {
        let until_ms = (self.now_ms() + ttl_ms).to_be_bytes();
        let mac = hmac::sign(&self.keys[0].confirm, &[&until_ms, change].concat());
        format!("cfm_{}", B64.encode([&until_ms, &mac.as_ref()[..MAC_BYTES]].concat()))
    }

    /// Whether the code confirms this change, now.
    ///
    /// # Errors
    /// When it is of another change, or its time is over.
    pub fn confirmed(&self, change: &[u8], code: &str) -> Result<(), PaperFault> {
        let bytes = code.strip_prefix("cfm_").and_then(|body| B64.decode(body).ok()).ok_or(PaperFault::Forged)?;
        let (until_ms, mac) = bytes.split_first_chunk::<8>().ok_or(PaperFault::Forged)?;
        let signed = [until_ms, change].concat();
        let genuine = self.keys.iter().any(|keys| {
            let expected = hmac::sign(&keys.confirm, &signed);
            constant_time::verify_slices_are_equal(&expected.as_ref()[..MAC_BYTES], mac).is_ok()
        });
        if !genuine {
            Err(PaperFault::Forged)
        } else if i64::from_be_bytes(*until_ms) <= self.now_ms() {
            Err(PaperFault::Expired)
        } else {
            Ok(())
        }
    }

    /// What signs the log's heads.
    #[must_use]
    pub fn head_signer(&self) -> &HeadSigner {
        &self.keys[0].log
    }

    /// What verifies the log's heads: of every secret, the signing one first.
    #[must_use]
    pub fn log_keys(&self) -> LogKeys {
        LogKeys { keys: self.keys.iter().map(|keys| keys.log.key().clone()).collect() }
    }

    /// What verifies the statements of draws: of every secret, the signing one first.
    #[must_use]
    pub fn draw_keys(&self) -> DrawKeys {
        DrawKeys { keys: self.keys.iter().map(|keys| keys.draw.clone()).collect() }
    }

    /// Who holds this bearer token.
    pub fn principal(&self, bearer: &str) -> Result<Principal, PaperFault> {
        if bearer.starts_with("rcp_") {
            self.open_receipt(bearer).map(Principal::Holder)
        } else if let Some(token) = bearer.strip_prefix("vis_") {
            self.read_jwt(token, "visitor", |keys| &keys.visitor.1).map(Principal::Visitor)
        } else {
            self.read_jwt(bearer, "access", |keys| &keys.access.1).map(Principal::Account)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const OLD: &str = "an old secret of more than thirty-two bytes";
    const NEW: &str = "a new secret of more than thirty-two bytes!";

    fn receipt() -> Receipt {
        Receipt {
            sale: Uuid::from_u128(1),
            event: Uuid::from_u128(2),
            place: Uuid::from_u128(3),
            fan: Uuid::from_u128(4),
            entry: 5,
            party: 6,
            issued_ms: 7,
            expires_ms: 1_000_000,
            joins: 8,
        }
    }

    #[test]
    fn a_receipt_opens_and_one_changed_byte_does_not() {
        let papers = Papers::new(&[NEW], || 1_000);
        let text = papers.receipt(&receipt());
        assert_eq!(papers.open_receipt(&text), Ok(receipt()));
        for at in 4..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(papers.open_receipt(&forged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn papers_end_at_their_time_and_kinds_do_not_mix() {
        let now = Arc::new(AtomicI64::new(1_000));
        let clock = now.clone();
        let papers = Papers::new(&[NEW], move || clock.load(Ordering::Relaxed));
        let fan = Uuid::from_u128(9);
        let visitor = papers.visitor_token(fan, 60_000);
        let access = papers.access_token(fan, 60_000);
        assert_eq!(papers.principal(&visitor), Ok(Principal::Visitor(fan)));
        assert_eq!(papers.principal(&access), Ok(Principal::Account(fan)));
        assert_eq!(papers.principal(visitor.trim_start_matches("vis_")), Err(PaperFault::Forged));
        assert_eq!(papers.principal(&format!("vis_{access}")), Err(PaperFault::Forged));
        let sealed = papers.receipt(&receipt());
        now.store(2_000_000, Ordering::Relaxed);
        assert_eq!(papers.principal(&visitor), Err(PaperFault::Expired));
        assert_eq!(papers.principal(&access), Err(PaperFault::Expired));
        assert_eq!(papers.principal(&sealed), Err(PaperFault::Expired));
    }

    #[test]
    fn a_confirmation_is_for_one_change_and_a_short_while() {
        let now = Arc::new(AtomicI64::new(1_000));
        let clock = now.clone();
        let papers = Papers::new(&[NEW, OLD], move || clock.load(Ordering::Relaxed));
        let code = papers.confirm_code(b"stop", 60_000);
        assert_eq!(papers.confirmed(b"stop", &code), Ok(()));
        assert_eq!(papers.confirmed(b"start", &code), Err(PaperFault::Forged));
        assert_eq!(Papers::new(&[OLD], || 1_000).confirmed(b"stop", &code), Err(PaperFault::Forged));
        for nonsense in ["", "cfm_", "cfm_AAAA", "cfm_!", &code[..code.len() - 4]] {
            assert_eq!(papers.confirmed(b"stop", nonsense), Err(PaperFault::Forged), "{nonsense:?}");
        }
        now.store(61_000, Ordering::Relaxed);
        assert_eq!(papers.confirmed(b"stop", &code), Err(PaperFault::Expired));
    }

    #[test]
    fn an_old_secret_still_verifies_and_a_dropped_one_does_not() {
        let before = Papers::new(&[OLD], || 1_000);
        let during = Papers::new(&[NEW, OLD], || 1_000);
        let after = Papers::new(&[NEW], || 1_000);
        for paper in [before.receipt(&receipt()), before.visitor_token(Uuid::from_u128(1), 60_000)] {
            assert!(during.principal(&paper).is_ok());
            assert_eq!(after.principal(&paper), Err(PaperFault::Forged));
        }
    }
}
