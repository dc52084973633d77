//! A bound on what is at work at once, with a bounded number waiting.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets a few in at once, a bounded number wait, and turns away the rest.
pub struct Turnstile {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// A turn; the next comes when it is dropped.
pub struct Turn {
    _place: Option<OwnedSemaphorePermit>,
    _turn: OwnedSemaphorePermit,
}

/// Too many wait already.
pub struct Full;

impl Turnstile {
    pub fn new(at_once: usize, waiting_max: usize) -> Self {
        let places = at_once.saturating_add(waiting_max).min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places)), turns: Arc::new(Semaphore::new(at_once)) }
    }

    /// Waits for a turn, in order. Who stops waiting gives up the place.
    pub async fn turn(&self) -> Result<Turn, Full> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Full)?;
        Ok(Turn { _place: Some(place), _turn: turn })
    }

    /// Waits for a turn however many wait: for work that was begun already and is bounded elsewhere.
    pub async fn next_turn(&self) -> Result<Turn, Full> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Full)?;
        Ok(Turn { _place: None, _turn: turn })
    }
}
