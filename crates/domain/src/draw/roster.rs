//! The roster: who was in the lobby, one line for each entry, under one Merkle root.

use std::fmt::Write as _;

use uuid::Uuid;

use super::Hex;
use super::merkle::{self, leaf_hash};

/// Entries per published subtree; a power of two, so that subtrees are nodes of the whole tree.
pub const CHUNK: usize = 1_024;

/// What the roster says of one entry, which is its leaf: `{entry} plc_{place}`, the place as the API prints it.
pub fn leaf(entry: i64, place: Uuid) -> String {
    format!("{entry} plc_{}", place.simple())
}

/// One line of `roster.txt` without its end: the leaf, and the first 16 digits of its hash, by which a damaged line shows
/// itself.
pub fn line(entry: i64, place: Uuid) -> String {
    let mut line = leaf(entry, place);
    let hash = leaf_hash(line.as_bytes());
    write!(line, " {}", check(&hash)).expect("a text takes everything");
    line
}

/// What follows the leaf on its line.
pub(super) fn check(hash: &[u8; 32]) -> Hex<8> {
    Hex(hash[..8].try_into().expect("8 of 32 bytes"))
}

/// A lobby's places in the order of their entries, `1..=size`, reduced to hashes: 32 bytes per [`CHUNK`] entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    size: i64,
    chunks: Vec<[u8; 32]>,
}

impl Roster {
    /// The roster of the places, the one with entry 1 first.
    pub fn new(places: impl IntoIterator<Item = Uuid>) -> Self {
        let mut building = Building::default();
        for place in places {
            building.push(leaf_hash(leaf(building.size + 1, place).as_bytes()));
        }
        building.finish()
    }

    /// How many entries there are.
    pub fn size(&self) -> i64 {
        self.size
    }

    /// The Merkle root over all leaves.
    pub fn root(&self) -> [u8; 32] {
        merkle::root(&self.chunks)
    }

    /// The roots of each [`CHUNK`] leaves, of which the last may have fewer. They have the same root as the leaves.
    pub fn chunks(&self) -> &[[u8; 32]] {
        &self.chunks
    }
}

/// Takes leaves one by one and keeps what a [`Roster`] keeps.
#[derive(Debug, Default)]
pub(super) struct Building {
    size: i64,
    open: Vec<[u8; 32]>,
    chunks: Vec<[u8; 32]>,
}

impl Building {
    /// The next entry's leaf hash.
    pub(super) fn push(&mut self, leaf: [u8; 32]) {
        self.size += 1;
        self.open.push(leaf);
        if self.open.len() == CHUNK {
            self.close();
        }
    }

    /// The root of the leaves since the last whole chunk, or of that chunk if none followed.
    pub(super) fn last_chunk(&self) -> Option<[u8; 32]> {
        if self.open.is_empty() { self.chunks.last().copied() } else { Some(merkle::root(&self.open)) }
    }

    fn close(&mut self) {
        self.chunks.push(merkle::root(&self.open));
        self.open.clear();
    }

    pub(super) fn finish(mut self) -> Roster {
        if !self.open.is_empty() {
            self.close();
        }
        Roster { size: self.size, chunks: self.chunks }
    }
}

/// That an entry with its place is in a roster, to be held against a root that the fan trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry, from 1.
    pub entry: i64,
    /// Entries in the roster.
    pub size: i64,
    /// The siblings' hashes on the way to the root, lowest first.
    pub path: Vec<[u8; 32]>,
}

impl Proof {
    /// The proof of an entry from the roster's published chunks and the places of the entry's own chunk.
    ///
    /// `places` are those of the entries that share `(entry - 1) / CHUNK`, in order: reading 1,024 rows is enough to
    /// answer a fan.
    ///
    /// # Panics
    /// If the entry is not in the roster, or `places` are not as many as its chunk has.
    pub fn new(size: i64, chunks: &[[u8; 32]], entry: i64, places: &[Uuid]) -> Self {
        let first = chunk_start(entry);
        let leaves: Vec<[u8; 32]> =
            (first..).zip(places).map(|(entry, place)| leaf_hash(leaf(entry, *place).as_bytes())).collect();
        Self::from_leaves(size, chunks, entry, &leaves)
    }

