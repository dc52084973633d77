//! The draws that were asked for lately, for all handlers of a process: permuting a lobby of a million takes a quarter of a second
//! of a core and 40 MB, and anybody may ask for it.

use std::sync::{Arc, Mutex, PoisonError};

use domain::draw::Numbers;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::Store;

/// Entries kept, at most, unless one draw alone has more: 8 bytes each.
const ENTRIES_KEPT: i64 = 8_000_000;
/// Draws computed at once.
const AT_ONCE: usize = 1;
/// Callers that wait for a draw or have one computed, at most.
const ASKING_MAX: usize = 64;

/// Too many wait for draws already; ask again in some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many ask for draws at once")]
pub struct DrawsBusy;

/// What one draw follows from, and it.
type Kept = ((Uuid, [u8; 32], i64), Arc<Numbers>);

/// Draws that were computed, the last used last; and the turns to compute one.
#[derive(Debug)]
pub(crate) struct Drawn {
    kept: Mutex<Vec<Kept>>,
    entries_kept: i64,
    asking: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Default for Drawn {
    fn default() -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            kept: Mutex::default(),
            entries_kept: ENTRIES_KEPT,
            asking: semaphore(ASKING_MAX),
            turns: semaphore(AT_ONCE),
        }
    }
}

impl Drawn {
    fn find(&self, key: &(Uuid, [u8; 32], i64)) -> Option<Arc<Numbers>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == key)?;
        let found = kept.remove(at);
        let numbers = Arc::clone(&found.1);
        kept.push(found);
        Some(numbers)
    }

    fn keep(&self, key: (Uuid, [u8; 32], i64), numbers: &Arc<Numbers>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((key, Arc::clone(numbers)));
        while kept.len() > 1 && kept.iter().map(|(_, numbers)| numbers.size()).sum::<i64>() > self.entries_kept {
            kept.remove(0);
        }
    }

    async fn numbers(self: &Arc<Self>, key: (Uuid, [u8; 32], i64)) -> Result<Arc<Numbers>, DrawsBusy> {
        if let Some(numbers) = self.find(&key) {
            return Ok(numbers);
        }
        let asking = Arc::clone(&self.asking).try_acquire_owned().map_err(|_| DrawsBusy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| DrawsBusy)?;
        if let Some(numbers) = self.find(&key) {
            return Ok(numbers);
        }
        let drawn = Arc::clone(self);
        // Whoever stops waiting leaves the work, and the turn with it, to its end.
        let work = move |_turns: (OwnedSemaphorePermit, OwnedSemaphorePermit)| {
            let numbers = Arc::new(Numbers::draw(&key.1, key.2));
            drawn.keep(key, &numbers);
            numbers
        };
        tokio::task::spawn_blocking(move || work((asking, turn))).await.map_err(|_| DrawsBusy)
    }
}

impl Store {
    /// The numbers of a sale's draw of `size` entries: at once where they were asked for lately. One draw is computed at a time.
    ///
    /// # Errors
    /// [`DrawsBusy`] when 64 callers wait already.
    pub async fn drawn_numbers(&self, sale: Uuid, seed: [u8; 32], size: i64) -> Result<Arc<Numbers>, DrawsBusy> {
        self.drawn.numbers((sale, seed, size)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(nth: u8, size: i64) -> (Uuid, [u8; 32], i64) {
        (Uuid::from_u128(nth as u128), [nth; 32], size)
    }

    #[tokio::test]
    async fn a_draw_is_computed_once_and_too_many_are_turned_away() {
        let drawn = Arc::new(Drawn::default());
        let first = drawn.numbers(key(1, 10)).await.unwrap();
        assert_eq!(*first, Numbers::draw(&[1; 32], 10));
        let turn = Arc::clone(&drawn.turns).acquire_owned().await.unwrap();
        let again = drawn.numbers(key(1, 10)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again), "what is known needs no turn");
        let ask = || drawn.numbers(key(2, 10));
        let beyond = async {
            while drawn.asking.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(ask().await.unwrap_err(), DrawsBusy);
            drop(turn);
        };
        let (all, ()) = tokio::join!(futures_util::future::join_all((0..ASKING_MAX).map(|_| ask())), beyond);
        let all: Vec<Arc<Numbers>> = all.into_iter().map(Result::unwrap).collect();
        assert!(all.iter().all(|numbers| Arc::ptr_eq(numbers, &all[0])), "it was computed once");
        assert!(ask().await.is_ok());
    }

    #[test]
    fn only_so_many_entries_are_kept() {
        let drawn = Drawn { entries_kept: 40, ..Drawn::default() };
        let small = Arc::new(Numbers::draw(&[0; 32], 10));
        for nth in 0..5 {
            drawn.keep(key(nth, small.size()), &small);
            assert!(drawn.find(&key(0, small.size())).is_some(), "it was used just now");
        }
        assert!(drawn.find(&key(1, small.size())).is_none(), "the one not used for longest went");
        assert_eq!(drawn.kept.lock().unwrap().len(), 4);
    }
}
