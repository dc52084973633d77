//! The line as an order-statistic structure: how many wait before an entry, and who is next.

/// Numbers per block: the rank inside one is at most 64 popcounts.
const BLOCK: usize = 4096;
const WORDS: usize = BLOCK / 64;

/// The waiting numbers of one class of a sale. One bit a number and one count a block.
///
/// Joins append, departures clear a bit; both cost O(log n), as does [`Line::ahead`]. The counts stand in a Fenwick tree
/// (P. Fenwick, 1994), which grows at the end.
#[derive(Debug, Clone)]
pub struct Line {
    words: Vec<u64>,
    /// Fenwick tree over blocks; index 0 unused.
    tree: Vec<u32>,
    last: i64,
    waiting: u64,
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self { words: Vec::new(), tree: vec![0], last: 0, waiting: 0 }
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
        while self.tree.len() <= blocks {
            self.push_block();
        }
        self.words.resize(self.words.len().max(blocks * WORDS), 0);
        self.last = self.last.max(last);
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
        let at = (number - 1) as usize;
        self.words[at / 64] |= 1 << (at % 64);
        self.add(at / BLOCK, 1);
        self.waiting += 1;
        true
    }

    /// All numbers up to and including `last` have come; those after the former last now wait.
    pub fn join_through(&mut self, last: i64) {
        for number in self.last + 1..=last {
            self.insert(number);
        }
    }

    fn push_block(&mut self) {
        // A new node sums the nodes below it, which are already there.
        let node = self.tree.len();
        let mut sum = 0;
        let mut below = node - 1;
        while below > node - (node & node.wrapping_neg()) {
            sum += self.tree[below];
            below -= below & below.wrapping_neg();
        }
        self.tree.push(sum);
    }

    fn add(&mut self, block: usize, by: i32) {
        let mut node = block + 1;
        while node < self.tree.len() {
            self.tree[node] = self.tree[node].wrapping_add_signed(by);
            node += node & node.wrapping_neg();
        }
    }

    /// Whether the entry waits.
    #[must_use]
    pub fn contains(&self, entry: i64) -> bool {
        if entry < 1 || entry > self.last {
            return false;
        }
        let at = (entry - 1) as usize;
        self.words[at / 64] & (1 << (at % 64)) != 0
    }

    /// The entry does not wait any more. Answers whether it did.
    pub fn remove(&mut self, entry: i64) -> bool {
        if !self.contains(entry) {
            return false;
        }
        let at = (entry - 1) as usize;
        self.words[at / 64] &= !(1 << (at % 64));
        self.add(at / BLOCK, -1);
        self.waiting -= 1;
        true
    }

    /// How many wait before this entry. For an entry that does not wait: how many would.
    #[must_use]
    pub fn ahead(&self, entry: i64) -> u64 {
        let at = (entry - 1).clamp(0, self.last) as usize;
        let mut count = 0u64;
        let mut node = at / BLOCK;
        while node > 0 {
            count += u64::from(self.tree[node]);
            node -= node & node.wrapping_neg();
        }
        let from = at / BLOCK * WORDS;
        for word in self.words.get(from..at / 64).unwrap_or_default() {
            count += u64::from(word.count_ones());
        }
        if let Some(word) = self.words.get(at / 64) {
            count += u64::from((word & ((1u64 << (at % 64)) - 1)).count_ones());
        }
        count
    }

    /// The waiting entries after `after` in order.
    pub fn iter_after(&self, after: i64) -> impl Iterator<Item = i64> + '_ {
        let start = after.max(0) as usize;
        let mut index = start / 64;
        let mut word = self.words.get(index).map_or(0, |w| w & (u64::MAX << (start % 64)));
        std::iter::from_fn(move || {
            while word == 0 {
                index += 1;
                word = *self.words.get(index)?;
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
        Remove(u16),
    }

    proptest! {
        /// Any run of joins and departures gives the ranks of a plain list.
        #[test]
        fn ranks_agree_with_a_plain_list(steps in prop::collection::vec(
            prop_oneof![(1u16..6000).prop_map(Step::Join), any::<u16>().prop_map(Step::Remove)], 1..30)) {
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