    pub(super) fn from_leaves(size: i64, chunks: &[[u8; 32]], entry: i64, leaves: &[[u8; 32]]) -> Self {
        assert!((1..=size).contains(&entry), "entry {entry} of {size}");
        let first = chunk_start(entry);
        assert_eq!(leaves.len() as i64, (size - first + 1).min(CHUNK as i64), "the places of one chunk");
        let mut path = merkle::path(leaves, (entry - first) as usize);
        path.extend(merkle::path(chunks, first as usize / CHUNK));
        Self { entry, size, path }
    }

    /// Whether it proves that `place` has the entry in the roster with this root.
    pub fn proves(&self, place: Uuid, root: &[u8; 32]) -> bool {
        self.leads_from(&leaf_hash(leaf(self.entry, place).as_bytes()), root)
    }

    pub(super) fn leads_from(&self, leaf: &[u8; 32], root: &[u8; 32]) -> bool {
        self.entry >= 1
            && merkle::root_from_path(leaf, self.entry as u64 - 1, self.size as u64, &self.path) == Some(*root)
    }
}

/// The first entry of an entry's chunk.
pub fn chunk_start(entry: i64) -> i64 {
    (entry - 1) / CHUNK as i64 * CHUNK as i64 + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(size: usize) -> Vec<Uuid> {
        (0..size).map(|nth| Uuid::from_u128(0x019a_7c2e_5f3b_7c1d_8e9f_0a1b_2c3d_0000 + nth as u128)).collect()
    }

    // The place's form is the one of contracts::ids; its example is the same there.
    #[test]
    fn a_line_is_the_leaf_and_the_start_of_its_hash() {
        let place = Uuid::from_u128(0x019a_7c2e_5f3b_7c1d_8e9f_0a1b_2c3d_4e5f);
        assert_eq!(leaf(17, place), "17 plc_019a7c2e5f3b7c1d8e9f0a1b2c3d4e5f");
        assert_eq!(line(17, place), "17 plc_019a7c2e5f3b7c1d8e9f0a1b2c3d4e5f 80aa25ff6020dd50");
    }

    #[test]
    fn chunks_begin_at_powers_of_two() {
        assert_eq!([1, 1_024, 1_025, 2_048, 2_049].map(chunk_start), [1, 1, 1_025, 1_025, 2_049]);
        let (none, one) = (Roster::new([]), Roster::new(places(1)));
        assert_eq!((none.size(), none.chunks().len(), none.root()), (0, 0, merkle::root(&[])));
        assert_eq!((one.size(), one.chunks().len()), (1, 1));
        assert_eq!(Roster::new(places(1_024)).chunks().len(), 1);
        assert_eq!(Roster::new(places(1_025)).chunks().len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_root_is_that_of_all_leaves_and_every_entry_can_be_proved(size in 1_usize..4_000, pick: prop::sample::Index) {
            let places = places(size);
            let roster = Roster::new(places.iter().copied());
            let leaves: Vec<[u8; 32]> =
                (1..).zip(&places).map(|(entry, place)| leaf_hash(leaf(entry, *place).as_bytes())).collect();
            prop_assert_eq!(roster.root(), merkle::root(&leaves));

            let entry = pick.index(size) as i64 + 1;
            let first = chunk_start(entry) as usize - 1;
            let own = &places[first..size.min(first + CHUNK)];
            let proof = Proof::new(size as i64, roster.chunks(), entry, own);
            prop_assert!(proof.proves(places[entry as usize - 1], &roster.root()));
            prop_assert!(!proof.proves(Uuid::nil(), &roster.root()));
            let another = Proof { entry: entry + 1, ..proof.clone() };
            let none = Proof { entry: 0, ..proof };
            for wrong in [another, none] {
                prop_assert!(!wrong.proves(places[entry as usize - 1], &roster.root()));
            }
        }
    }
}
