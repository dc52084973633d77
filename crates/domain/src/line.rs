//! The line as an order-statistic structure: how many wait before an entry, and who is next.

/// Numbers per block: a cache line of bits.
const BLOCK: usize = 512;
/// Blocks per region: what stands in one before its last block still fits 16 bits.
const REGION: usize = 128;

/// One bit a number.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Block([u64; BLOCK / 64]);

impl Block {
    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// How many of the first `bits` are set. Every word is counted, whatever `bits` is: a branch that depends on it would cost
    /// more than the words.
    fn rank(&self, bits: usize) -> u32 {
        let counted = |(nth, word): (usize, &u64)| {
            let bits = bits.saturating_sub(nth * 64);
            let mask = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
            (word & mask).count_ones()
        };
        self.0.iter().enumerate().map(counted).sum()
    }
}

/// The waiting numbers of one class of a sale: one bit a number, and counts of what stands before each block and each region.
///
/// [`Line::ahead`] reads one count of each kind and one block, however long the line is. A departure counts down the blocks
/// behind it in its region and the regions behind that: in a line of 10 million at most 127 counts of 16 bits and 152 of 64,
/// which lie side by side. (Two levels of ranks as in S. Vigna, "Broadword implementation of rank/select queries", 2008.)
#[derive(Debug, Clone, Default)]
pub struct Line {
    blocks: Vec<Block>,
    /// How many wait in the same region before each block.
    in_region: Vec<u16>,
    /// How many wait before each region.
    before_region: Vec<u64>,
    last: i64,
    waiting: u64,
}

/// A number's bit.
#[derive(Debug, Clone, Copy)]
struct At {
    block: usize,
    bit: usize,
}

impl At {
    const fn of(number: i64) -> Self {
        let at = (number - 1) as usize;
        Self { block: at / BLOCK, bit: at % BLOCK }
    }

    const fn mask(self) -> u64 {
        1 << (self.bit % 64)
    }
}

impl Line {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The last number that there is room for.
    #[must_use]
    pub const fn last(&self) -> i64 {
        self.last
    }

    /// How many wait.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// There is room for numbers up to and including `last`; nobody new waits.
    pub fn cover(&mut self, last: i64) {
        let blocks = (last.max(0) as usize).div_ceil(BLOCK);
        if blocks > self.blocks.len() {
            let from = self.blocks.len();
            self.blocks.resize(blocks, Block::default());
            self.count_from(from);
        }
        self.last = self.last.max(last);
    }

    /// Counts anew what stands before this block and those behind it.
    fn count_from(&mut self, block: usize) {
        let mut before =
            block.checked_sub(1).map_or(0, |known| self.before(known) + u64::from(self.blocks[known].count()));
        self.in_region.truncate(block);
        self.before_region.truncate(block.div_ceil(REGION));
        for (nth, bits) in self.blocks.iter().enumerate().skip(block) {
            if nth % REGION == 0 {
                self.before_region.push(before);
            }
            self.in_region.push((before - self.before_region[nth / REGION]) as u16);
            before += u64::from(bits.count());
        }
    }

    /// How many wait before a block.
    fn before(&self, block: usize) -> u64 {
        self.before_region[block / REGION] + u64::from(self.in_region[block])
    }

    /// The number waits. Answers whether it did not before.
    ///
    /// # Panics
    /// When the number is below 1.
    pub fn insert(&mut self, number: i64) -> bool {
        assert!(number >= 1, "numbers begin at 1");
        self.cover(number);
        if self.contains(number) {
            return false;
        }
        let at = At::of(number);
        self.blocks[at.block].0[at.bit / 64] |= at.mask();
        self.waiting += 1;
        self.count_behind(at.block, 1);
        true
    }

    /// So many more stand before the blocks behind this one.
    fn count_behind(&mut self, block: usize, more: i8) {
        let region = block / REGION;
        let end = self.in_region.len().min((region + 1) * REGION);
        for count in &mut self.in_region[block + 1..end] {
            *count = count.wrapping_add_signed(more.into());
        }
        for count in &mut self.before_region[region + 1..] {
            *count = count.wrapping_add_signed(more.into());
        }
    }

