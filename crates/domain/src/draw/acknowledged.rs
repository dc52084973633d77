//! Holding an acknowledgement against the published roster: it is in it, or was left out, or is none.

use std::io::{self, Read};

use super::acknowledgement::{Acknowledgement, AcknowledgementStatement};
use super::merkle::{self, leaf_hash};
use super::roster::{check, chunk_start};
use super::statement::{RosterStatement, Signed, Statement as _, printed};
use super::verify::{Fault, chunks_fit, statement};
use super::{CHUNK, Hex, ReadError};

/// An acknowledgement may not be longer, in bytes.
pub const ACKNOWLEDGEMENT_MAX: usize = 1 << 16;
/// So many entries are tried, to say of a wrong line whether its entry was changed; more than a batch may have.
const TRIED_MAX: usize = 10_000;
/// What faults of the acknowledgement itself are named by. They go on with the part at fault and a colon.
const FILE: &str = "acknowledgement";

/// An acknowledgement that is signed, and leads from its line to what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genuine {
    /// What was signed.
    pub statement: AcknowledgementStatement,
    /// The entry acknowledged.
    pub entry: i64,
    /// Its leaf, `{entry} plc_{place}`.
    pub leaf: String,
}

/// Where an acknowledged entry is in the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In it, as it was acknowledged.
    Listed,
    /// Not in it, which the acknowledgement proves.
    LeftOut {
        /// The leaf that the roster has in its stead; nothing if it ends before the entry.
        instead: Option<String>,
    },
}

/// Reads and checks an acknowledgement by itself, as a join's answer has it. With `keys`, one of them must have signed it.
///
/// # Errors
/// What does not hold, beginning with the part at fault: `format`, `signature`, `key`, `line`, `entry`, `place` or `path`.
pub fn genuine(json: &[u8], keys: &[Hex<32>]) -> Result<Genuine, Vec<Fault>> {
    let read = read(json)?;
    let mut faults = Vec::new();
    let genuine = inspect(&read, &mut faults);
    by_one_of(keys, FILE, "key: ", read.statement.signer.ed25519, &mut faults);
    genuine.filter(|_| faults.is_empty()).ok_or(faults)
}

