//! Making the files of a draw, in the order of their publication: commitment, roster, draw.

use std::fmt::Write as _;
use std::io::{self, Write};

use aws_lc_rs::digest;
use uuid::Uuid;

use super::hash::{fixed, sha256};
use super::merkle::leaf_hash;
use super::roster::{Building, check, leaf};
use super::statement::{
    BeaconUsed, CommitmentStatement, DrawStatement, FileHashes, RosterStatement, RosterSummary, Rule, Sale, Signed,
    Signer, Statement as _,
};
use super::{BeaconError, Hex, Numbers, Roster, Secret, commitment, round_after_close, seed, verify_beacon};

/// The files of a draw; [`verify`](super::verify()) reads each by its name.
pub const FILES: [&str; 8] = [
    "commitment.json",
    "commitment.sig",
    "roster.json",
    "roster.sig",
    "roster.txt",
    "numbers.txt",
    "draw.json",
    "draw.sig",
];

/// Why a draw cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// The beacon's signature is refused.
    #[error(transparent)]
    Beacon(#[from] BeaconError),
    /// The commitment's rule asks for a beacon.
    #[error("the commitment asks for round {round} of {chain}, whose signature is missing")]
    BeaconMissing {
        /// The chain's name.
        chain: String,
        /// The round.
        round: u64,
    },
    /// The commitment's rule has no beacon, and one is given.
    #[error("the commitment says that there is no beacon")]
    BeaconUnasked,
    /// The secret is not the one committed to.
    #[error("the secret is not the one whose hash was published")]
    WrongSecret,
    /// The roster is another sale's.
    #[error("the commitment is of {commitment}, the roster of {roster}")]
    AnotherSale {
        /// The commitment's sale.
        commitment: String,
        /// The roster's sale.
        roster: String,
    },
}

/// `commitment.json` and its signature. `beacon` is chosen here and never again.
pub fn commit(
    sale: Sale,
    secret: &Secret,
    published_ms: i64,
    beacon: Option<Rule>,
    signer: &Signer,
) -> Signed<CommitmentStatement> {
    signer.sign(CommitmentStatement {
        format: CommitmentStatement::FORMAT.to_owned(),
        sale,
        commitment: Hex(commitment(secret)),
        published_ms,
        beacon,
        signer: signer.by().clone(),
    })
}

/// `roster.json` and its signature.
pub fn close(
    sale: Sale,
    roster: &Roster,
    closed_ms: i64,
    published_ms: i64,
    signer: &Signer,
) -> Signed<RosterStatement> {
    signer.sign(RosterStatement {
        format: RosterStatement::FORMAT.to_owned(),
        sale,
        closed_ms,
        published_ms,
        size: roster.size(),
        root: Hex(roster.root()),
        chunks: roster.chunks().iter().copied().map(Hex).collect(),
        signer: signer.by().clone(),
    })
}

/// Why a draw proves less than it should; empty if nobody could have known or chosen its order. `with_beacon` says whether its
/// round was taken.
pub fn unprovable(commitment: &CommitmentStatement, roster: &RosterStatement, with_beacon: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    if commitment.published_ms >= roster.closed_ms {
        reasons.push("the commitment was published after the lobby had closed".to_owned());
    }
    match &commitment.beacon {
        None => reasons
            .push("it has no beacon: who knew the secret could know the order before the roster was fixed".to_owned()),
        Some(_) if !with_beacon => reasons.push(
            "the beacon's round was not had in time, and the draw went on without it: who knew the secret could know the order"
                .to_owned(),
        ),
        Some(Rule { chain, delay_s, .. }) => {
            if !chain.is_public() {
                reasons.push(format!(
                    "{} is no public chain: who holds its key could know the order beforehand",
                    chain.name
                ));
            }
            if roster.published_ms >= chain.time_of_ms(round_after_close(chain, roster.closed_ms, *delay_s)) {
                reasons.push("the roster was published when the beacon's round was already known".to_owned());
            }
        }
    }
    reasons
}

/// Everything that a draw is made of.
#[derive(Debug)]
pub struct Drawing<'a> {
    /// What was published when the lobby opened.
    pub commitment: &'a Signed<CommitmentStatement>,
    /// What was published when it had closed.
    pub roster: &'a Signed<RosterStatement>,
    /// SHA-256 of `roster.txt`, from [`write_roster`].
    pub roster_txt: [u8; 32],
    /// The secret committed to.
    pub secret: &'a Secret,
    /// The signature of the round that [`round_after_close`] names, if the commitment's rule has a chain and it was had in time.
    pub beacon_signature: Option<&'a [u8]>,
    /// Now, milliseconds since 1970.
    pub now_ms: i64,
}

