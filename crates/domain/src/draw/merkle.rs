//! The Merkle tree of RFC 6962, section 2.1: leaves hashed after a byte 0, nodes after a byte 1, split at the largest power of two.

use super::hash::sha256;

/// The hash of a leaf: `SHA-256(0x00 ‖ data)`.
pub fn leaf_hash(data: &[u8]) -> [u8; 32] {
    sha256(&[&[0], data])
}

fn node_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left, right])
}

/// The root over hashes of leaves, or of whole subtrees of one power of two of leaves, of which only the last may be smaller.
/// Of none it is SHA-256 of nothing.
pub fn root(hashes: &[[u8; 32]]) -> [u8; 32] {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = above(&level);
    }
    level.first().copied().unwrap_or_else(|| sha256(&[]))
}

/// The siblings of hash `index` (from 0) on its way to the [`root`], lowest first.
///
/// # Panics
/// If there is no such hash.
pub fn path(hashes: &[[u8; 32]], index: usize) -> Vec<[u8; 32]> {
    Tree::new(hashes.to_vec()).path(index)
}

/// The level above: its hashes' pairs. A last one without a partner moves up as it is, which is the split at the largest power of
/// two seen from below.
fn above(level: &[[u8; 32]]) -> Vec<[u8; 32]> {
    level.chunks(2).map(|pair| if let [left, right] = pair { node_hash(left, right) } else { pair[0] }).collect()
}

/// A whole tree, for the paths of many leaves: each is looked up, none is hashed again.
#[derive(Debug)]
pub struct Tree {
    /// The leaves' hashes first, the root alone last.
    levels: Vec<Vec<[u8; 32]>>,
}

impl Tree {
    /// The tree over hashes of leaves, as [`root`] takes them.
    pub fn new(hashes: Vec<[u8; 32]>) -> Self {
        let mut levels = vec![hashes];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(above(level));
        }
        Self { levels }
    }

    /// The [`root`].
    pub fn root(&self) -> [u8; 32] {
        self.levels.last().and_then(|level| level.first().copied()).unwrap_or_else(|| sha256(&[]))
    }

    /// The siblings of hash `index` (from 0) on its way to the root, lowest first.
    ///
    /// # Panics
    /// If there is no such hash.
    pub fn path(&self, index: usize) -> Vec<[u8; 32]> {
        assert!(index < self.levels[0].len(), "hash {index} of {}", self.levels[0].len());
        self.levels.iter().enumerate().filter_map(|(up, level)| level.get((index >> up) ^ 1)).copied().collect()
    }
}

/// The root that a leaf's hash and its siblings lead to in a tree of `size` leaves; `None` if their number cannot be right
/// (RFC 9162, section 2.1.3.2).
pub fn root_from_path(leaf: &[u8; 32], index: u64, size: u64, siblings: &[[u8; 32]]) -> Option<[u8; 32]> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in siblings {
        if last == 0 {
            return None;
        }
        if at % 2 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            // A hash without a partner has moved up until it was a right one.
            while at % 2 == 0 && at != 0 {
                at /= 2;
                last /= 2;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at /= 2;
        last /= 2;
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw::Hex;

    /// The definition of RFC 6962, word for word.
    fn defined(leaves: &[Vec<u8>]) -> [u8; 32] {
        match leaves {
            [] => sha256(&[]),
            [one] => leaf_hash(one),
            many => {
                let (left, right) = many.split_at(split(many.len()));
                node_hash(&defined(left), &defined(right))
            }
        }
    }

    fn defined_path(leaves: &[Vec<u8>], index: usize) -> Vec<[u8; 32]> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut path, sibling) = if index < left.len() {
            (defined_path(left, index), defined(right))
        } else {
            (defined_path(right, index - left.len()), defined(left))
        };
        path.push(sibling);
        path
    }

    /// The largest power of two smaller than `n`.
    fn split(n: usize) -> usize {
        1 << (n - 1).ilog2()
    }

    fn hashes(leaves: &[Vec<u8>]) -> Vec<[u8; 32]> {
        leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
    }

    /// The leaves and roots of certificate-transparency's own tests (`merkletree/merkle_tree_test.go`).
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn known() -> Vec<Vec<u8>> {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        LEAVES.iter().map(|hex| hex.as_bytes().chunks(2).map(byte).collect()).collect()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        for (size, expected) in ROOTS.iter().enumerate() {
            assert_eq!(Hex(root(&hashes(&known()[..size]))).to_string(), *expected, "{size} leaves");
        }
    }

    #[test]
    fn a_path_is_that_of_certificate_transparency() {
        // Leaf 6 (from 1) of 8, from the same tests.
        let expected = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        let got: Vec<String> = path(&hashes(&known()), 5).iter().map(|hash| Hex(*hash).to_string()).collect();
        assert_eq!(got, expected);
    }

    proptest! {
        #[test]
        fn roots_and_paths_are_those_of_the_definition(size in 1_usize..200, pick: prop::sample::Index) {
            let leaves: Vec<Vec<u8>> = (0..size).map(|nth| nth.to_string().into_bytes()).collect();
            let (hashes, index) = (hashes(&leaves), pick.index(size));
            let (expected, siblings) = (defined(&leaves), defined_path(&leaves, index));
            prop_assert_eq!(root(&hashes), expected);
            prop_assert_eq!(&path(&hashes, index), &siblings);
            prop_assert_eq!(root_from_path(&hashes[index], index as u64, size as u64, &siblings), Some(expected));
        }

        #[test]
        fn a_path_proves_nothing_else(size in 1_usize..200, pick: prop::sample::Index, other: prop::sample::Index, flip: prop::sample::Index) {
            let leaves: Vec<Vec<u8>> = (0..size).map(|nth| nth.to_string().into_bytes()).collect();
            let (hashes, index) = (hashes(&leaves), pick.index(size));
            let (expected, siblings) = (root(&hashes), path(&hashes, index));
            let proves = |leaf: &[u8; 32], index: usize, siblings: &[[u8; 32]]| {
                root_from_path(leaf, index as u64, size as u64, siblings) == Some(expected)
            };
            let other = other.index(size);
            prop_assert_eq!(proves(&hashes[other], index, &siblings), other == index);
            prop_assert_eq!(proves(&hashes[index], other, &siblings), other == index);
            prop_assert!(!proves(&hashes[index], index + size, &siblings));
            let mut longer = siblings.clone();
            longer.push([0; 32]);
            prop_assert!(!proves(&hashes[index], index, &longer));
            if !siblings.is_empty() {
                prop_assert!(!proves(&hashes[index], index, &siblings[1..]));
                let mut flipped = siblings.clone();
                flipped[flip.index(siblings.len())][31] ^= 1;
                prop_assert!(!proves(&hashes[index], index, &flipped));
            }
        }

        #[test]
        fn subtrees_of_one_size_lead_to_the_same_root(size in 0_usize..200, log in 0_u32..6) {
            let leaves: Vec<[u8; 32]> = (0..size).map(|nth| leaf_hash(nth.to_string().as_bytes())).collect();
            let chunks: Vec<[u8; 32]> = leaves.chunks(1 << log).map(root).collect();
            prop_assert_eq!(root(&chunks), root(&leaves));
        }
    }
}