/// Checks an acknowledgement and holds it against the roster whose `roster.json`, `roster.sig` and `roster.txt` are opened by name;
/// of `roster.txt` only up to the end of the entry's chunk is read. Both must be signed by one of `keys`, or, where there are
/// none, by the same key.
///
/// # Errors
/// What does not hold of the acknowledgement, as [`genuine`] says it, or `sale`; and what does not hold of the roster.
pub fn acknowledged<R: Read>(
    json: &[u8],
    mut open: impl FnMut(&'static str) -> io::Result<R>,
    keys: &[Hex<32>],
) -> Result<(Genuine, Standing), Vec<Fault>> {
    let read = read(json)?;
    let mut faults = Vec::new();
    let genuine = inspect(&read, &mut faults);
    let roster: Signed<RosterStatement> = match statement(&mut open, ["roster.json", "roster.sig"], None) {
        Ok(roster) => roster,
        Err(more) => return Err([faults, more].concat()),
    };
    let roster = roster.statement;
    chunks_fit(&roster, &mut faults);
    if read.statement.sale != roster.sale.id {
        let (of, other) = (&read.statement.sale, &roster.sale.id);
        faults.push(Fault::of(FILE, format_args!("sale: it is of {of:?}, the roster of {other}")));
    }
    let same = [roster.signer.ed25519];
    let keys = if keys.is_empty() { &same[..] } else { keys };
    by_one_of(keys, FILE, "key: ", read.statement.signer.ed25519, &mut faults);
    by_one_of(keys, "roster.json", "", roster.signer.ed25519, &mut faults);
    let Some(genuine) = genuine.filter(|_| faults.is_empty()) else { return Err(faults) };
    let standing = if genuine.entry > roster.size {
        Standing::LeftOut { instead: None }
    } else {
        let listed = listed(&mut open, &roster, genuine.entry).map_err(|fault| vec![fault])?;
        if listed == genuine.leaf { Standing::Listed } else { Standing::LeftOut { instead: Some(listed) } }
    };
    Ok((genuine, standing))
}

fn read(json: &[u8]) -> Result<Acknowledgement, Vec<Fault>> {
    let fault = |what: &dyn std::fmt::Display| vec![Fault::of(FILE, format_args!("format: {what}"))];
    if json.len() > ACKNOWLEDGEMENT_MAX {
        return Err(fault(&format_args!("it is longer than {ACKNOWLEDGEMENT_MAX} bytes")));
    }
    let read: Acknowledgement = serde_json::from_slice(json).map_err(|wrong| fault(&wrong))?;
    let (got, expected) = (&read.statement.format, AcknowledgementStatement::FORMAT);
    if got == expected { Ok(read) } else { Err(fault(&format_args!("it is {got:?}; this reads {expected:?}"))) }
}

/// Checks what needs no other file.
fn inspect(read: &Acknowledgement, faults: &mut Vec<Fault>) -> Option<Genuine> {
    let known = faults.len();
    let signature = [read.signature.as_bytes(), b"\n"].concat();
    if let Err(wrong) = Signed::<AcknowledgementStatement>::read(printed(&read.statement), signature) {
        let wrong = match wrong {
            ReadError::MalformedSignature => "it is not base64 of 64 bytes".to_owned(),
            wrong => wrong.to_string(),
        };
        faults.push(Fault::of(FILE, format_args!("signature: {wrong}")));
    }
    let statement = &read.statement;
    let line = match Line::parse(&read.line, statement) {
        Ok(line) => Some(line),
        Err(what) => {
            faults.push(Fault::of(FILE, what));
            None
        }
    };
    // Of a changed statement nobody knows what its root was.
    if let Some(line) = line.as_ref().filter(|_| faults.len() == known) {
        let path: Vec<[u8; 32]> = read.path.iter().map(|hash| hash.0).collect();
        let size = u64::try_from(statement.size).unwrap_or(0);
        let led = merkle::root_from_path(&leaf_hash(line.leaf.as_bytes()), read.index, size, &path);
        if led != Some(statement.root.0) {
            let what = format_args!(
                "path: {} hashes do not lead from leaf {} of {size} to the root {}",
                path.len(),
                read.index,
                statement.root
            );
            faults.push(Fault::of(FILE, what));
        }
    }
    let line = line.filter(|_| faults.len() == known)?;
    Some(Genuine { statement: statement.clone(), entry: line.entry, leaf: line.leaf })
}

/// A line of the roster that does not contradict itself.
struct Line {
    entry: i64,
    leaf: String,
}

impl Line {
    fn parse(line: &str, statement: &AcknowledgementStatement) -> Result<Self, String> {
        let (first, last) = (statement.first, statement.last);
        let parts: Vec<&str> = line.split(' ').collect();
        let [entry, place, digits] = parts[..] else {
            return Err(format!("line: should be an entry, a place and 16 digits, is {line:?}"));
        };
        let number = entry.parse::<i64>().ok().filter(|number| number.to_string() == entry && *number >= 1);
        let number = number.ok_or_else(|| format!("entry: {entry:?} is none"))?;
        if place.strip_prefix("plc_").and_then(Hex::<16>::parse).is_none() {
            return Err(format!("place: should be \"plc_\" and 32 digits, is {place:?}"));
        }
        if Hex::<8>::parse(digits).is_none() {
            return Err(format!("line: should end with 16 digits, ends with {digits:?}"));
        }
        let hash = |entry: i64| check(&leaf_hash(format!("{entry} {place}").as_bytes())).to_string();
        if hash(number) != digits {
            let right = (first..=last).take(TRIED_MAX).find(|entry| hash(*entry) == digits);
            return Err(match right {
                Some(right) => format!("entry: it was changed from {right} to {number}"),
                None => format!(
                    "place: it was changed, or the digits that end the line: its hash begins with {}, it says {digits}",
                    hash(number)
                ),
            });
        }
        if !(first..=last).contains(&number) {
            return Err(format!("entry: {number} is none of its batch, which has {first} to {last}"));
        }
        Ok(Self { entry: number, leaf: format!("{number} {place}") })
    }
}

fn by_one_of(keys: &[Hex<32>], file: &'static str, part: &str, signer: Hex<32>, faults: &mut Vec<Fault>) {
    if !keys.is_empty() && !keys.contains(&signer) {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        faults.push(Fault::of(file, format_args!("{part}it is signed by {signer}, not by {}", keys.join(" or "))));
    }
}

/// The leaf that the roster has for an entry, from the chunk that `roster.json` fixes.
fn listed<R: Read>(
    open: &mut impl FnMut(&'static str) -> io::Result<R>,
    roster: &RosterStatement,
    entry: i64,
) -> Result<String, Fault> {
    const FILE: &str = "roster.txt";
    let first = chunk_start(entry);
    let last = roster.size.min(first + CHUNK as i64 - 1);
    let unread = |fault: io::Error| match fault.kind() {
        io::ErrorKind::UnexpectedEof => Fault::of(FILE, format_args!("ends before entry {last}")),
        _ => Fault::of(FILE, format_args!("cannot be read: {fault}")),
    };
    let mut from = io::BufReader::new(open(FILE).map_err(unread)?);
    io::copy(&mut from.by_ref().take(offset(first)), &mut io::sink()).map_err(unread)?;
    let (mut leaves, mut own) = (Vec::with_capacity(CHUNK), String::new());
    for at in first..=last {
        let mut line = vec![0; line_bytes(at) as usize];
        from.read_exact(&mut line).map_err(unread)?;
        // The check and the line's end: what they say of the leaf is known from the chunk.
        line.truncate(line.len() - 18);
        leaves.push(leaf_hash(&line));
        if at == entry {
            own = String::from_utf8_lossy(&line).into_owned();
        }
    }
    let fixed = roster.chunks[first as usize / CHUNK];
    if merkle::root(&leaves) != fixed.0 {
        let what = format_args!("this entry was changed, or one up to entry {last}: their hash is not in roster.json");
        return Err(Fault::at(FILE, first, what));
    }
    Ok(own)
}

/// How long an entry's line in `roster.txt` is: `{entry} plc_{32 digits} {16 digits}` and its end.
fn line_bytes(entry: i64) -> u64 {
    u64::from(entry.ilog10()) + 1 + 5 + 32 + 1 + 16 + 1
}

/// Where an entry's line begins in `roster.txt`.
fn offset(entry: i64) -> u64 {
    let decades = std::iter::successors(Some(1_i64), |low| low.checked_mul(10)).take_while(|low| *low < entry);
    decades.map(|low| (entry.min(low.saturating_mul(10)) - low) as u64 * line_bytes(low)).sum()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::draw::{AcknowledgedBatch, Sale, Signer, close, write_roster};

    const SALE: u128 = 0x5a1e;

    fn signer() -> Signer {
        Signer::from_seed(&[3; 32], "k1")
    }

    fn place(entry: i64) -> Uuid {
        Uuid::from_u128(0x019a_7c2e_5f3b_7c1d_8e9f_0a1b_2c3d_0000 + entry as u128)
    }

    fn batch(entries: impl IntoIterator<Item = i64>) -> AcknowledgedBatch {
        let places = entries.into_iter().map(|entry| (entry, place(entry)));
        AcknowledgedBatch::sign(Uuid::from_u128(SALE), places, 7, &signer()).unwrap()
    }

    fn json(own: &Acknowledgement) -> Vec<u8> {
        serde_json::to_vec(own).unwrap()
    }

    /// A published roster of these places, the one with entry 1 first.
    struct Published([Vec<u8>; 3]);

    impl Published {
        fn new(places: impl IntoIterator<Item = Uuid>) -> Self {
            Self::by(places, SALE, &signer())
        }

        fn by(places: impl IntoIterator<Item = Uuid>, sale: u128, signer: &Signer) -> Self {
            let mut txt = Vec::new();
            let roster = write_roster(places, &mut txt).unwrap().0;
            let signed = close(Sale::new(Uuid::from_u128(sale), "Sale", "Event"), &roster, 10, 20, signer);
            Self([signed.json, signed.sig, txt])
        }

        fn holds(&self, json: &[u8], keys: &[Hex<32>]) -> Result<(Genuine, Standing), Vec<Fault>> {
            let file = |name| ["roster.json", "roster.sig", "roster.txt"].iter().position(|known| *known == name);
            acknowledged(json, |name| Ok(&self.0[file(name).unwrap()][..]), keys)
        }
    }

    #[test]
    fn whoever_is_acknowledged_is_found_in_the_roster_or_proved_to_be_left_out() {
        const LOBBY: i64 = 2_100;
        let whole = Published::new((1..=LOBBY).map(place));
        for (size, first) in [(1, 1), (2, 9), (3, 98), (7, 1_020), (1_000, 1_000), (1, LOBBY)] {
            let last = first + size - 1;
            let batch = batch(first..=last);
            for entry in [first, first + size / 2, last] {
                let own = batch.of(entry).unwrap();
                assert_eq!((own.statement.size, own.index), (size, (entry - first) as u64));
                assert!(own.path.len() <= 10, "{size} leaves are {} hashes deep", own.path.len());
                let alone = genuine(&json(&own), &[signer().by().ed25519]).unwrap();
                assert_eq!(
                    (alone.entry, alone.leaf.clone()),
                    (entry, format!("{entry} plc_{}", place(entry).simple()))
                );
                assert_eq!(whole.holds(&json(&own), &[]), Ok((alone.clone(), Standing::Listed)), "{entry} of {size}");
                // Another took the place, or all behind them moved up, or the end is missing.
                let taken = Published::new((1..=LOBBY).map(|at| place(if at == entry { 0 } else { at })));
                let shorter = Published::new((1..LOBBY).map(|at| place(if at < entry { at } else { at + 1 })));
                let cut = Published::new((1..entry).map(place));
                let is = |place: Uuid| Some(format!("{entry} plc_{}", place.simple()));
                let moved = (entry < LOBBY).then(|| is(place(entry + 1))).flatten();
                for (without, instead) in [(taken, is(place(0))), (shorter, moved), (cut, None)] {
                    let proved = without.holds(&json(&own), &[]);
                    assert_eq!(proved, Ok((alone.clone(), Standing::LeftOut { instead })), "{entry} of {size}");
                }
            }
            assert_eq!(batch.of(first - 1).or(batch.of(last + 1)), None);
        }
    }

    #[test]
    fn a_batch_may_have_places_of_before_and_nobody_twice() {
        let batch = batch([40, 7, 39, 7, 1_500, 38]);
        let whole = Published::new((1..=1_500).map(place));
        for (index, entry) in [7, 38, 39, 40, 1_500].into_iter().enumerate() {
            let own = batch.of(entry).unwrap();
            let said = &own.statement;
            assert_eq!((own.index, said.first, said.last, said.size), (index as u64, 7, 1_500, 5));
            assert!(matches!(whole.holds(&json(&own), &[]), Ok((_, Standing::Listed))), "{entry}");
        }
        assert_eq!(batch.of(8), None, "between the first and the last, and not signed for");
        assert!(AcknowledgedBatch::sign(Uuid::from_u128(SALE), [], 7, &signer()).is_none());
    }

    #[test]
    fn an_altered_acknowledgement_is_refused_by_the_part_at_fault() {
        type Change = fn(&mut Acknowledgement);
        let whole = Published::new((1..=30).map(place));
        let own = batch(12..=18).of(17).unwrap();
        assert!(whole.holds(&json(&own), &[]).is_ok());
        let altered: [(&str, Change); 16] = [
            ("entry: it was changed from 17 to 16", |own| own.line = own.line.replacen("17 ", "16 ", 1)),
            ("entry: \"017\" is none", |own| own.line = own.line.replacen("17 ", "017 ", 1)),
            ("entry: it was changed from 17 to 90", |own| own.line = own.line.replacen("17 ", "90 ", 1)),
            ("entry: 19 is none of its batch, which has 12 to 18", |own| {
                own.line = crate::draw::roster_line(19, place(19));
            }),
            ("place: it was changed, or the digits", |own| own.line = own.line.replacen("019a", "019b", 1)),
            ("place: should be", |own| own.line = own.line.replacen("plc_", "plc-", 1)),
            ("line: should end with 16 digits", |own| own.line.push('0')),
            ("line: should be an entry", |own| own.line.push(' ')),
            // Forged along with its check.
            ("path: 3 hashes do not lead", |own| own.line = crate::draw::roster_line(17, place(90))),
            ("path: 3 hashes do not lead", |own| own.path[1].0[31] ^= 1),
            ("path: 2 hashes do not lead", |own| own.path.truncate(2)),
            ("path: 3 hashes do not lead from leaf 4", |own| own.index = 4),
            ("signature: it is not base64", |own| own.signature.truncate(80)),
            ("signature: the signature is not key k1's", |own| {
                let other = if own.signature.starts_with('A') { "B" } else { "A" };
                own.signature.replace_range(..1, other);
            }),
            ("signature: the signature is not key k1's", |own| own.statement.root.0[0] ^= 1),
            ("signature: the signature is not key k1's", |own| own.statement.acknowledged_ms += 1),
        ];
        for (part, change) in altered {
            let mut altered = own.clone();
            change(&mut altered);
            for refused in [whole.holds(&json(&altered), &[]).unwrap_err(), genuine(&json(&altered), &[]).unwrap_err()]
            {
                let [fault] = &refused[..] else { panic!("{part}: {refused:?}") };
                assert!(fault.to_string().starts_with(&format!("acknowledgement: {part}")), "{part}: {fault}");
            }
        }
        let mut elsewhere = own.clone();
        elsewhere.statement.sale = "sal_0".to_owned();
        let parts = |refused: Vec<Fault>| refused.iter().map(|fault| fault.what[..4].to_owned()).collect::<Vec<_>>();
        assert_eq!(parts(whole.holds(&json(&elsewhere), &[]).unwrap_err()), ["sign", "sale"]);
        let other = Published::by((1..=30).map(place), SALE + 1, &signer());
        assert_eq!(parts(other.holds(&json(&own), &[]).unwrap_err()), ["sale"]);
        let mut another = own.clone();
        another.statement.format.push('0');
        assert!(genuine(&json(&another), &[]).unwrap_err()[0].what.starts_with("format: it is"));
        for nonsense in [&b"{}"[..], b"", &vec![b' '; ACKNOWLEDGEMENT_MAX + 1]] {
            assert!(genuine(nonsense, &[]).unwrap_err()[0].what.starts_with("format: "));
        }
    }

    #[test]
    fn another_key_proves_nothing_unless_it_is_named() {
        let own = json(&batch(1..=3).of(2).unwrap());
        let (old, new) = (signer(), Signer::from_seed(&[4; 32], "k2"));
        let (old, newer) = (old.by().ed25519, new.by().ed25519);
        let rotated = Published::by((1..=3).map(place), SALE, &new);
        for (keys, told) in [(&[][..], 1), (&[newer][..], 1), (&[old][..], 1)] {
            assert_eq!(rotated.holds(&own, keys).unwrap_err().len(), told, "{keys:?}");
        }
        assert!(rotated.holds(&own, &[newer, old]).is_ok());
        assert!(genuine(&own, &[newer]).unwrap_err()[0].what.starts_with("key: it is signed by"));
    }

    #[test]
    fn a_damaged_roster_proves_nothing() {
        let own = json(&batch(1_024..=1_030).of(1_026).unwrap());
        let published = || Published::new((1..=1_100).map(place));
        let faults = |damaged: Published| damaged.holds(&own, &[]).unwrap_err()[0].to_string();
        let damage = |file: usize, change: &dyn Fn(&mut Vec<u8>)| {
            let mut damaged = published();
            change(&mut damaged.0[file]);
            faults(damaged)
        };
        let in_chunk = damage(2, &|txt| {
            let at = txt.len() - 40;
            txt[at] ^= 1;
        });
        assert!(in_chunk.starts_with("roster.txt, entry 1025: this entry was changed"), "{in_chunk}");
        assert!(damage(2, &|txt| txt.truncate(txt.len() - 1)).starts_with("roster.txt: ends before entry 1100"));
        let other = |sig: &mut Vec<u8>| sig[3] = if sig[3] == b'A' { b'B' } else { b'A' };
        assert!(damage(1, &other).starts_with("roster.json: roster.sig: the signature is not"));
        assert!(damage(0, &|json| json.truncate(9)).starts_with("roster.json: cannot be read"));
    }

    #[test]
    fn lines_begin_where_they_are_written() {
        let mut txt = Vec::new();
        write_roster((1..=12_000).map(place), &mut txt).unwrap();
        for entry in [1, 2, 9, 10, 11, 99, 100, 101, 1_024, 1_025, 9_999, 10_000, 11_265] {
            let from = offset(entry) as usize;
            let line = &txt[from..from + line_bytes(entry) as usize];
            assert!(line.starts_with(format!("{entry} plc_").as_bytes()) && line.ends_with(b"\n"), "{entry}");
        }
    }
}
