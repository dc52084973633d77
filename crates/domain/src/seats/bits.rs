//! A set of ordinals, one bit each, that can be read a whole stretch at a time.

use super::Seat;

/// A subset of `0..len`. An ordinal outside is never in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
    len: u32,
}

impl Bits {
    pub(super) fn none(len: u32) -> Self {
        Self { words: vec![0; len.div_ceil(64) as usize], len }
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn contains(&self, at: Seat) -> bool {
        at < self.len && self.words[at as usize / 64] >> (at % 64) & 1 == 1
    }

    /// Puts `at` in; false if it was in already, or is outside.
    pub(super) fn insert(&mut self, at: Seat) -> bool {
        let new = at < self.len && !self.contains(at);
        if new {
            self.words[at as usize / 64] |= 1 << (at % 64);
        }
        new
    }

    /// Takes `at` out; false if it was not in.
    pub(super) fn remove(&mut self, at: Seat) -> bool {
        let had = self.contains(at);
        if had {
            self.words[at as usize / 64] &= !(1 << (at % 64));
        }
        had
    }

    pub(super) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    pub(super) fn count_common(&self, other: &Self) -> u32 {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones()).sum()
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// Whether any member is within `first..first + len`.
    pub(super) fn meets_within(&self, first: Seat, len: u32) -> bool {
        self.within(first, len).next().is_some()
    }

    /// Adds all of `other`.
    pub(super) fn add(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    /// Leaves only what is in `other` too.
    pub(super) fn keep(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    /// Removes all of `other`.
    pub(super) fn drop_all(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= !b);
    }

    /// The bits of `first..first + len`, the first one lowest; `len` is at most 128.
    pub(super) fn window(&self, first: Seat, len: u32) -> u128 {
        let word = first as usize / 64;
        let shift = first % 64;
        let at = |index: usize| u128::from(self.words.get(index).copied().unwrap_or(0));
        let mut bits = (at(word) | at(word + 1) << 64) >> shift;
        if shift > 0 {
            bits |= at(word + 2) << (128 - shift);
        }
        bits & u128::MAX.checked_shr(128 - len).unwrap_or(0)
    }

    /// The members within `first..first + len`, ascending.
    pub(super) fn within(&self, first: Seat, len: u32) -> impl Iterator<Item = Seat> + '_ {
        let end = first.saturating_add(len).min(self.len);
        (first / 64..end.div_ceil(64)).flat_map(move |index| {
            let base = index * 64;
            let mut word = self.words[index as usize];
            if first > base {
                word &= u64::MAX << (first - base);
            }
            Ones(u128::from(word)).map(move |bit| base + bit).take_while(move |&at| at < end)
        })
    }
}

/// The positions of a word's set bits, ascending.
pub(super) struct Ones(pub(super) u128);

impl Iterator for Ones {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_and_ranges_show_what_is_in(
            members in proptest::collection::btree_set(0_u32..300, 0..200),
            first in 0_u32..300,
            len in 0_u32..=128,
        ) {
            let mut bits = Bits::none(300);
            for &at in &members {
                prop_assert!(bits.insert(at) && !bits.insert(at));
            }
            let expected: Vec<u32> = members.range(first..first + len).copied().collect();
            prop_assert_eq!(bits.within(first, len).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(Ones(bits.window(first, len)).map(|bit| first + bit).collect::<Vec<_>>(), expected);
            prop_assert_eq!(bits.count() as usize, members.len());
        }
    }

    #[test]
    fn an_ordinal_outside_is_never_in() {
        let mut bits = Bits::none(70);
        assert!(!bits.insert(70) && !bits.remove(70) && !bits.contains(1000));
        assert!(bits.insert(69) && bits.remove(69) && bits.count() == 0);
    }
}
