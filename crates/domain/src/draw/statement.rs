//! The three signed statements of a draw: what is promised before, who was in, what came out.
//!
//! Each is a JSON file with a detached signature beside it: `NAME.json` is exactly what `serde_json` prints in its pretty form
//! plus a line's end (any other spelling is refused, so that no two readers can read two things), and `NAME.sig` is one line of
//! base64, the Ed25519 signature of those bytes.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Chain, Hex, round_after_close};

/// A statement may not be longer, in bytes: enough for a roster of a hundred million entries.
pub const STATEMENT_MAX: usize = 16 << 20;

/// Which sale was drawn, and what it and its event were called then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sale {
    /// `sal_` and 32 digits, as the API prints it.
    pub id: String,
    /// The sale's name.
    pub name: String,
    /// The event's name.
    pub event: String,
}

impl Sale {
    /// A sale by its identifier.
    pub fn new(id: Uuid, name: &str, event: &str) -> Self {
        Self { id: format!("sal_{}", id.simple()), name: name.to_owned(), event: event.to_owned() }
    }
}

/// Which round will be taken, said before anybody can know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The chain.
    pub chain: Chain,
    /// The first round at or after the lobby's close plus this many seconds.
    pub delay_s: u32,
    /// If the round's signature is not had this many seconds after its time, the draw is made without it and says that it proves
    /// nothing; where this is left out, it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprovable_after_s: Option<u32>,
}

impl Rule {
    /// From when on the draw of a lobby that closed then may be made without the beacon, in milliseconds since 1970.
    #[must_use]
    pub fn without_beacon_from_ms(&self, closed_ms: i64) -> Option<i64> {
        let due_ms = self.chain.time_of_ms(round_after_close(&self.chain, closed_ms, self.delay_s));
        self.unprovable_after_s.map(|after_s| due_ms.saturating_add(i64::from(after_s) * 1_000))
    }
}

/// Whose signature stands beside a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedBy {
    /// The key's name at its holder.
    pub key_id: String,
    /// The public key.
    pub ed25519: Hex<32>,
}

/// `commitment.json`: published when the lobby opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitmentStatement {
    /// [`Statement::FORMAT`].
    pub format: String,
    /// The sale.
    pub sale: Sale,
    /// The hash of the secret ([`super::commitment`]).
    pub commitment: Hex<32>,
    /// When it was published, milliseconds since 1970.
    pub published_ms: i64,
    /// The beacon's rule; none for a draw that is publicly unprovable.
    pub beacon: Option<Rule>,
    /// Who signs.
    pub signer: SignedBy,
}

/// `roster.json`: published when the lobby has closed, before the beacon's round is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterStatement {
    /// [`Statement::FORMAT`].
    pub format: String,
    /// The sale.
    pub sale: Sale,
    /// When the lobby closed, milliseconds since 1970.
    pub closed_ms: i64,
    /// When this was published, milliseconds since 1970.
    pub published_ms: i64,
    /// Entries in the roster, `1..=size`.
    pub size: i64,
    /// The Merkle root over all of them.
    pub root: Hex<32>,
    /// The roots of each 1,024 leaves ([`super::CHUNK`]).
    pub chunks: Vec<Hex<32>>,
    /// Who signs.
    pub signer: SignedBy,
}

/// `draw.json`: published with everything that was secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawStatement {
    /// [`Statement::FORMAT`].
    pub format: String,
    /// Whether nobody could have known or chosen the order ([`super::unprovable`] says why not).
    pub provable: bool,
    /// The sale.
    pub sale: Sale,
    /// The hash of the secret, as published beforehand.
    pub commitment: Hex<32>,
    /// When it was published, milliseconds since 1970.
    pub committed_ms: i64,
    /// When the lobby closed, milliseconds since 1970.
    pub closed_ms: i64,
    /// The roster drawn.
    pub roster: RosterSummary,
    /// The beacon's round; none in a draw without a beacon, or where the rule let it go on without.
    pub beacon: Option<BeaconUsed>,
    /// The secret.
    pub secret: Hex<32>,
    /// The seed that secret, roster and beacon make ([`super::seed`]).
    pub seed: Hex<32>,
    /// When the draw was made, milliseconds since 1970.
    pub drawn_ms: i64,
    /// SHA-256 of the other files.
    pub files: FileHashes,
    /// Who signs.
    pub signer: SignedBy,
}

