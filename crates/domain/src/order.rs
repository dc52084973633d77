//! Who goes before whom: places in a sale's line by (class, number), whether they wait or were skipped.

use std::collections::{BTreeMap, HashMap};
use std::iter::Peekable;
use std::sync::Arc;

use crate::draw::Numbers;
use crate::line::Line;

/// A priority: who has a smaller one goes first, whatever the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u8);

impl Class {
    /// Of places that an operator put to the head of the line.
    pub const FRONT: Self = Self(0);
    /// Of everybody who was not invited. Invitations have the classes between.
    pub const GENERAL: Self = Self(10);
}

/// A place's rank in its sale: smaller goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// Its class.
    pub class: Class,
    /// Its number: its entry, except that the draw permutes the lobby's entries among themselves.
    pub number: i64,
}

/// The places of a sale that may be let in, in order: about a bit each, plus what is special.
#[derive(Debug, Clone)]
pub struct Order {
    last: i64,
    /// Who waits, by class and number. The general class is always there.
    waiting: BTreeMap<Class, Line>,
    /// Classes of places that are not in the general one, by entry.
    classes: HashMap<i64, Class>,
    /// Passed over, may come back; with their entries.
    skipped: BTreeMap<Rank, i64>,
    /// Once the lobby was drawn.
    numbers: Option<Arc<Numbers>>,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            last: 0,
            waiting: BTreeMap::from([(Class::GENERAL, Line::new())]),
            classes: HashMap::new(),
            skipped: BTreeMap::new(),
            numbers: None,
        }
    }
}

impl Order {
    /// The last entry given.
    #[must_use]
    pub const fn last(&self) -> i64 {
        self.last
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.values().map(Line::waiting).sum()
    }

