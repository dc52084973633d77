//! The sale's log as anybody may fetch and check it: three lanes of records, each chained by hashes, and signed heads.
//!
//! A record's hash is SHA-256 over these lines, joined by `\n`, in UTF-8: the hash of the record before it in its lane as
//! hexadecimal digits (empty for the first); the lane's scope, a hyphenated UUID (the sale's, or the event's for `seats`);
//! the lane's name; the version; `at_ms`; the text of `changes` exactly as it is sent.
//!
//! A head's signed text is these lines: `usher log head 1`; the sale and the event as hyphenated UUIDs; `seq`; `at_ms`; then
//! `joins V H`, `pace V H` and `seats V H` with each lane's version and hash; the previous head's hash (empty for the
//! first); the key's id. Its hash is SHA-256 over that text, its signature Ed25519 (RFC 8032) over the same.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ids::{EventId, SaleId};
use crate::papers::derive;

/// One line of `GET /v1/sales/{sale}/log/{lane}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Contiguous within the lane, from 1.
    pub version: i64,
    /// When the deciding transaction wrote it, in milliseconds since 1970.
    pub at_ms: i64,
    /// What changed; the hash covers this text byte for byte.
    #[schema(value_type = Vec<Object>)]
    pub changes: Box<RawValue>,
    /// The record's hash, as hexadecimal digits.
    pub hash: String,
}

/// How far a lane has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneEnd {
    /// The last version; 0 before the first.
    pub version: i64,
    /// Its hash, as hexadecimal digits; empty before the first.
    pub hash: String,
}

/// One line of `GET /v1/sales/{sale}/log/heads`: all three lanes at one moment, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The sale.
    pub sale_id: SaleId,
    /// Its event, whose seats lane is meant.
    pub event_id: EventId,
    /// Contiguous within the sale, from 1.
    pub seq: i64,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// The sale's joins.
    pub joins: LaneEnd,
    /// The sale's pace.
    pub pace: LaneEnd,
    /// The event's seats.
    pub seats: LaneEnd,
    /// The hash of the head before, as hexadecimal digits; empty for the first.
    pub previous: String,
    /// Names the key.
    pub key_id: String,
    /// SHA-256 of the signed text, as hexadecimal digits.
    pub hash: String,
    /// Ed25519 over the signed text, base64url without padding.
    pub signature: String,
}

/// A head as pages are told it while they wait: enough to see later whether the published one of this number is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToldHead {
    /// The head's number within the sale.
    pub seq: i64,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// Names the key that signed it.
    pub key_id: String,
    /// SHA-256 of the signed text, as hexadecimal digits.
    pub hash: String,
}

/// A public key that verifies heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogKey {
    /// The first 16 hexadecimal digits of SHA-256 of the public key.
    pub key_id: String,
    /// Ed25519, base64url without padding.
    pub public_key: String,
}

/// `GET /v1/log-key`: the key that signs, first, and those that signed before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogKeys {
    /// The keys.
    pub keys: Vec<LogKey>,
}

/// The hash of a record; `previous` is the hash before it, empty for a lane's first.
#[must_use]
pub fn record_hash(previous: &str, scope: Uuid, lane: &str, version: i64, at_ms: i64, changes: &str) -> String {
    sha256(&format!("{previous}\n{}\n{lane}\n{version}\n{at_ms}\n{changes}", scope.hyphenated()))
}

fn sha256(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}

/// A signature as bytes, from its base64url form.
#[must_use]
pub fn signature_bytes(text: &str) -> Option<Vec<u8>> {
    B64.decode(text).ok()
}

/// A signature's base64url form.
#[must_use]
pub fn signature_text(bytes: &[u8]) -> String {
    B64.encode(bytes)
}

/// The id of a public key.
fn key_id(public_key: &[u8]) -> String {
    hex::encode(&digest(&SHA256, public_key).as_ref()[..8])
}

impl Head {
    /// What is hashed and signed.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { seq, at_ms, joins, pace, seats, previous, key_id, .. } = self;
        let (sale, event) = (self.sale_id.0.hyphenated(), self.event_id.0.hyphenated());
        let end = |lane: &str, end: &LaneEnd| format!("{lane} {} {}", end.version, end.hash);
        let (joins, pace, seats) = (end("joins", joins), end("pace", pace), end("seats", seats));
        format!("usher log head 1\n{sale}\n{event}\n{seq}\n{at_ms}\n{joins}\n{pace}\n{seats}\n{previous}\n{key_id}")
    }

    /// Whether the hash is that of the text, and `key` signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &LogKey) -> bool {
        let text = self.text();
        let (Ok(public), Ok(signature)) = (B64.decode(&key.public_key), B64.decode(&self.signature)) else {
            return false;
        };
        self.hash == sha256(&text)
            && self.key_id == key.key_id
            && UnparsedPublicKey::new(&ED25519, public).verify(text.as_bytes(), &signature).is_ok()
    }
}