/// What `draw.json` repeats of `roster.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterSummary {
    /// Entries in the roster.
    pub size: i64,
    /// The Merkle root over all of them.
    pub root: Hex<32>,
    /// When the roster was published, milliseconds since 1970.
    pub published_ms: i64,
}

/// The rule of `commitment.json`, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeaconUsed {
    /// The chain.
    pub chain: Chain,
    /// Seconds after the close.
    pub delay_s: u32,
    /// `closed_ms` and the delay, milliseconds since 1970.
    pub earliest_ms: i64,
    /// The first round at or after `earliest_ms`.
    pub round: u64,
    /// The chain's signature of the round.
    pub signature: Hex<48>,
    /// SHA-256 of the signature.
    pub randomness: Hex<32>,
}

/// SHA-256 of every file but `draw.json` and `draw.sig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileHashes {
    /// `commitment.json`.
    #[serde(rename = "commitment.json")]
    pub commitment_json: Hex<32>,
    /// `commitment.sig`.
    #[serde(rename = "commitment.sig")]
    pub commitment_sig: Hex<32>,
    /// `roster.json`.
    #[serde(rename = "roster.json")]
    pub roster_json: Hex<32>,
    /// `roster.sig`.
    #[serde(rename = "roster.sig")]
    pub roster_sig: Hex<32>,
    /// `roster.txt`.
    #[serde(rename = "roster.txt")]
    pub roster_txt: Hex<32>,
    /// `numbers.txt`.
    #[serde(rename = "numbers.txt")]
    pub numbers_txt: Hex<32>,
}

/// What the statements have in common.
pub trait Statement: Serialize + DeserializeOwned {
    /// The name and version that its `format` must be.
    const FORMAT: &'static str;
    /// Who signs it.
    fn signer(&self) -> &SignedBy;
}

impl Statement for CommitmentStatement {
    const FORMAT: &'static str = "usher-draw-commitment/1";
    fn signer(&self) -> &SignedBy {
        &self.signer
    }
}

impl Statement for RosterStatement {
    const FORMAT: &'static str = "usher-draw-roster/1";
    fn signer(&self) -> &SignedBy {
        &self.signer
    }
}

impl Statement for DrawStatement {
    const FORMAT: &'static str = "usher-draw/1";
    fn signer(&self) -> &SignedBy {
        &self.signer
    }
}

/// A key that signs statements.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
    by: SignedBy,
}

impl Signer {
    /// The key that a seed makes, under the name that its holder publishes it by.
    pub fn from_seed(seed: &[u8; 32], key_id: &str) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
        let public = pair.public_key().as_ref().try_into().expect("a public key has 32 bytes");
        Self { pair, by: SignedBy { key_id: key_id.to_owned(), ed25519: Hex(public) } }
    }

    /// What statements say of it.
    pub fn by(&self) -> &SignedBy {
        &self.by
    }

    /// The statement as the bytes of its two files.
    ///
    /// # Panics
    /// If the statement names another signer.
    pub fn sign<S: Statement>(&self, statement: S) -> Signed<S> {
        assert_eq!(statement.signer(), &self.by, "a statement is signed by whom it names");
        let json = printed(&statement);
        let mut sig = STANDARD.encode(self.pair.sign(&json));
        sig.push('\n');
        Signed { statement, json, sig: sig.into_bytes() }
    }
}

/// A statement with the bytes of its two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<S> {
    /// What it says.
    pub statement: S,
    /// `NAME.json`.
    pub json: Vec<u8>,
    /// `NAME.sig`.
    pub sig: Vec<u8>,
}

/// Why two files are not a signed statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Another format or version, or none.
    #[error("the format is {got:?}; this reads {expected:?}")]
    Format {
        /// The format asked for.
        expected: &'static str,
        /// The format found.
        got: String,
    },
    /// Not JSON, or not the fields of its format.
    #[error("cannot be read: {0}")]
    Json(String),
    /// The right content in other bytes than those that were signed.
    #[error(
        "is not in the one spelling that is signed (two spaces of indent, every field once, in order, a line's end)"
    )]
    Spelling,
    /// The signature file is not one line of base64 with 64 bytes.
    #[error("the signature is not one line of base64 with 64 bytes")]
    MalformedSignature,
    /// The signature is another's, or of other bytes.
    #[error("the signature is not key {key_id}'s ({key}) of this statement: one of the two was changed")]
    WrongSignature {
        /// The key's name.
        key_id: String,
        /// The public key.
        key: Hex<32>,
    },
}