impl Drawing<'_> {
    /// The draw, and `draw.json` with its signature. A million entries take half a second of one core.
    pub fn draw(&self, signer: &Signer) -> Result<(Numbers, Signed<DrawStatement>), DrawError> {
        let (before, roster) = (&self.commitment.statement, &self.roster.statement);
        if before.sale.id != roster.sale.id {
            return Err(DrawError::AnotherSale { commitment: before.sale.id.clone(), roster: roster.sale.id.clone() });
        }
        if commitment(self.secret) != before.commitment.0 {
            return Err(DrawError::WrongSecret);
        }
        let beacon = match (&before.beacon, self.beacon_signature) {
            (None, None) => None,
            (None, Some(_)) => return Err(DrawError::BeaconUnasked),
            (Some(rule), None) if rule.without_beacon_from_ms(roster.closed_ms).is_some_and(|at| self.now_ms >= at) => {
                None
            }
            (Some(Rule { chain, delay_s, .. }), signature) => {
                let round = round_after_close(chain, roster.closed_ms, *delay_s);
                let missing = || DrawError::BeaconMissing { chain: chain.name.clone(), round };
                let signature = signature.ok_or_else(missing)?;
                let randomness = Hex(verify_beacon(chain, round, signature)?);
                Some(BeaconUsed {
                    chain: chain.clone(),
                    delay_s: *delay_s,
                    earliest_ms: roster.closed_ms + i64::from(*delay_s) * 1_000,
                    round,
                    signature: Hex(signature.try_into().expect("a verified signature has 48 bytes")),
                    randomness,
                })
            }
        };
        let randomness = beacon.as_ref().map(|beacon| &beacon.randomness.0);
        let seed = seed(self.secret, &roster.root.0, roster.size as u64, randomness);
        let numbers = Numbers::draw(&seed, roster.size);
        let numbers_txt = write_numbers(&numbers, &mut io::sink()).expect("nothing is written");
        let statement = DrawStatement {
            format: DrawStatement::FORMAT.to_owned(),
            provable: unprovable(before, roster, beacon.is_some()).is_empty(),
            sale: before.sale.clone(),
            commitment: before.commitment,
            committed_ms: before.published_ms,
            closed_ms: roster.closed_ms,
            roster: RosterSummary { size: roster.size, root: roster.root, published_ms: roster.published_ms },
            beacon,
            secret: Hex(self.secret.0),
            seed: Hex(seed),
            drawn_ms: self.now_ms,
            files: FileHashes {
                commitment_json: Hex(sha256(&[&self.commitment.json])),
                commitment_sig: Hex(sha256(&[&self.commitment.sig])),
                roster_json: Hex(sha256(&[&self.roster.json])),
                roster_sig: Hex(sha256(&[&self.roster.sig])),
                roster_txt: Hex(self.roster_txt),
                numbers_txt: Hex(numbers_txt),
            },
            signer: signer.by().clone(),
        };
        Ok((numbers, signer.sign(statement)))
    }
}

/// Writes `roster.txt`, the place with entry 1 first; returns the roster and the file's SHA-256.
pub fn write_roster(places: impl IntoIterator<Item = Uuid>, out: &mut impl Write) -> io::Result<(Roster, [u8; 32])> {
    let (mut building, mut digest) = (Building::default(), digest::Context::new(&digest::SHA256));
    for (entry, place) in (1..).zip(places) {
        let mut line = leaf(entry, place);
        let hash = leaf_hash(line.as_bytes());
        building.push(hash);
        writeln!(line, " {}", check(&hash)).expect("a text takes everything");
        digest.update(line.as_bytes());
        out.write_all(line.as_bytes())?;
    }
    Ok((building.finish(), fixed(digest.finish().as_ref())))
}

/// Writes `numbers.txt`, a line `{number} {entry}` for each number in order; returns the file's SHA-256.
pub fn write_numbers(numbers: &Numbers, out: &mut impl Write) -> io::Result<[u8; 32]> {
    let mut digest = digest::Context::new(&digest::SHA256);
    for number in 1..=numbers.size() {
        let line = number_line(number, numbers.entry(number));
        digest.update(line.as_bytes());
        out.write_all(line.as_bytes())?;
    }
    Ok(fixed(digest.finish().as_ref()))
}

/// One line of `numbers.txt` with its end.
pub(super) fn number_line(number: i64, entry: i64) -> String {
    format!("{number} {entry}\n")
}