    /// All numbers up to and including `last` have come; those after the former last now wait.
    pub fn join_through(&mut self, last: i64) {
        if last <= self.last {
            return;
        }
        let first = At::of(self.last + 1);
        self.blocks.resize(self.blocks.len().max(At::of(last).block + 1), Block::default());
        for at in (self.last + 1..=last).map(At::of) {
            self.blocks[at.block].0[at.bit / 64] |= at.mask();
        }
        self.waiting += (last - self.last).unsigned_abs();
        self.last = last;
        self.count_from(first.block);
    }

    /// Whether the entry waits.
    #[must_use]
    pub fn contains(&self, entry: i64) -> bool {
        if entry < 1 || entry > self.last {
            return false;
        }
        let at = At::of(entry);
        self.blocks[at.block].0[at.bit / 64] & at.mask() != 0
    }

    /// The entry does not wait any more. Answers whether it did.
    pub fn remove(&mut self, entry: i64) -> bool {
        if !self.contains(entry) {
            return false;
        }
        let at = At::of(entry);
        self.blocks[at.block].0[at.bit / 64] &= !at.mask();
        self.waiting -= 1;
        self.count_behind(at.block, -1);
        true
    }

    /// How many wait before this entry. For an entry that does not wait: how many would.
    #[must_use]
    pub fn ahead(&self, entry: i64) -> u64 {
        if entry > self.last {
            return self.waiting;
        }
        let at = At::of(entry.max(1));
        self.blocks.get(at.block).map_or(0, |block| self.before(at.block) + u64::from(block.rank(at.bit)))
    }

    /// The waiting entries after `after` in order.
    pub fn iter_after(&self, after: i64) -> impl Iterator<Item = i64> + '_ {
        let start = after.max(0) as usize;
        let word_at = |index: usize| self.blocks.get(index * 64 / BLOCK).map(|block| block.0[index % (BLOCK / 64)]);
        let mut index = start / 64;
        let mut word = word_at(index).map_or(0, |word| word & (u64::MAX << (start % 64)));
        std::iter::from_fn(move || {
            while word == 0 {
                index += 1;
                word = word_at(index)?;
            }
            let bit = word.trailing_zeros();
            word &= word - 1;
            Some((index * 64) as i64 + i64::from(bit) + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Join(u16),
        Cover(u8),
        Insert(u16),
        Remove(u16),
    }

    proptest! {
        /// Any run of joins and departures gives the ranks of a plain list.
        #[test]
        fn ranks_agree_with_a_plain_list(steps in prop::collection::vec(
            prop_oneof![
                2 => (1u16..6000).prop_map(Step::Join),
                1 => any::<u8>().prop_map(Step::Cover),
                1 => any::<u16>().prop_map(Step::Insert),
                2 => any::<u16>().prop_map(Step::Remove),
            ], 1..40)) {
            let mut line = Line::new();
            let mut plain: Vec<i64> = Vec::new();
            let mut last = 0i64;
            for step in steps {
                match step {
                    Step::Join(n) => {
                        plain.extend(last + 1..=last + i64::from(n));
                        last += i64::from(n);
                        line.join_through(last);
                    }
                    Step::Cover(n) => {
                        last += i64::from(n);
                        line.cover(last);
                    }
                    Step::Insert(n) => {
                        let number = i64::from(n).max(1);
                        let new = plain.binary_search(&number).map_err(|at| plain.insert(at, number)).is_err();
                        prop_assert_eq!(line.insert(number), new);
                        last = last.max(number);
                    }
                    Step::Remove(n) => {
                        let entry = i64::from(n) % (last + 2);
                        let had = plain.binary_search(&entry).map(|at| plain.remove(at)).is_ok();
                        prop_assert_eq!(line.remove(entry), had);
                    }
                }
                prop_assert_eq!(line.waiting(), plain.len() as u64);
                for probe in [1, last / 3 + 1, last / 2 + 1, last, last + 1] {
                    let expected = plain.partition_point(|e| *e < probe) as u64;
                    prop_assert_eq!(line.ahead(probe), expected, "ahead of {}", probe);
                }
                prop_assert_eq!(line.iter_after(0).take(50).collect::<Vec<_>>(), plain.iter().copied().take(50).collect::<Vec<_>>());
                let after = last / 2;
                let from = plain.partition_point(|e| *e <= after);
                prop_assert_eq!(line.iter_after(after).take(9).collect::<Vec<_>>(), plain[from..].iter().copied().take(9).collect::<Vec<_>>());
            }
        }
    }
}
