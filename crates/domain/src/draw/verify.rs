//! Checking a published draw: everything is computed anew and compared, byte by byte where it can be.

use std::fmt;
use std::io::{self, Read};

use super::hash::sha256;
use super::publish::unprovable;
use super::roster::Proof;
use super::statement::{
    CommitmentStatement, DrawStatement, ReadError, RosterStatement, STATEMENT_MAX, Signed, Statement,
};
use super::verify_lists::{check_numbers, check_roster};
use super::{BeaconError, CHUNK, Hex, Numbers, Secret, commitment, merkle, round_after_close, seed, verify_beacon};

/// Something that does not hold, in which file, and for which entry where a list is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file's name.
    pub file: &'static str,
    /// The entry concerned, in `roster.txt` and `numbers.txt`.
    pub entry: Option<i64>,
    /// What was expected and found.
    pub what: String,
}

impl Fault {
    pub(super) fn of(file: &'static str, what: impl fmt::Display) -> Self {
        Self { file, entry: None, what: what.to_string() }
    }

    pub(super) fn at(file: &'static str, entry: i64, what: impl fmt::Display) -> Self {
        Self { file, entry: Some(entry), what: what.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "{}, entry {entry}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// What a checker may be asked beyond "does it hold".
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Also follow this entry.
    pub entry: Option<i64>,
    /// All three statements must be signed by this Ed25519 key.
    pub key: Option<Hex<32>>,
}

/// A draw that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What `draw.json` says.
    pub draw: DrawStatement,
    /// Why it proves less than it should; empty if it is provable.
    pub unprovable: Vec<String>,
    /// The entry asked for, if the roster has it.
    pub entry: Option<Followed>,
}

/// One entry of a draw that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its leaf, `{entry} plc_{place}`.
    pub leaf: String,
    /// The number it was drawn.
    pub number: i64,
    /// That it is in the roster; already held against the root.
    pub proof: Proof,
}

