//! One event in which fans pick: its hall, and which seats can be had.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Bytes;
use chassis::retry::Backoff;
use contracts::picking::TakenSeats;
use domain::seats::{Free, Hall, nearest};
use store::follow::Follower;
use store::seats_now::{SeatsMoved, SeatsNow};
use store::{Result, Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::clicks::{Click, WAITING_MAX};

/// How long the follower waits for news before it looks whether the hall was edited.
const PATIENCE: Duration = Duration::from_millis(200);

/// One event in which fans pick.
#[derive(Debug)]
pub struct Shop {
    pub event: Uuid,
    pub store: Store,
    /// Cancelled when fans pick in it no longer.
    pub over: CancellationToken,
    pub clicks: mpsc::Sender<Click>,
    /// The event's version, which an edit of the seat map moves.
    wanted: AtomicI64,
    /// Nothing before the first look.
    now: RwLock<Option<Now>>,
    /// All seats of a version as they were last told.
    told: Mutex<Option<(i64, Bytes)>>,
}

#[derive(Debug, Clone)]
struct Now {
    hall: Arc<Hall>,
    seats: SeatsNow,
}

impl Shop {
    /// One that is followed until `over`, and what is clicked in it.
    pub fn new(event: Uuid, store: Store, over: CancellationToken) -> (Self, mpsc::Receiver<Click>) {
        let (clicks, waiting) = mpsc::channel(WAITING_MAX);
        (
            Self {
                event,
                store,
                over,
                clicks,
                wanted: AtomicI64::new(0),
                now: RwLock::default(),
                told: Mutex::default(),
            },
            waiting,
        )
    }

    /// The event is of this version now.
    pub fn wants(&self, version: i64) {
        self.wanted.store(version, Ordering::Relaxed);
    }

    /// Reads what is known; nothing before the first look.
    fn read<R>(&self, read: impl FnOnce(&Now) -> R) -> Option<R> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(read)
    }

    /// The seats that only parties with a need for an accessible one may take. Before the first look there are none to be taken.
    pub fn kept(&self) -> Option<Free> {
        self.read(|now| now.hall.kept_now(&now.seats.free, &now.seats.held))
    }

    /// Whether any of its seats is gone, be it the fan's own, as far as is known here; nothing is lost that was looked at.
    pub fn seems_lost(&self, click: &Click) -> bool {
        let gone = |now: &Now| click.seats.iter().any(|seat| !now.seats.free.contains(*seat));
        !click.looked_at && self.read(gone).unwrap_or(false)
    }

    /// As many seats as near as there are; none where so many are not left.
    pub fn nearest(&self, wanted: &[u32], accessible: bool) -> Vec<u32> {
        self.read(|now| nearest(&now.hall, &now.seats.free, &now.seats.held, wanted, accessible))
            .flatten()
            .unwrap_or_default()
    }

    /// What changed after a version, if that is known.
    pub fn since(&self, after: i64) -> Option<SeatsMoved> {
        self.read(|now| now.seats.since(after)).flatten()
    }

    /// Every seat that cannot be had, as it is told; made once per version.
    pub fn all(&self) -> Option<Bytes> {
        self.read(|now| {
            let version = now.seats.version();
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, all)) = told.as_ref().filter(|(of, _)| *of == version) {
                return all.clone();
            }
            let capacity = now.hall.capacity();
            let mut bits = vec![0_u8; capacity.div_ceil(8) as usize];
            for seat in (0..capacity).filter(|seat| !now.seats.free.contains(*seat)) {
                bits[seat as usize / 8] |= 1 << (seat % 8);
            }
            let all = TakenSeats::All(contracts::picking::SeatsNow::new(version, capacity, &bits));
            let all = Bytes::from(serde_json::to_vec(&all).expect("plain fields encode"));
            *told = Some((version, all.clone()));
            all
        })
    }

    /// Follows the event's seats until fans pick in it no longer, or the process stops; begins again whenever that fails.
    pub async fn follow(self: Arc<Self>, soft: CancellationToken) -> anyhow::Result<()> {
        // However this ends, even by a panic, nobody goes on by what it knew.
        let _over = self.over.clone().drop_guard();
        let mut backoff = Backoff::new(100, 3_000);
        loop {
            let following = soft.run_until_cancelled(self.session(&mut backoff));
            let Some(Some(fault)) = Box::pin(self.over.run_until_cancelled(following)).await else { return Ok(()) };
            tracing::warn!(event = %self.event, %fault, "the seats cannot be followed for the moment");
            let pause = soft.run_until_cancelled(tokio::time::sleep(backoff.delay()));
            let _stopped = self.over.run_until_cancelled(pause).await;
        }
    }

    async fn session(&self, backoff: &mut Backoff) -> StoreError {
        match self.try_session(backoff).await {
            Ok(never) => match never {},
            Err(fault) => fault,
        }
    }

    async fn try_session(&self, backoff: &mut Backoff) -> Result<std::convert::Infallible> {
        // The follower first: what is read after it is as new as it, or newer.
        let mut follower = Follower::start(&self.store, self.event).await?;
        let mut known = None;
        loop {
            let wanted = self.wanted.load(Ordering::Relaxed);
            if known != Some(wanted) {
                let hall = self.store.hall(self.event).await?;
                let seats = SeatsNow::new(&hall, &self.store.taken_seats(self.event).await?);
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Some(Now { hall: Arc::new(hall), seats });
                known = Some(wanted);
                backoff.reset();
            }
            let records = follower.next(PATIENCE).await?;
            if let Some(now) = &mut *self.now.write().unwrap_or_else(PoisonError::into_inner) {
                for record in &records {
                    now.seats.apply(record);
                }
            }
        }
    }
}
