//! Keeps what remains of an event current: one computation every few seconds, whoever asks; and what each fan here wishes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use contracts::places::{PlaceState, View};
use domain::odds::BySize;
use domain::seats::Wish;
use metrics::counter;
use store::StoreError;
use store::mirror::SaleMirror;
use store::waiting::Stock;
use tokio::time::Instant;
use uuid::Uuid;

use crate::board::Board;
use crate::hub::Hub;
use crate::metrics::UNREAD;
use crate::remains::{Remains, Sample, Share, wish};
use crate::room::Room;
use crate::slot::{ALIVE, Slot};

/// Wishes of newcomers are read so often, together.
const WISHES_EVERY: Duration = Duration::from_millis(500);
/// Places of a line that are asked for its mix, and at most so many of the admitted without seats.
const SAMPLE: u64 = 2_000;
/// Wishes known at most, and read at once at most. Whoever is beyond is told no chances.
const WISHES_MAX: usize = 1_000_000;
const READ_MAX: usize = 10_000;
/// A stock is read again after this even if no seat changed hands: the hall may be another one.
const STOCK_LASTS: Duration = Duration::from_mins(1);
/// Sockets looked over at once.
const CHUNK: usize = 256;

/// Places by sale and entry.
type Place = (Uuid, i64);

/// What remains of an event, and what the fans who ask here wish.
#[derive(Debug, Default)]
pub struct Outlook {
    remains: RwLock<Arc<Remains>>,
    wishes: RwLock<HashMap<Place, Wish>>,
    wanted: Mutex<HashSet<Place>>,
    /// Whose wishes changed since the last reading of wishes began.
    changed: Mutex<HashSet<Place>>,
}

impl Outlook {
    /// Tells a place in the line what remains at its turn, as far as that is known by now.
    pub fn tell(&self, view: &mut View, sale: Uuid, entry: i64) {
        if !matches!(view.state, PlaceState::Waiting | PlaceState::Skipped) {
            return;
        }
        let known = self.wishes.read().unwrap_or_else(PoisonError::into_inner).get(&(sale, entry)).copied();
        let Some(wish) = known else {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            if wanted.len() < READ_MAX {
                wanted.insert((sale, entry));
            } else {
                counter!(UNREAD).increment(1);
            }
            return;
        };
        let remains = self.remains();
        view.chances = remains.chances(sale, view.ahead, &wish);
        view.sold_out_for_you = remains.is_sold_out_for(sale, &wish);
    }

    /// What the place wishes has changed, and is read anew when it is told next.
    pub fn unlearn(&self, sale: Uuid, entry: i64) {
        self.changed().insert((sale, entry));
        self.wishes.write().unwrap_or_else(PoisonError::into_inner).remove(&(sale, entry));
    }

    fn changed(&self) -> MutexGuard<'_, HashSet<Place>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remains(&self) -> Arc<Remains> {
        self.remains.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this socket shows otherwise than is so.
    fn is_news(&self, slot: &Slot, remains: &Remains) -> bool {
        let wishes = self.wishes.read().unwrap_or_else(PoisonError::into_inner);
        wishes
            .get(&(slot.sale, slot.entry))
            .is_some_and(|wish| slot.shown.sold_out() != remains.is_sold_out_for(slot.sale, wish))
    }

    /// Reads the wishes of those who asked. Answers whether there were any.
    async fn learn(&self, hub: &Hub) -> Result<bool, StoreError> {
        let wanted = std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        let room = WISHES_MAX.saturating_sub(self.wishes.read().unwrap_or_else(PoisonError::into_inner).len());
        counter!(UNREAD).increment(wanted.len().saturating_sub(room) as u64);
        let mut by_sale: HashMap<Uuid, Vec<i64>> = HashMap::new();
        for (sale, entry) in wanted.into_iter().take(room) {
            by_sale.entry(sale).or_default().push(entry);
        }
        let any = !by_sale.is_empty();
        self.changed().clear();
        for (sale, entries) in by_sale {
            let asked = hub.store.asked(sale, &entries).await?;
            let mut wishes = self.wishes.write().unwrap_or_else(PoisonError::into_inner);
            // What changed meanwhile is asked for again by the next telling.
            let changed = self.changed();
            let unchanged = asked.iter().filter(|(entry, _)| !changed.contains(&(sale, **entry)));
            wishes.extend(unchanged.map(|(entry, asked)| ((sale, *entry), wish(asked))));
        }
        Ok(any)
    }

    /// Forgets whoever is not in the line any more.
    fn forget(&self, board: &Board) {
        let in_line = |(sale, entry): &Place| {
            let order = board.mirror.sales.get(sale).map(|sale| &sale.order);
            order.is_some_and(|order| order.waits(*entry) || order.is_skipped(*entry))
        };
        self.wishes.write().unwrap_or_else(PoisonError::into_inner).retain(|place, _| in_line(place));
    }
}

