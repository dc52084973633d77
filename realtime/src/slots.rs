//! The sockets of one event: in a list to sweep over, and by place for those whom a record concerns.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use uuid::Uuid;

use crate::slot::Slot;

/// The sockets of one event.
#[derive(Debug, Default)]
pub struct Slots {
    list: Vec<Arc<Slot>>,
    by_place: HashMap<(Uuid, i64), Vec<Arc<Slot>>>,
}

impl Slots {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// A socket comes.
    pub fn enter(&mut self, slot: &Arc<Slot>) {
        slot.index.store(self.list.len(), Ordering::Relaxed);
        self.list.push(slot.clone());
        // Nearly every place has one socket, and there are very many places.
        self.by_place.entry((slot.sale, slot.entry)).or_insert_with(|| Vec::with_capacity(1)).push(slot.clone());
    }

    /// A socket goes. The last of the list takes its position, so that a sweep from the end misses nobody.
    pub fn leave(&mut self, slot: &Arc<Slot>) {
        let index = slot.index.load(Ordering::Relaxed);
        assert!(self.list.get(index).is_some_and(|at| Arc::ptr_eq(at, slot)), "a socket leaves once, from where it is");
        self.list.swap_remove(index);
        if let Some(moved) = self.list.get(index) {
            moved.index.store(index, Ordering::Relaxed);
        }
        if let Entry::Occupied(mut at) = self.by_place.entry((slot.sale, slot.entry)) {
            at.get_mut().retain(|other| !Arc::ptr_eq(other, slot));
            if at.get().is_empty() {
                at.remove();
            }
        }
    }

    /// The sockets of a place.
    pub fn at(&self, sale: Uuid, entry: i64) -> &[Arc<Slot>] {
        self.by_place.get(&(sale, entry)).map_or(&[], Vec::as_slice)
    }

    /// The sockets at these positions, as far as there are any.
    pub fn range(&self, from: usize, to: usize) -> &[Arc<Slot>] {
        self.list.get(from..to.min(self.list.len())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telling::Telling;

    #[test]
    fn sockets_leave_in_any_order_and_the_others_are_still_found() {
        let sale = Uuid::from_u128(1);
        let mut slots = Slots::default();
        let all: Vec<_> =
            (0..10).map(|n| Arc::new(Slot::new(sale, n % 7, Uuid::nil(), Telling::default(), 1))).collect();
        for slot in &all {
            slots.enter(slot);
        }
        assert_eq!(slots.at(sale, 1).len(), 2);
        for gone in [9, 0, 4, 7] {
            slots.leave(&all[gone]);
        }
        assert_eq!((slots.len(), slots.range(0, 99).len(), slots.range(4, 99).len()), (6, 6, 2));
        let left: usize = (0..7).map(|entry| slots.at(sale, entry).len()).sum();
        assert_eq!(left, 6);
        assert!(slots.at(sale, 4).is_empty() && slots.at(sale, 0).is_empty() && slots.at(sale, 2).len() == 1);
    }
}