impl From<&Head> for ToldHead {
    fn from(head: &Head) -> Self {
        Self { seq: head.seq, at_ms: head.at_ms, key_id: head.key_id.clone(), hash: head.hash.clone() }
    }
}

impl LogKey {
    /// Whether the id is that of the key.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        B64.decode(&self.public_key).is_ok_and(|key| key.len() == 32 && key_id(&key) == self.key_id)
    }
}

/// Signs heads, with a key of its own that is derived from the installation's secret.
pub struct HeadSigner {
    pair: Ed25519KeyPair,
    key: LogKey,
}

impl std::fmt::Debug for HeadSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeadSigner").field("key", &self.key).finish_non_exhaustive()
    }
}

impl HeadSigner {
    /// From the installation's secret.
    ///
    /// # Panics
    /// Never: any 32 bytes are an Ed25519 seed.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&derive(secret, "usher log 1")).expect("32 bytes are a seed");
        let public = pair.public_key().as_ref();
        let key = LogKey { key_id: key_id(public), public_key: B64.encode(public) };
        Self { pair, key }
    }

    /// The key that verifies what this signs.
    #[must_use]
    pub const fn key(&self) -> &LogKey {
        &self.key
    }

    /// Fills in the key's id, the hash and the signature.
    #[must_use]
    pub fn seal(&self, head: Head) -> Head {
        let mut head = Head { key_id: self.key.key_id.clone(), ..head };
        let text = head.text();
        head.hash = sha256(&text);
        head.signature = B64.encode(self.pair.sign(text.as_bytes()).as_ref());
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The golden example, which must verify for ever.
    const HEAD: &str = include_str!("../examples/log-head.json");
    const TOLD: &str = include_str!("../examples/log-head-told.json");
    const KEYS: &str = include_str!("../examples/log-key.json");

    fn head() -> Head {
        HeadSigner::new("a secret of more than thirty-two bytes!!").seal(Head {
            sale_id: SaleId(Uuid::from_u128(1)),
            event_id: EventId(Uuid::from_u128(2)),
            seq: 3,
            at_ms: 1_900_000_000_000,
            joins: LaneEnd { version: 4, hash: "04".repeat(32) },
            pace: LaneEnd { version: 5, hash: "05".repeat(32) },
            seats: LaneEnd { version: 0, hash: String::new() },
            previous: "06".repeat(32),
            key_id: String::new(),
            hash: String::new(),
            signature: String::new(),
        })
    }

    #[test]
    fn the_golden_head_verifies_with_the_golden_key() {
        let golden: Head = serde_json::from_str(HEAD).unwrap();
        let keys: LogKeys = serde_json::from_str(KEYS).unwrap();
        assert!(keys.keys[0].is_whole() && golden.is_signed_by(&keys.keys[0]));
        assert_eq!(golden, head());
    }

    #[test]
    fn the_golden_told_head_is_the_golden_head_in_short() {
        let golden: Head = serde_json::from_str(HEAD).unwrap();
        let told: ToldHead = serde_json::from_str(TOLD).unwrap();
        assert_eq!(told, ToldHead::from(&golden));
    }

    #[test]
    fn every_word_of_a_head_is_signed() {
        let (key, head) = (HeadSigner::new("a secret of more than thirty-two bytes!!").key.clone(), head());
        assert!(head.is_signed_by(&key));
        let end = |end: &LaneEnd| LaneEnd { version: end.version + 1, hash: end.hash.clone() };
        for changed in [
            Head { sale_id: SaleId(Uuid::from_u128(9)), ..head.clone() },
            Head { event_id: EventId(Uuid::from_u128(9)), ..head.clone() },
            Head { seq: 4, ..head.clone() },
            Head { at_ms: 4, ..head.clone() },
            Head { joins: end(&head.joins), ..head.clone() },
            Head { pace: end(&head.pace), ..head.clone() },
            Head { seats: end(&head.seats), ..head.clone() },
            Head { previous: String::new(), ..head.clone() },
            Head { key_id: "another".to_owned(), ..head.clone() },
            Head { hash: String::new(), ..head.clone() },
        ] {
            assert!(!changed.is_signed_by(&key), "{changed:?}");
        }
        assert!(!head.is_signed_by(HeadSigner::new("another secret of more than thirty-two bytes").key()));
    }

    #[test]
    fn a_record_is_hashed_as_documented() {
        // Computed with sha256sum.
        let hash = record_hash("", Uuid::from_u128(1), "joins", 1, 2, "[]");
        assert_eq!(hash, "6f9b6b522d6fc4264070ae4968ce9f7db2a18e3d45b39136d5f13815edd81a1a");
    }
}