impl<S: Statement> Signed<S> {
    /// Reads a statement and checks its format, its spelling and its signature.
    pub fn read(json: Vec<u8>, sig: Vec<u8>) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Only {
            format: String,
        }
        let unreadable = |fault: serde_json::Error| ReadError::Json(fault.to_string());
        let Only { format } = serde_json::from_slice(&json).map_err(unreadable)?;
        if format != S::FORMAT {
            return Err(ReadError::Format { expected: S::FORMAT, got: format });
        }
        let statement: S = serde_json::from_slice(&json).map_err(unreadable)?;
        if printed(&statement) != json {
            return Err(ReadError::Spelling);
        }
        let signature = sig
            .strip_suffix(b"\n")
            .filter(|line| line.len() == 88)
            .and_then(|line| STANDARD.decode(line).ok())
            .ok_or(ReadError::MalformedSignature)?;
        let by = statement.signer();
        UnparsedPublicKey::new(&ED25519, &by.ed25519.0)
            .verify(&json, &signature)
            .map_err(|_| ReadError::WrongSignature { key_id: by.key_id.clone(), key: by.ed25519 })?;
        Ok(Self { statement, json, sig })
    }
}

/// A statement in its one spelling.
pub(super) fn printed<S: Serialize>(statement: &S) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(statement).expect("a statement is printable");
    json.push(b'\n');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> Signed<CommitmentStatement> {
        let signer = Signer::from_seed(&[3; 32], "k1");
        signer.sign(CommitmentStatement {
            format: CommitmentStatement::FORMAT.into(),
            sale: Sale::new(Uuid::nil(), "Früh\u{7f}\u{1}\"\\/", "Æ ☂ \u{2028}"),
            commitment: Hex([5; 32]),
            published_ms: 7,
            beacon: Some(Rule { chain: Chain::quicknet(), delay_s: 60, unprovable_after_s: None }),
            signer: signer.by().clone(),
        })
    }

    #[test]
    fn a_statement_survives_its_files() {
        let signed = signed();
        assert_eq!(Signed::read(signed.json.clone(), signed.sig.clone()), Ok(signed));
    }

    #[test]
    fn every_changed_bit_of_either_file_is_refused() {
        let Signed { json, sig, .. } = signed();
        for (nth, bit) in (0..json.len()).flat_map(|nth| (0..8).map(move |bit| (nth, bit))) {
            let mut json = json.clone();
            json[nth] ^= 1 << bit;
            Signed::<CommitmentStatement>::read(json, sig.clone()).unwrap_err();
        }
        for (nth, bit) in (0..sig.len()).flat_map(|nth| (0..8).map(move |bit| (nth, bit))) {
            let mut sig = sig.clone();
            sig[nth] ^= 1 << bit;
            Signed::<CommitmentStatement>::read(json.clone(), sig).unwrap_err();
        }
        for cut in [0, 1, json.len() / 2, json.len() - 1] {
            Signed::<CommitmentStatement>::read(json[..cut].to_vec(), sig.clone()).unwrap_err();
        }
    }

    #[test]
    fn another_format_and_another_spelling_are_named() {
        let Signed { json, sig, .. } = signed();
        let text = String::from_utf8(json).unwrap();
        let read = |text: &str| Signed::<CommitmentStatement>::read(text.into(), sig.clone()).unwrap_err();
        assert_eq!(
            read(&text.replacen("commitment/1", "commitment/2", 1)),
            ReadError::Format { expected: "usher-draw-commitment/1", got: "usher-draw-commitment/2".into() }
        );
        assert_eq!(read(&text.replacen("  ", "   ", 1)), ReadError::Spelling);
        assert_eq!(read(text.trim_end()), ReadError::Spelling);
        let twice = text.replacen("\"published_ms\"", "\"published_ms\": 7,\n  \"published_ms\"", 1);
        assert!(read(&twice).to_string().contains("duplicate field"), "{}", read(&twice));
        let more = text.replacen("\"published_ms\"", "\"more\": 7,\n  \"published_ms\"", 1);
        assert!(read(&more).to_string().contains("unknown field"), "{}", read(&more));
        assert!(matches!(read(&text.replacen("\"k1\"", "\"k2\"", 1)), ReadError::WrongSignature { .. }));
    }

    #[test]
    #[should_panic(expected = "signed by whom it names")]
    fn nobody_signs_for_another() {
        let Signed { statement, .. } = signed();
        Signer::from_seed(&[4; 32], "k1").sign(statement);
    }
}
