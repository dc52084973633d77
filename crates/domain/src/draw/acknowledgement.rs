//! Signed acknowledgements of entries: whoever is left out of the published roster can prove it.
//!
//! One signature per batch of joins, over the Merkle root of the roster's own leaves of the places that the batch answered; each
//! fan gets the statement, the signature and the short path from their leaf to that root.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Hex;
use super::merkle::{Tree, leaf_hash};
use super::roster::{leaf, line};
use super::statement::{Signed, SignedBy, Signer, Statement};

/// What is signed of a batch: these entries are in the lobby, and so will be in the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgementStatement {
    /// [`Statement::FORMAT`].
    pub format: String,
    /// The sale, `sal_` and 32 digits.
    pub sale: String,
    /// The smallest of the entries.
    pub first: i64,
    /// The largest of them.
    pub last: i64,
    /// How many there are: one for every entry from `first` to `last`, but where fans asked again for places of before.
    pub size: i64,
    /// The Merkle root over their leaves, in the order of the entries; a leaf is the roster's.
    pub root: Hex<32>,
    /// When, in milliseconds since 1970.
    pub acknowledged_ms: i64,
    /// Who signs.
    pub signer: SignedBy,
}

impl Statement for AcknowledgementStatement {
    const FORMAT: &'static str = "usher-draw-acknowledgement/1";
    fn signer(&self) -> &SignedBy {
        &self.signer
    }
}

/// What a fan keeps: with the published roster it proves that they are in it, or were left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// What was signed for the whole batch.
    pub statement: AcknowledgementStatement,
    /// Base64 of the Ed25519 signature of the statement in its one spelling ([`Signed`]).
    pub signature: String,
    /// The line that `roster.txt` must have for the entry: the leaf, and the first 16 digits of its hash.
    pub line: String,
    /// Where the leaf is among the batch's, from 0.
    pub index: u64,
    /// The siblings' hashes on the way to the root, lowest first.
    pub path: Vec<Hex<32>>,
}

/// A batch of places that is acknowledged by one signature.
#[derive(Debug)]
pub struct AcknowledgedBatch {
    signed: Signed<AcknowledgementStatement>,
    /// Ascending by their entries.
    places: Vec<(i64, Uuid)>,
    tree: Tree,
}

impl AcknowledgedBatch {
    /// Signs for these entries and their places, given in any order and however often; nothing for none.
    pub fn sign(
        sale: Uuid,
        places: impl IntoIterator<Item = (i64, Uuid)>,
        now_ms: i64,
        signer: &Signer,
    ) -> Option<Self> {
        let places: BTreeMap<i64, Uuid> = places.into_iter().collect();
        let places: Vec<(i64, Uuid)> = places.into_iter().collect();
        let ((first, _), (last, _)) = (places.first()?, places.last()?);
        let leaves = places.iter().map(|(entry, place)| leaf_hash(leaf(*entry, *place).as_bytes()));
        let tree = Tree::new(leaves.collect());
        let signed = signer.sign(AcknowledgementStatement {
            format: AcknowledgementStatement::FORMAT.to_owned(),
            sale: format!("sal_{}", sale.simple()),
            first: *first,
            last: *last,
            size: places.len() as i64,
            root: Hex(tree.root()),
            acknowledged_ms: now_ms,
            signer: signer.by().clone(),
        });
        Some(Self { signed, places, tree })
    }

    /// What the fan with this entry keeps; nothing for an entry of another batch.
    pub fn of(&self, entry: i64) -> Option<Acknowledgement> {
        let index = self.places.binary_search_by_key(&entry, |(entry, _)| *entry).ok()?;
        Some(Acknowledgement {
            statement: self.signed.statement.clone(),
            signature: String::from_utf8_lossy(&self.signed.sig).trim_end().to_owned(),
            line: line(entry, self.places[index].1),
            index: index as u64,
            path: self.tree.path(index).into_iter().map(Hex).collect(),
        })
    }
}
