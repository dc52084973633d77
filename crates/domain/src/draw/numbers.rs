//! The order of a drawn lobby: which entry has which number.

use aws_lc_rs::hmac;

use super::hash::fixed;

/// A drawn lobby: entries `1..=size` permuted among themselves. Eight bytes per entry.
///
/// The order is ascending by `HMAC-SHA256(seed, entry)`, the entry as 8 bytes, big-endian; equal ones by entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Numbers {
    /// The number of entry `n` at `n - 1`.
    number_of: Vec<u32>,
    /// The entry of number `n` at `n - 1`.
    entry_of: Vec<u32>,
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Numbers({})", self.size())
    }
}

impl Numbers {
    /// The permutation that `seed` makes of the entries `1..=size`.
    ///
    /// # Panics
    /// If `size` is negative or above 4,294,967,295.
    pub fn draw(seed: &[u8; 32], size: i64) -> Self {
        let size = u32::try_from(size).expect("a lobby has between 0 and 4,294,967,295 entries");
        let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let tag = |entry: u32| fixed(hmac::sign(&key, &u64::from(entry).to_be_bytes()).as_ref());
        // The first half of a tag decides, but for a chance of 2⁻⁸⁸ in a million entries.
        let head = |entry: u32| {
            let tag = tag(entry);
            u128::from_be_bytes(tag[..16].try_into().expect("16 of 32 bytes"))
        };
        let mut tagged: Vec<(u128, u32)> = (1..=size).map(|entry| (head(entry), entry)).collect();
        tagged.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| tag(a.1).cmp(&tag(b.1))).then_with(|| a.1.cmp(&b.1)));
        let entry_of: Vec<u32> = tagged.into_iter().map(|(_, entry)| entry).collect();
        let mut number_of = vec![0; entry_of.len()];
        for (number, &entry) in (1..).zip(&entry_of) {
            number_of[entry as usize - 1] = number;
        }
        Self { number_of, entry_of }
    }

    /// How many entries were drawn.
    pub fn size(&self) -> i64 {
        self.entry_of.len() as i64
    }

    /// The number of an entry. One that came after the lobby keeps its entry as its number.
    pub fn number(&self, entry: i64) -> i64 {
        at(&self.number_of, entry)
    }

    /// The entry that has a number; the inverse of [`Self::number`].
    pub fn entry(&self, number: i64) -> i64 {
        at(&self.entry_of, number)
    }
}

fn at(table: &[u32], nth: i64) -> i64 {
    usize::try_from(nth - 1).ok().and_then(|nth| table.get(nth)).map_or(nth, |&other| i64::from(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw::hash::hmac_sha256;

    /// The same rule, written as it is documented: whole tags, a stable sort.
    fn naive(seed: &[u8; 32], size: i64) -> Vec<i64> {
        let mut entries: Vec<i64> = (1..=size).collect();
        entries.sort_by_key(|entry| hmac_sha256(seed, &[&(*entry as u64).to_be_bytes()]));
        entries
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_rule(seed: [u8; 32], size in 0_i64..600) {
            let numbers = Numbers::draw(&seed, size);
            prop_assert_eq!(numbers.size(), size);
            for (number, entry) in (1..).zip(naive(&seed, size)) {
                prop_assert_eq!(numbers.entry(number), entry);
                prop_assert_eq!(numbers.number(entry), number);
            }
            for outside in [i64::MIN + 1, -1, 0, size + 1, i64::MAX] {
                prop_assert_eq!(numbers.number(outside), outside);
                prop_assert_eq!(numbers.entry(outside), outside);
            }
        }
    }

    // Computed with Python's hmac and sorted.
    #[test]
    fn ten_entries_as_documented() {
        let numbers = Numbers::draw(&[0x11; 32], 10);
        let order: Vec<i64> = (1..=10).map(|number| numbers.entry(number)).collect();
        assert_eq!(order, [2, 4, 8, 10, 5, 6, 7, 1, 9, 3]);
    }

    #[test]
    fn every_entry_is_as_likely_to_come_first() {
        // 12,000 seeds, 6 entries: 2,000 each; 6 standard deviations are about 245.
        let mut first = [0_i32; 6];
        for nth in 0_u32..12_000 {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&nth.to_be_bytes());
            first[Numbers::draw(&seed, 6).entry(1) as usize - 1] += 1;
        }
        assert!(first.iter().all(|count| (count - 2_000).abs() < 245), "{first:?}");
    }
}
