//! The draw of a lobby, so that anyone can check it afterwards.
//!
//! Before the lobby fills, the hash of a secret is published ([`commitment`]). After it closes, the [`Roster`] is fixed under a
//! Merkle root. A minute later a public [`Chain`] makes randomness that nobody could know. The [`seed`] joins the three, and
//! [`Numbers`] is nothing but the seed: everybody computes the same order. Whoever joins the lobby gets an [`Acknowledgement`], by
//! which one left out of the roster can prove it. `docs/DRAW.md` tells it at length.

mod acknowledged;
mod acknowledgement;
mod beacon;
mod hash;
pub mod merkle;
mod numbers;
mod publish;
mod roster;
mod secret;
mod statement;
#[cfg(test)]
mod tests;
mod verify;
mod verify_lists;

pub use acknowledged::{ACKNOWLEDGEMENT_MAX, Genuine, Standing, acknowledged, genuine};
pub use acknowledgement::{AcknowledgedBatch, Acknowledgement, AcknowledgementStatement};
pub use beacon::{BeaconError, Chain, LocalChain, round_after_close, verify as verify_beacon};
pub use hash::Hex;
pub use numbers::Numbers;
pub use publish::{DrawError, Drawing, FILES, close, commit, unprovable, write_numbers, write_roster};
pub use roster::{CHUNK, Proof, Roster, chunk_start, leaf as roster_leaf, line as roster_line};
pub use secret::{Secret, commitment, seed};
pub use statement::{
    BeaconUsed, CommitmentStatement, DrawStatement, FileHashes, ReadError, RosterStatement, RosterSummary, Rule,
    STATEMENT_MAX, Sale, Signed, SignedBy, Signer, Statement,
};
pub use verify::{Asked, Fault, Followed, Verified, verify};