    /// How many were skipped and may come back.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped.len()
    }

    /// How many entries were drawn; 0 before the draw.
    #[must_use]
    pub fn drawn(&self) -> i64 {
        self.numbers.as_ref().map_or(0, |numbers| numbers.size())
    }

    /// All entries up to and including `last` have come; those after the former last now wait, in the general class.
    pub fn join_through(&mut self, last: i64) {
        // After a draw newcomers come behind the lobby, where numbers are entries; before it they are so everywhere.
        for (class, line) in &mut self.waiting {
            if *class == Class::GENERAL { line.join_through(last) } else { line.cover(last) }
        }
        self.last = self.last.max(last);
    }

    /// The rank of an entry.
    #[must_use]
    pub fn rank(&self, entry: i64) -> Rank {
        let number = self.numbers.as_ref().map_or(entry, |numbers| numbers.number(entry));
        Rank { class: self.class(entry), number }
    }

    /// The class of an entry.
    #[must_use]
    pub fn class(&self, entry: i64) -> Class {
        self.classes.get(&entry).copied().unwrap_or(Class::GENERAL)
    }

    fn entry(&self, number: i64) -> i64 {
        self.numbers.as_ref().map_or(number, |numbers| numbers.entry(number))
    }

    /// Whether the entry waits.
    #[must_use]
    pub fn waits(&self, entry: i64) -> bool {
        let rank = self.rank(entry);
        self.waiting.get(&rank.class).is_some_and(|line| line.contains(rank.number))
    }

    /// Whether the entry was skipped and may come back.
    #[must_use]
    pub fn is_skipped(&self, entry: i64) -> bool {
        self.skipped.contains_key(&self.rank(entry))
    }

    /// The entry is not in the line any more.
    pub fn remove(&mut self, entry: i64) {
        let rank = self.rank(entry);
        if let Some(line) = self.waiting.get_mut(&rank.class) {
            line.remove(rank.number);
        }
        self.skipped.remove(&rank);
    }

    /// The entry is passed over until it comes back.
    pub fn skip(&mut self, entry: i64) {
        self.remove(entry);
        self.skipped.insert(self.rank(entry), entry);
    }

    /// The entry waits (again), in this class.
    pub fn put(&mut self, entry: i64, class: Class) {
        self.remove(entry);
        self.classify(entry, class);
        let number = self.rank(entry).number;
        self.line(class).insert(number);
    }

    /// The entry is of this class, whether it waits, was skipped, or neither.
    pub fn classify(&mut self, entry: i64, class: Class) {
        let (waits, skipped) = (self.waits(entry), self.is_skipped(entry));
        self.remove(entry);
        if class == Class::GENERAL {
            self.classes.remove(&entry);
        } else {
            self.classes.insert(entry, class);
        }
        let rank = self.rank(entry);
        if waits {
            self.line(class).insert(rank.number);
        }
        if skipped {
            self.skipped.insert(rank, entry);
        }
    }

    fn line(&mut self, class: Class) -> &mut Line {
        let last = self.last;
        let line = self.waiting.entry(class).or_default();
        line.cover(last);
        line
    }

    /// The lobby's entries have these numbers from now on.
    pub fn draw(&mut self, numbers: Arc<Numbers>) {
        let skipped: Vec<i64> = self.skipped.values().copied().collect();
        let mut waiting: BTreeMap<Class, Line> = BTreeMap::new();
        for (class, line) in &self.waiting {
            let mut drawn = Line::new();
            drawn.cover(self.last);
            for number in line.iter_after(0) {
                let entry = self.entry(number);
                drawn.insert(numbers.number(entry));
            }
            waiting.insert(*class, drawn);
        }
        self.waiting = waiting;
        self.numbers = Some(numbers);
        self.skipped = skipped.into_iter().map(|entry| (self.rank(entry), entry)).collect();
    }

    /// How many wait before this entry. For an entry that does not wait: how many would.
    #[must_use]
    pub fn ahead(&self, entry: i64) -> u64 {
        let rank = self.rank(entry);
        let before: u64 = self.waiting.range(..rank.class).map(|(_, line)| line.waiting()).sum();
        before + self.waiting.get(&rank.class).map_or(0, |line| line.ahead(rank.number))
    }

    /// How many wait in classes before the general one.
    #[must_use]
    pub fn invited_waiting(&self) -> u64 {
        self.waiting.range(..Class::GENERAL).map(|(_, line)| line.waiting()).sum()
    }

    /// The entries that wait, in order.
    pub fn iter_waiting(&self) -> impl Iterator<Item = i64> + '_ {
        self.ranks_waiting().map(|rank| self.entry(rank.number))
    }

    fn ranks_waiting(&self) -> impl Iterator<Item = Rank> + '_ {
        self.waiting.iter().flat_map(|(class, line)| line.iter_after(0).map(|number| Rank { class: *class, number }))
    }

    /// Everybody who may be let in, waiting or skipped, in order.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let waiting = self.ranks_waiting().map(|rank| (rank, self.entry(rank.number)));
        let skipped = self.skipped.iter().map(|(rank, entry)| (*rank, *entry));
        merged(waiting.peekable(), skipped.peekable()).map(|(_, entry)| entry)
    }

    /// Entries that were skipped and may come back, in order.
    pub fn iter_skipped(&self) -> impl Iterator<Item = i64> + '_ {
        self.skipped.values().copied()
    }
}