/// Checks a draw whose files `open` gives by name (see [`FILES`](super::FILES)).
///
/// Lists are read as streams. Memory goes with the entries of the draw, 50 bytes each at most, and no more than the roster
/// really lists is drawn.
pub fn verify<R: Read>(
    mut open: impl FnMut(&'static str) -> io::Result<R>,
    asked: Asked,
) -> Result<Verified, Vec<Fault>> {
    let draw: Signed<DrawStatement> = statement(&mut open, ["draw.json", "draw.sig"], None)?;
    let draw = draw.statement;
    let mut faults = Vec::new();
    let hashes = &draw.files;
    let before: Option<CommitmentStatement> = kept(
        &mut faults,
        statement(
            &mut open,
            ["commitment.json", "commitment.sig"],
            Some([hashes.commitment_json, hashes.commitment_sig]),
        ),
    );
    let roster: Option<RosterStatement> = kept(
        &mut faults,
        statement(&mut open, ["roster.json", "roster.sig"], Some([hashes.roster_json, hashes.roster_sig])),
    );
    if let Some(key) = asked.key {
        let signers = [
            ("commitment.json", before.as_ref().map(|said| &said.signer)),
            ("roster.json", roster.as_ref().map(|said| &said.signer)),
            ("draw.json", Some(&draw.signer)),
        ];
        for (file, signer) in signers {
            if let Some(signer) = signer.filter(|signer| signer.ed25519 != key) {
                faults.push(Fault::of(file, format_args!("is signed by {}, not by {key}", signer.ed25519)));
            }
        }
    }
    if let Some(before) = &before {
        promised(&draw, before, &mut faults);
    }
    if let Some(roster) = &roster {
        fixed_beforehand(&draw, roster, &mut faults);
    }
    let mut reasons = Vec::new();
    if let (Some(before), Some(roster)) = (&before, &roster) {
        reasons = unprovable(before, roster, draw.beacon.is_some());
        if draw.provable != reasons.is_empty() {
            let what = if draw.provable { reasons.join("; ") } else { "nothing speaks against it".to_owned() };
            faults.push(Fault::of("draw.json", format_args!("says provable: {}, but {what}", draw.provable)));
        }
    }
    computed(&draw, &mut faults);
    // Without an intact roster.json the lists are still compared with what draw.json says.
    let chunks = roster.as_ref().map(|roster| roster.chunks.iter().map(|hash| hash.0).collect::<Vec<_>>());
    let own = check_roster(&mut open, &draw, chunks.as_deref(), asked.entry, &mut faults);
    let mut entry = None;
    if own.complete {
        let numbers = Numbers::draw(&draw.seed.0, draw.roster.size);
        check_numbers(&mut open, &draw, &numbers, &mut faults);
        entry = own.followed.filter(|_| faults.is_empty()).and_then(|(leaf, leaves)| {
            let entry = asked.entry?;
            let proof = Proof::from_leaves(draw.roster.size, chunks.as_deref()?, entry, &leaves);
            let leads = proof.leads_from(&merkle::leaf_hash(leaf.as_bytes()), &draw.roster.root.0);
            leads.then(|| Followed { leaf, number: numbers.number(entry), proof })
        });
    }
    if faults.is_empty() { Ok(Verified { draw, unprovable: reasons, entry }) } else { Err(faults) }
}

fn kept<S>(faults: &mut Vec<Fault>, read: Result<Signed<S>, Vec<Fault>>) -> Option<S> {
    match read {
        Ok(signed) => Some(signed.statement),
        Err(more) => {
            faults.extend(more);
            None
        }
    }
}

/// Reads a statement and its signature; with their hashes, a changed file is named before anything in it is believed.
pub(super) fn statement<S: Statement, R: Read>(
    open: &mut impl FnMut(&'static str) -> io::Result<R>,
    [json_file, sig_file]: [&'static str; 2],
    hashes: Option<[Hex<32>; 2]>,
) -> Result<Signed<S>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut whole = |file: &'static str, expected: Option<Hex<32>>| {
        let mut bytes = Vec::new();
        let read = open(file).and_then(|from| from.take(STATEMENT_MAX as u64 + 1).read_to_end(&mut bytes));
        let hash = Hex(sha256(&[&bytes]));
        match (read, expected) {
            (Err(fault), _) => faults.push(Fault::of(file, format_args!("cannot be read: {fault}"))),
            (Ok(_), _) if bytes.len() > STATEMENT_MAX => {
                faults.push(Fault::of(file, format_args!("is longer than {STATEMENT_MAX} bytes")));
            }
            (Ok(_), Some(expected)) if hash != expected => {
                faults.push(Fault::of(
                    file,
                    format_args!("was changed: its SHA-256 is {hash}, draw.json says {expected}"),
                ));
            }
            _ => {}
        }
        bytes
    };
    let [json_hash, sig_hash] = hashes.map_or([None; 2], |pair| pair.map(Some));
    let (json, sig) = (whole(json_file, json_hash), whole(sig_file, sig_hash));
    if !faults.is_empty() {
        return Err(faults);
    }
    Signed::read(json, sig).map_err(|fault| {
        vec![match fault {
            ReadError::MalformedSignature => Fault::of(sig_file, fault),
            ReadError::WrongSignature { .. } => Fault::of(json_file, format_args!("{sig_file}: {fault}")),
            fault => Fault::of(json_file, fault),
        }]
    })
}

/// What must be as `commitment.json` said.
fn promised(draw: &DrawStatement, before: &CommitmentStatement, faults: &mut Vec<Fault>) {
    let mut same = |what: &str, equal: bool| {
        if !equal {
            faults.push(Fault::of("draw.json", format_args!("{what} is not the one of commitment.json")));
        }
    };
    same("the sale", draw.sale == before.sale);
    same("the commitment", draw.commitment == before.commitment);
    same("the commitment's time", draw.committed_ms == before.published_ms);
    let kept = match (&draw.beacon, &before.beacon) {
        (None, None) => true,
        (Some(used), Some(rule)) => used.chain == rule.chain && used.delay_s == rule.delay_s,
        (None, Some(rule)) => rule.without_beacon_from_ms(draw.closed_ms).is_some_and(|at_ms| draw.drawn_ms >= at_ms),
        (Some(_), None) => false,
    };
    same("the beacon's rule", kept);
}

/// What must be as `roster.json` said, and that it does not contradict itself.
fn fixed_beforehand(draw: &DrawStatement, roster: &RosterStatement, faults: &mut Vec<Fault>) {
    let mut same = |what: &str, equal: bool| {
        if !equal {
            faults.push(Fault::of("draw.json", format_args!("{what} is not the one of roster.json")));
        }
    };
    same("the sale", draw.sale == roster.sale);
    same("the time of the close", draw.closed_ms == roster.closed_ms);
    same("the roster's size", draw.roster.size == roster.size);
    same("the roster's root", draw.roster.root == roster.root);
    same("the roster's time", draw.roster.published_ms == roster.published_ms);
    chunks_fit(roster, faults);
}

/// Whether a roster's chunks are as many as its size asks for and lead to its root.
pub(super) fn chunks_fit(roster: &RosterStatement, faults: &mut Vec<Fault>) {
    let chunks: Vec<[u8; 32]> = roster.chunks.iter().map(|hash| hash.0).collect();
    let expected = (roster.size.max(0) as u64).div_ceil(CHUNK as u64);
    if chunks.len() as u64 != expected {
        faults.push(Fault::of("roster.json", format_args!("has {} chunks, not {expected}", chunks.len())));
    }
    let root = Hex(merkle::root(&chunks));
    if root != roster.root {
        let what = format_args!("its chunks lead to the root {root}, not to {}", roster.root);
        faults.push(Fault::of("roster.json", what));
    }
}

/// What everyone can compute from `draw.json` alone.
fn computed(draw: &DrawStatement, faults: &mut Vec<Fault>) {
    let mut fault = |what: String| faults.push(Fault::of("draw.json", what));
    let secret = Secret(draw.secret.0);
    let hash = Hex(commitment(&secret));
    if hash != draw.commitment {
        fault(format!("the secret's commitment is {hash}, not {}", draw.commitment));
    }
    if let Some(used) = &draw.beacon {
        let earliest_ms = draw.closed_ms.saturating_add(i64::from(used.delay_s) * 1_000);
        if earliest_ms != used.earliest_ms {
            fault(format!("the close and the delay make {earliest_ms}, not {}", used.earliest_ms));
        }
        let round = round_after_close(&used.chain, draw.closed_ms, used.delay_s);
        if round != used.round {
            fault(BeaconError::WrongRound { expected: round, got: used.round }.to_string());
        }
        match verify_beacon(&used.chain, used.round, &used.signature.0).map(Hex) {
            Err(refused) => fault(refused.to_string()),
            Ok(computed) if computed != used.randomness => {
                let stated = used.randomness;
                fault(BeaconError::WrongRandomness { round: used.round, stated, computed }.to_string());
            }
            Ok(_) => {}
        }
    }
    let randomness = draw.beacon.as_ref().map(|used| &used.randomness.0);
    let seed = Hex(seed(&secret, &draw.roster.root.0, draw.roster.size as u64, randomness));
    if seed != draw.seed {
        fault(format!("secret, roster and beacon make the seed {seed}, not {}", draw.seed));
    }
}
