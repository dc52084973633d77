//! The draw of a lobby, as everybody may read it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{PlaceId, SaleId};
use crate::papers::derive;

/// What verifies a draw's statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawKey {
    /// Its name in the statements, 8 hexadecimal digits.
    pub key_id: String,
    /// Ed25519, as hexadecimal digits: what `usher draw verify --key` takes.
    pub ed25519: String,
}

impl DrawKey {
    /// The key of the installation with this secret.
    ///
    /// # Panics
    /// Never: any 32 bytes are an Ed25519 seed.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let (seed, key_id) = signing_seed(secret);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        Self { key_id, ed25519: hex::encode(pair.public_key()) }
    }
}

/// The Ed25519 seed that signs the statements of draws in the installation with this secret, and the key's name.
#[must_use]
pub fn signing_seed(secret: &str) -> ([u8; 32], String) {
    (derive(secret, "usher draw 1"), hex::encode(&derive(secret, "usher key id")[..4]))
}

/// `GET /v1/draw-key`: the key that signs draws, first, and those that signed before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawKeys {
    /// The keys.
    pub keys: Vec<DrawKey>,
}

/// How far a draw is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrawStage {
    /// The hash of the secret is out; the lobby is open.
    Committed,
    /// The lobby is closed and its roster is out; the beacon is awaited.
    Closed,
    /// Everybody has a number, and everything is out.
    Drawn,
}

/// `GET /v1/sales/{sale}/draw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrawView {
    /// The sale.
    pub sale_id: SaleId,
    /// How far it is.
    pub stage: DrawStage,
    /// The hash of the secret, as hexadecimal digits.
    pub commitment: String,
    /// The public chain whose round is taken; nothing for a draw that says that it proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<String>,
    /// The hash of that chain, as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// From when on the draw goes on without it, once the lobby is closed and if the commitment says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprovable_from_ms: Option<i64>,
    /// Entries in the roster; 0 before it is out.
    pub size: i64,
    /// The beacon's round, once the lobby is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u64>,
    /// When that round is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_at_ms: Option<i64>,
    /// The files that are out, each at `/v1/sales/{sale}/draw/{file}`.
    pub files: Vec<String>,
    /// The server's clock when this was answered.
    pub server_now_ms: i64,
}

/// `POST /v1/sales/{sale}/admission/beacon`: the beacon's value, carried in by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CarryBeacon {
    /// The round that the draw's view names.
    pub round: u64,
    /// The chain's signature of it, as hexadecimal digits: `https://api.drand.sh/{chain}/public/{round}` prints it.
    pub signature: String,
    /// The chain's hash; where it is given, it must be the rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// Why, for the audit log: 1 to 500 characters.
    pub reason: String,
}

/// A signed note that an entry is in the lobby of a sale that draws, to be kept: if the published roster has not its line, it proves
/// that the entry was left out. `usher draw acknowledged` checks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// What was signed, once for all whose joins were answered together.
    pub statement: AcknowledgementStatement,
    /// Base64 of the Ed25519 signature of the statement's JSON: two spaces of indent, the fields in their order, a line feed at the
    /// end.
    pub signature: String,
    /// The line that `roster.txt` must have for the entry: `{entry} {place_id} {check}`.
    pub line: String,
    /// Where its leaf is among those signed for, from 0.
    pub index: u64,
    /// The siblings' hashes on the way to the root, lowest first, as hexadecimal digits.
    pub path: Vec<String>,
}

/// What is signed in an [`Acknowledgement`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgementStatement {
    /// `usher-draw-acknowledgement/1`.
    pub format: String,
    /// The sale.
    pub sale: SaleId,
    /// The smallest of the entries signed for.
    pub first: i64,
    /// The largest of them.
    pub last: i64,
    /// How many there are.
    pub size: i64,
    /// The Merkle root over the roster's leaves of these entries, as hexadecimal digits.
    pub root: String,
    /// When, in milliseconds since 1970.
    pub acknowledged_ms: i64,
    /// Who signs: the key of the draw's statements.
    pub signer: DrawKey,
}

/// `GET /v1/sales/{sale}/draw/proof?entry=`: an audit path of RFC 6962 from the entry's line to the roster's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrawProof {
    /// The entry.
    pub entry: i64,
    /// The place that has it. The leaf is the line `{entry} {place_id}`.
    pub place_id: PlaceId,
    /// Entries in the roster.
    pub size: i64,
    /// The root, as hexadecimal digits.
    pub root: String,
    /// The siblings' hashes on the way to the root, lowest first, as hexadecimal digits.
    pub path: Vec<String>,
    /// The entry's number, once drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_acknowledgement_decodes_and_is_printed_as_it_was() {
        let text = include_str!("../examples/acknowledgement/batch-7.json");
        let golden: Acknowledgement = serde_json::from_str(text).unwrap();
        assert_eq!(golden.statement.format, "usher-draw-acknowledgement/1");
        assert_eq!((golden.statement.size, golden.path.len(), golden.index), (7, 3, 3));
        assert_eq!(serde_json::to_string_pretty(&golden).unwrap() + "\n", text);
    }
}