fn merged<T: Ord>(
    mut a: Peekable<impl Iterator<Item = T>>,
    mut b: Peekable<impl Iterator<Item = T>>,
) -> impl Iterator<Item = T> {
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(left), Some(right)) if right < left => b.next(),
        (None, Some(_)) => b.next(),
        _ => a.next(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Join(u8),
        Remove(u16),
        Skip(u16),
        Put(u16, u8),
        Classify(u16, u8),
        Draw,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let class = prop_oneof![Just(0u8), Just(3), Just(10)];
        prop::collection::vec(
            prop_oneof![
                4 => (1u8..200).prop_map(Step::Join),
                4 => any::<u16>().prop_map(Step::Remove),
                3 => any::<u16>().prop_map(Step::Skip),
                2 => (any::<u16>(), class.clone()).prop_map(|(entry, class)| Step::Put(entry, class)),
                2 => (any::<u16>(), class).prop_map(|(entry, class)| Step::Classify(entry, class)),
                1 => Just(Step::Draw),
            ],
            1..40,
        )
    }

    /// What `Order` claims to be, as plainly as can be: every entry with its class and whether it waits or was skipped.
    #[derive(Default)]
    struct Plain {
        places: BTreeMap<i64, (Class, Option<bool>)>,
        numbers: Option<Arc<Numbers>>,
    }

    impl Plain {
        fn key(&self, entry: i64) -> (Class, i64) {
            let number = self.numbers.as_ref().map_or(entry, |numbers| numbers.number(entry));
            (self.places[&entry].0, number)
        }

        fn sorted(&self, of: impl Fn(bool) -> bool) -> Vec<i64> {
            let mut line: Vec<i64> =
                self.places.iter().filter(|(_, (_, waits))| waits.is_some_and(&of)).map(|(entry, _)| *entry).collect();
            line.sort_by_key(|entry| self.key(*entry));
            line
        }
    }

    proptest! {
        /// Any run of joins, departures, skips, returns, priorities and a draw gives the order of a plain sorted list.
        #[test]
        fn the_order_agrees_with_a_plain_list(steps in steps()) {
            let mut order = Order::default();
            let mut plain = Plain::default();
            let mut last = 0i64;
            for step in steps {
                let pick = |n: u16| (last > 0).then(|| i64::from(n) % last.max(1) + 1);
                match step {
                    Step::Join(n) => {
                        plain.places.extend((last + 1..=last + i64::from(n)).map(|e| (e, (Class::GENERAL, Some(true)))));
                        last += i64::from(n);
                        order.join_through(last);
                    }
                    Step::Remove(n) => if let Some(entry) = pick(n) {
                        plain.places.entry(entry).and_modify(|place| place.1 = None);
                        order.remove(entry);
                    },
                    Step::Skip(n) => if let Some(entry) = pick(n) {
                        plain.places.entry(entry).and_modify(|place| place.1 = Some(false));
                        order.skip(entry);
                    },
                    Step::Put(n, class) => if let Some(entry) = pick(n) {
                        plain.places.insert(entry, (Class(class), Some(true)));
                        order.put(entry, Class(class));
                    },
                    Step::Classify(n, class) => if let Some(entry) = pick(n) {
                        plain.places.entry(entry).and_modify(|place| place.0 = Class(class));
                        order.classify(entry, Class(class));
                    },
                    Step::Draw => if plain.numbers.is_none() && last > 0 {
                        let numbers = Arc::new(Numbers::draw(&[7; 32], last));
                        plain.numbers = Some(numbers.clone());
                        order.draw(numbers);
                    },
                }
                let waiting = plain.sorted(|waits| waits);
                prop_assert_eq!(order.iter_waiting().collect::<Vec<_>>(), &waiting[..]);
                prop_assert_eq!(order.waiting(), waiting.len() as u64);
                prop_assert_eq!(order.iter().collect::<Vec<_>>(), plain.sorted(|_| true));
                prop_assert_eq!(order.iter_skipped().collect::<Vec<_>>(), plain.sorted(|waits| !waits));
                for entry in [1, last / 2 + 1, last].into_iter().filter(|entry| *entry <= last && *entry > 0) {
                    let key = plain.key(entry);
                    let ahead = waiting.iter().filter(|other| plain.key(**other) < key).count();
                    prop_assert_eq!(order.ahead(entry), ahead as u64);
                    prop_assert_eq!(order.waits(entry), plain.places[&entry].1 == Some(true));
                    prop_assert_eq!(order.is_skipped(entry), plain.places[&entry].1 == Some(false));
                }
            }
        }
    }
}
