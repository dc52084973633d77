//! Checking the two lists of a draw line by line. What each line must be is known to the byte, but for the place itself, so
//! that lines are read by their length: a damaged one never shifts those after it.

use std::io::{self, Read};

use aws_lc_rs::digest;

use super::hash::fixed;
use super::merkle::leaf_hash;
use super::publish::number_line;
use super::roster::{Building, CHUNK, check, chunk_start};
use super::statement::DrawStatement;
use super::verify::Fault;
use super::{Hex, Numbers};

/// So many lines of one file are named, then no more.
const NAMED_MAX: usize = 8;
/// An entry's number fits into 32 bits.
const ENTRIES_MAX: i64 = u32::MAX as i64;

/// What reading `roster.txt` found out.
pub(super) struct Listed {
    /// Whether it has as many lines as `draw.json` says, so that drawing as many is no more than was sent.
    pub(super) complete: bool,
    /// The leaf of the entry asked for, and the leaf hashes of its chunk.
    pub(super) followed: Option<(String, Vec<[u8; 32]>)>,
}

/// A list's file with its running hash and its faults.
struct List<'a, R> {
    file: &'static str,
    from: io::BufReader<R>,
    digest: digest::Context,
    faults: &'a mut Vec<Fault>,
    named: usize,
}

impl<'a, R: Read> List<'a, R> {
    fn open(
        open: &mut impl FnMut(&'static str) -> io::Result<R>,
        file: &'static str,
        faults: &'a mut Vec<Fault>,
    ) -> Option<Self> {
        match open(file) {
            Ok(from) => Some(Self {
                file,
                from: io::BufReader::with_capacity(1 << 16, from),
                digest: digest::Context::new(&digest::SHA256),
                faults,
                named: 0,
            }),
            Err(fault) => {
                faults.push(Fault::of(file, format_args!("cannot be read: {fault}")));
                None
            }
        }
    }

    /// Fills the line with as many bytes as it must have; false, with a fault, if the file ends before.
    fn read(&mut self, line: &mut [u8], entry: i64) -> bool {
        let mut filled = 0;
        while filled < line.len() {
            match self.from.read(&mut line[filled..]) {
                Ok(0) => {
                    let what =
                        if filled == 0 { "the file ends before this line" } else { "the file ends in this line" };
                    self.faults.push(Fault::at(self.file, entry, what));
                    return false;
                }
                Ok(more) => filled += more,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => {
                    self.faults.push(Fault::at(self.file, entry, format_args!("cannot be read: {fault}")));
                    return false;
                }
            }
        }
        self.digest.update(line);
        true
    }

    fn fault(&mut self, entry: i64, what: String) {
        self.named += 1;
        if self.named <= NAMED_MAX {
            self.faults.push(Fault::at(self.file, entry, what));
        }
    }

    /// After the last line: nothing may follow, and the whole must have the hash of `draw.json` unless a line said more.
    fn end(mut self, last: i64, expected: Hex<32>) {
        if self.named > NAMED_MAX {
            let more = self.named - NAMED_MAX;
            self.faults.push(Fault::of(self.file, format_args!("{more} further entries are wrong")));
        }
        let mut beyond = [0];
        match self.from.read(&mut beyond) {
            Ok(0) => {}
            Ok(_) => {
                self.faults.push(Fault::of(self.file, format_args!("goes on after its last line, {last}")));
                return;
            }
            Err(fault) => {
                self.faults.push(Fault::of(self.file, format_args!("cannot be read: {fault}")));
                return;
            }
        }
        let hash = Hex(fixed(self.digest.finish().as_ref()));
        if hash != expected && self.named == 0 {
            let what = format_args!("its SHA-256 is {hash}, draw.json says {expected}");
            self.faults.push(Fault::of(self.file, what));
        }
    }
}

/// `roster.txt` against the size, root and hash of `draw.json` and the chunks of `roster.json`.
pub(super) fn check_roster<R: Read>(
    open: &mut impl FnMut(&'static str) -> io::Result<R>,
    draw: &DrawStatement,
    chunks: Option<&[[u8; 32]]>,
    asked: Option<i64>,
    faults: &mut Vec<Fault>,
) -> Listed {
    const FILE: &str = "roster.txt";
    let size = draw.roster.size;
    let mut listed = Listed { complete: false, followed: None };
    if !(0..=ENTRIES_MAX).contains(&size) {
        faults.push(Fault::of("draw.json", format_args!("a roster of {size} entries cannot be")));
        return listed;
    }
    let Some(mut list) = List::open(open, FILE, faults) else { return listed };
    let mut building = Building::default();
    let (mut named_before, mut own_leaves, mut own_leaf) = (0, Vec::new(), None);
    let own_chunk = asked.filter(|entry| (1..=size).contains(entry)).map(chunk_start);
    for entry in 1..=size {
        // "{entry} plc_{32 digits}", then " {16 digits}\n".
        let head = format!("{entry} plc_");
        let mut line = vec![0; head.len() + 32 + 18];
        if !list.read(&mut line, entry) {
            return listed;
        }
        let (leaf, tail) = line.split_at(head.len() + 32);
        let hash = leaf_hash(leaf);
        let digits = leaf.strip_prefix(head.as_bytes()).and_then(|place| std::str::from_utf8(place).ok());
        if digits.and_then(Hex::<16>::parse).is_none() {
            list.fault(
                entry,
                format!("should be \"{entry} plc_\" and 32 digits, is {:?}", String::from_utf8_lossy(leaf)),
            );
        } else if tail != format!(" {}\n", check(&hash)).as_bytes() {
            let expected = check(&hash);
            let said = String::from_utf8_lossy(tail);
            list.fault(entry, format!("the line was changed: its hash begins with {expected}, it says {said:?}"));
        }
        building.push(hash);
        if own_chunk == Some(chunk_start(entry)) {
            own_leaves.push(hash);
        }
        if asked == Some(entry) {
            own_leaf = Some(String::from_utf8_lossy(leaf).into_owned());
        }
        // A line forged along with its check is found by its chunk.
        if entry == size || entry % CHUNK as i64 == 0 {
            let first = chunk_start(entry);
            let expected = chunks.and_then(|chunks| chunks.get(first as usize / CHUNK));
            let forged = expected.is_some_and(|expected| building.last_chunk() != Some(*expected));
            if forged && list.named == named_before {
                let what = "was changed, or one up to entry";
                list.fault(first, format!("this entry {what} {entry}: their hash is not the one in roster.json"));
            }
            named_before = list.named;
        }
    }
    let roster = building.finish();
    if list.named == 0 && roster.root() != draw.roster.root.0 {
        let what = format_args!("its root is {}, draw.json says {}", Hex(roster.root()), draw.roster.root);
        list.faults.push(Fault::of(FILE, what));
        list.named += 1;
    }
    list.end(size, draw.files.roster_txt);
    listed.complete = true;
    listed.followed = own_leaf.map(|leaf| (leaf, own_leaves));
    listed
}

/// `numbers.txt` against the numbers that the seed makes.
pub(super) fn check_numbers<R: Read>(
    open: &mut impl FnMut(&'static str) -> io::Result<R>,
    draw: &DrawStatement,
    numbers: &Numbers,
    faults: &mut Vec<Fault>,
) {
    let Some(mut list) = List::open(open, "numbers.txt", faults) else { return };
    let mut line = Vec::new();
    for number in 1..=numbers.size() {
        let entry = numbers.entry(number);
        let expected = number_line(number, entry);
        line.resize(expected.len(), 0);
        if !list.read(&mut line, entry) {
            return;
        }
        if line != expected.as_bytes() {
            let said = String::from_utf8_lossy(&line).into_owned();
            list.fault(entry, format!("line {number} should be {expected:?}, is {said:?}"));
        }
    }
    list.end(numbers.size(), draw.files.numbers_txt);
}