/// The event's stock as of a version of its seats lane.
struct Known {
    seats: i64,
    at: Instant,
    stock: Stock,
}

/// Keeps a room's outlook current until the room is over.
pub async fn look_out(hub: Arc<Hub>, room: Arc<Room>) -> anyhow::Result<()> {
    let every = Duration::from_millis(hub.config.odds_every_ms);
    let mut known: Option<Known> = None;
    let mut due = Instant::now();
    while !room.over.is_cancelled() {
        let pass = async {
            let mut news = room.outlook.learn(&hub).await?;
            if due.elapsed() >= every || known.is_none() {
                due = Instant::now();
                news |= compute(&hub, &room, &mut known).await?;
            }
            Ok::<bool, StoreError>(news)
        };
        match room.over.run_until_cancelled(pass).await {
            Some(Ok(true)) => ring(&room).await,
            Some(Err(fault)) => {
                tracing::debug!(event = %room.event, %fault, "what remains cannot be read for the moment");
            }
            _ => {}
        }
        let _over = room.over.run_until_cancelled(tokio::time::sleep(WISHES_EVERY.min(every))).await;
    }
    Ok(())
}

/// Computes what remains, from Postgres's stock if it changed and a sample of each line. Answers whether there is anything new.
async fn compute(hub: &Hub, room: &Room, known: &mut Option<Known>) -> Result<bool, StoreError> {
    let seen = room.read(|board| {
        room.outlook.forget(board);
        (board.mirror.seats, sampled(board))
    });
    let Some((seats, entries)) = seen else { return Ok(false) };
    if known.as_ref().is_none_or(|known| known.seats != seats || known.at.elapsed() >= STOCK_LASTS) {
        // Read after the version was, so that it is not older.
        *known = Some(Known { seats, at: Instant::now(), stock: hub.store.stock(room.event).await? });
    }
    let Some(Known { stock, .. }) = known else { return Ok(false) };
    let mut lines = HashMap::new();
    for (sale, Entries { standing, waiting, weight, share }) in entries {
        let all: Vec<i64> = standing.iter().chain(&waiting).copied().collect();
        let asked = hub.store.asked(sale, &all).await?;
        let those = |entries: &[i64]| entries.iter().filter_map(|entry| asked.get(entry).copied()).collect();
        lines.insert(sale, Sample { standing: those(&standing), waiting: those(&waiting), weight, share });
    }
    let stock = stock.clone();
    let remains = tokio::task::spawn_blocking(move || Remains::new(&stock, lines)).await;
    let remains = remains.map_err(|fault| StoreError::Corrupt(format!("what remains: {fault}")))?;
    *room.outlook.remains.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(remains);
    Ok(true)
}

/// The entries of a sample.
struct Entries {
    standing: Vec<i64>,
    waiting: Vec<i64>,
    weight: f64,
    share: Option<Share>,
}

fn sampled(board: &Board) -> Vec<(Uuid, Entries)> {
    let lines = board.mirror.sales.iter().filter(|(_, sale)| !sale.course().awaits_draw() && sale.order.waiting() > 0);
    lines
        .map(|(id, sale)| {
            let step = sale.order.waiting().div_ceil(SAMPLE).max(1);
            let waiting: Vec<i64> = sale.order.iter_waiting().step_by(step as usize).collect();
            let weight = sale.order.waiting() as f64 / waiting.len().max(1) as f64;
            let standing = sale.standing.values().copied().take(SAMPLE as usize).collect();
            (*id, Entries { standing, waiting, weight, share: share(board, *id, sale) })
        })
        .collect()
}

/// What the sale's allotment leaves it.
fn share(board: &Board, id: Uuid, sale: &SaleMirror) -> Option<Share> {
    let taken = board.mirror.taken_by.get(&id).copied().unwrap_or(0);
    let mut share = Share { free: sale.now.allotment?.saturating_sub(taken), held: BySize::default() };
    for hold in board.mirror.holds.values().filter(|hold| hold.sale == id) {
        share.held[hold.seats.len().clamp(1, share.held.len()) - 1] += 1;
    }
    Some(share)
}

/// Rings at the sockets for whom it has become certain that nothing is left, or is not so any more.
async fn ring(room: &Room) {
    let remains = room.outlook.remains();
    let mut to = room.slots().len();
    while to > 0 {
        let from = to.saturating_sub(CHUNK);
        for slot in room.slots().range(from, to) {
            if room.outlook.is_news(slot, &remains) {
                slot.mark(ALIVE);
                slot.bell.notify_one();
            }
        }
        to = from;
        tokio::task::yield_now().await;
    }
}
