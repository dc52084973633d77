//! A turn of office: what its holder knows, and how it decides.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chassis::clock::Clock;
use chassis::retry::Backoff;
use domain::seats::{self, Choice, Free, SeatingPlan, Share, exchange_in_order, seat_in_order};
use store::exchanges::{Exchange, Exchanging};
use store::feed::{Change, Ending, LaneKind, Record};
use store::follow::Follower;
use store::holds::{Offer, Unserved};
use store::leases::Lease;
use store::seating::StandingRow;
use store::standing::Ask;
use store::{Result, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::floor::Floor;
use super::queue::{Queue, Waiting, wish_of};
use crate::metrics::{
    SEATING_ASKED_TOTAL, SEATING_BATCH_SECONDS, SEATING_EXCHANGED_TOTAL, SEATING_HELD_TOTAL,
    SEATING_NOT_EXCHANGED_TOTAL, SEATING_REFUSED_TOTAL, SEATING_REOFFER_SECONDS, SEATING_STANDING,
    SEATING_UNSERVED_TOTAL, SEATING_WAIT_SECONDS,
};

/// How long to wait for news before looking after the lease and the stop.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long to wait before asking Postgres again whether a time to answer is over.
const EARLY_MS: i64 = 100;
/// Decisions in one transaction, at most.
const BATCH: usize = 256;
/// Places looked at first: enough for a batch, unless most of them can only stand.
const HEAD: usize = 4 * BATCH;

/// The seating of one event, held under a lease.
pub struct Office<'a> {
    store: &'a Store,
    clock: &'a Clock,
    lease: Lease,
    follower: Follower,
    floor: Floor,
    queue: Queue,
    /// Sales followed.
    sales: usize,
    /// Whether anything came since the last choice that could change it.
    dirty: bool,
    /// Whether what is known of seats and places is to be read anew.
    in_doubt: bool,
    /// Let in, wishes not read yet.
    newcomers: Vec<(Uuid, i64)>,
    /// Whether fans ask for other seats that are not known here.
    asked_anew: bool,
    /// Holds whose fans ask for other seats, whoever asked first first.
    exchanging: Vec<Exchanging>,
    renewed: Instant,
    /// When a time to gather or to answer is over next.
    wakes_at_ms: Option<i64>,
    /// When the first seats came free that were not chosen from yet.
    freed_at_ms: Option<i64>,
    /// What the gauge was last told.
    shown: usize,
}

impl<'a> Office<'a> {
    /// Holds the office until the stop.
    ///
    /// # Errors
    /// [`store::StoreError::Moved`] when the term is over; others when what is stored cannot be understood.
    pub async fn hold(store: &'a Store, clock: &'a Clock, lease: Lease, stop: &CancellationToken) -> Result<()> {
        let Some(loaded) = stop.run_until_cancelled(Self::load(store, clock, lease)).await else { return Ok(()) };
        let mut office = loaded?;
        let mut backoff = Backoff::new(20, 500);
        while !stop.is_cancelled() {
            match office.turn().await {
                Ok(()) => backoff.reset(),
                Err(fault) if fault.is_away() => {
                    tracing::debug!(event = %lease.scope, %fault, "seating waits");
                    // Whether the last batch was committed is not known.
                    office.in_doubt = true;
                    stop.run_until_cancelled(tokio::time::sleep(backoff.delay())).await;
                }
                // Chance gave two bookings the same reference: nothing was held, and the next try draws anew.
                Err(fault) if fault.is_conflict("booking_reference_unique") => office.dirty = true,
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Reads what the office needs, which may take longer than a lease lasts.
    async fn load(store: &'a Store, clock: &'a Clock, lease: Lease) -> Result<Self> {
        let reading = async {
            // The follower first: what is read after it is as new as it, or newer.
            let follower = Follower::start(store, lease.scope).await?;
            let hall = store.hall(lease.scope).await?;
            let floor = Floor::new(hall, &store.taken_seats(lease.scope).await?);
            let mut office = Self {
                store,
                clock,
                lease,
                sales: follower.mirror().sales.len(),
                follower,
                floor,
                queue: Queue::default(),
                dirty: true,
                in_doubt: false,
                newcomers: Vec::new(),
                asked_anew: true,
                exchanging: Vec::new(),
                renewed: Instant::now(),
                wakes_at_ms: None,
                freed_at_ms: None,
                shown: 0,
            };
            for row in store.standing_places(lease.scope).await? {
                office.stand(&row);
            }
            Ok(office)
        };
        tokio::pin!(reading);
        loop {
            tokio::select! {
                loaded = &mut reading => return loaded,
                () = tokio::time::sleep(renewal(&lease)) => match store.renew_lease(&lease).await {
                    Err(fault) if !fault.is_away() => return Err(fault),
                    _ => {}
                },
            }
        }
    }

    /// Takes in news, and decides what follows from them.
    async fn turn(&mut self) -> Result<()> {
        let busy = self.dirty || self.in_doubt || self.asked_anew || !self.newcomers.is_empty();
        let wakes_in_ms = self.wakes_at_ms.map_or(i64::MAX, |at_ms| at_ms - self.clock.now_ms());
        let patience = PATIENCE.min(Duration::from_millis(wakes_in_ms.max(0).unsigned_abs()));
        let records = self.follower.next(if busy { Duration::ZERO } else { patience }).await?;
        for record in &records {
            self.learn(record);
        }
        self.dirty |= self.wakes_at_ms.is_some_and(|at_ms| at_ms <= self.clock.now_ms());
        // A sale that is followed only since now may have let places in before.
        let sales = self.follower.mirror().sales.len();
        self.in_doubt |= sales != self.sales;
        self.sales = sales;
        if self.in_doubt {
            self.read_anew().await?;
        }
        if !self.newcomers.is_empty() {
            for row in self.store.standing_of(&self.newcomers).await? {
                self.stand(&row);
            }
            self.newcomers.clear();
            self.dirty = true;
        }
        if self.asked_anew {
            self.exchanging = self.store.exchanges_asked(self.lease.scope, BATCH as i64).await?;
            self.asked_anew = false;
            self.dirty |= !self.exchanging.is_empty();
        }
        if self.dirty {
            self.decide().await?;
        }
        if self.renewed.elapsed() >= renewal(&self.lease) {
            self.store.renew_lease(&self.lease).await?;
            self.renewed = Instant::now();
            self.check(records.is_empty());
        }
        Ok(())
    }

    /// Finds out whether anything was missed.
    fn check(&mut self, quiet: bool) {
        // Only while all is quiet: what we have just decided, the lanes tell a moment later.
        if quiet && !self.dirty && self.floor.is_told() {
            let assigned = self.follower.mirror().sales.values().filter(|sale| !sale.now.picks);
            let standing: usize = assigned.map(|sale| sale.standing.len()).sum();
            self.in_doubt |= standing != self.queue.len();
        }
    }

    fn learn(&mut self, record: &Record) {
        if record.lane.kind == LaneKind::Seats && self.floor.apply(record) {
            self.dirty = true;
        }
        for change in &record.changes {
            let frees = match change {
                Change::Ended { how, .. } => *how != Ending::Booked,
                Change::Exchanged { freed, .. } => !freed.is_empty(),
                _ => false,
            };
            if frees {
                self.freed_at_ms.get_or_insert(record.at_ms);
                // A fan who had as many as one may have of the event may have more now.
                for (sale, entry) in self.queue.limited() {
                    self.queue.remove(sale, entry);
                    self.newcomers.push((sale, entry));
                }
            }
            match change {
                Change::Admitted { entries, .. } => {
                    self.newcomers.extend(entries.iter().map(|entry| (record.lane.scope, *entry)));
                }
                // Read anew, with what it wants now.
                // Most who change their wishes wait, and are none of ours.
                Change::Wished { entry } if self.queue.remove(record.lane.scope, *entry).is_some() => {
                    self.newcomers.push((record.lane.scope, *entry));
                }
                Change::Left { entry, .. } => self.gone(record.lane.scope, *entry),
                Change::Unserved { sale, entry } | Change::Idle { sale, entry } | Change::Ended { sale, entry, .. } => {
                    self.gone(*sale, *entry);
                }
                Change::Held(hold) => self.gone(hold.sale, hold.entry),
                Change::ExchangeAsked { .. } => self.asked_anew = true,
                // Its allotment may be another one.
                Change::Sale(_) => self.dirty = true,
                _ => {}
            }
        }
    }

    fn gone(&mut self, sale: Uuid, entry: i64) {
        // Whoever leaves the head may have barred seats that now go to those behind.
        self.dirty |= self.queue.remove(sale, entry).is_some();
    }

    async fn read_anew(&mut self) -> Result<()> {
        let event = self.lease.scope;
        self.floor.reset(&self.store.taken_seats(event).await?);
        self.queue = Queue::default();
        self.in_doubt = false;
        self.dirty = true;
        self.asked_anew = true;
        for row in self.store.standing_places(event).await? {
            self.stand(&row);
        }
        Ok(())
    }

    /// The place stands from now on, unless the draw that gave it its number is not known here yet.
    fn stand(&mut self, row: &StandingRow) {
        match self.follower.mirror().sales.get(&row.sale).filter(|sale| !sale.course().awaits_draw()) {
            Some(sale) => self.queue.add(row, sale.order.rank(row.entry).number),
            None => self.in_doubt = true,
        }
    }

    /// Chooses seats for those who stand, in order, and commits a batch. Between the last choice of
    /// seats and its transaction nothing is waited for.
    async fn decide(&mut self) -> Result<()> {
        let (begun, now_ms) = (Instant::now(), self.clock.now_ms());
        let (free, held) = self.floor.now();
        let allotment = |sale: Uuid| self.follower.mirror().sales.get(&sale).and_then(|sale| sale.now.allotment);
        let shares: Vec<Share> =
            self.queue.sales().map(|sale| self.floor.share(sale, allotment(sale), &held)).collect();
        let (mut most, mut at_once) = (HEAD, None);
        let (mut plan, names) = loop {
            let (standing, names) = self.queue.in_order(most, now_ms);
            let plan = seat_in_order(&self.floor.hall, &free, &held, &standing, &shares, at_once.unwrap_or(1), BATCH);
            if at_once.is_none() && !plan.asked.is_empty() {
                let now = self.store.asked_at_once(self.lease.scope).await?;
                at_once = Some(now);
                if now > 1 {
                    continue;
                }
            }
            // What is decided for the head of a line does not depend on those behind it.
            if plan.offers.len() + plan.sold_out.len() >= BATCH || names.len() == self.queue.len() {
                break (plan, names);
            }
            most = usize::MAX;
        };
        let name = |key: u64| names[key as usize];
        let over = |place: &Waiting| place.asked_until_ms.is_some_and(|until_ms| until_ms <= now_ms);
        let waits = plan.wait_for_answers(|key| {
            let (sale, entry) = name(key);
            self.queue.of(sale, entry).is_some_and(|place| over(place))
        });
        let decided = plan.offers.len() + plan.sold_out.len();
        // Who has seats comes behind the whole line, and so only when nobody in it is decided about.
        if decided == 0 && !self.exchanging.is_empty() {
            self.exchange(&free, &held, &plan).await?;
        }
        let mut offers = Vec::with_capacity(plan.offers.len());
        for offer in plan.offers {
            let (sale, entry) = name(offer.key);
            let Some(place) = self.queue.of(sale, entry) else { continue };
            let (booking, wished) = (chassis::ids::new(self.clock), place.wished);
            let Choice { seats, rung, score } = offer.choice;
            let found = Some((rung, score));
            let reference = chassis::ids::reference();
            offers.push(Offer { booking, reference, sale, entry, wished, seats, found });
        }
        let mut unserved = Vec::with_capacity(plan.sold_out.len());
        for (sale, entry) in plan.sold_out.into_iter().map(name) {
            let Some(place) = self.queue.of(sale, entry) else { continue };
            unserved.push(Unserved { sale, entry, wished: place.wished, unanswered: over(place) });
        }
        let mut gathering = Vec::new();
        for (sale, entry) in plan.gathering.into_iter().map(name) {
            gathering
                .extend(self.queue.of(sale, entry).filter(|it| it.gathers_until_ms.is_none()).map(|_| (sale, entry)));
        }
        let mut asks = Vec::new();
        for domain::seats::Offer { key, choice } in plan.asked {
            let (sale, entry) = name(key);
            let tiers = choice.seats.iter().fold(0, |tiers, seat| tiers | 1 << self.floor.hall.tier_of(*seat));
            let ask = |place: &mut Waiting| Ask {
                sale,
                entry,
                wished: place.wished,
                seats: choice.seats.len() as u8,
                tiers,
                apart: !self.floor.hall.side_by_side(&choice.seats),
            };
            asks.extend(self.queue.of(sale, entry).filter(|place| place.asked_until_ms.is_none()).map(ask));
        }
        self.dirty = waits || decided >= BATCH || !self.exchanging.is_empty();
        if offers.is_empty() && unserved.is_empty() {
            self.freed_at_ms = None;
        } else {
            self.commit(&offers, &unserved).await?;
            metrics::histogram!(SEATING_BATCH_SECONDS).record(begun.elapsed().as_secs_f64());
        }
        // What was just refused was chosen from an old view, and so is what these would be told.
        if !self.in_doubt && !waits && (!gathering.is_empty() || !asks.is_empty()) {
            self.tell(&gathering, &asks).await?;
        }
        self.wakes_at_ms = self.queue.next_end_ms(now_ms);
        self.show();
        Ok(())
    }

    /// Chooses other seats for those who ask for them, behind all who stand, and commits that.
    async fn exchange(&mut self, free: &Free, held: &Free, plan: &SeatingPlan) -> Result<()> {
        let asking = std::mem::take(&mut self.exchanging);
        let parties: Vec<seats::Exchanging> = (0..)
            .zip(&asking)
            .map(|(key, Exchanging { seats, other, .. })| seats::Exchanging {
                key,
                wish: wish_of(seats.len() as u8, other.tiers, other.accepts),
                has: seats.clone(),
                elsewhere: other.elsewhere,
            })
            .collect();
        let found = exchange_in_order(&self.floor.hall, free, held, plan, &parties);
        let exchanges: Vec<Exchange> = asking
            .iter()
            .zip(found)
            .map(|(asks, (_, found))| Exchange { booking: asks.booking, asks: asks.asks, found })
            .collect();
        let done = self.store.exchange(&self.lease, &exchanges).await?;
        self.renewed = Instant::now();
        metrics::counter!(SEATING_EXCHANGED_TOTAL).increment(done.done.len() as u64);
        metrics::counter!(SEATING_NOT_EXCHANGED_TOTAL).increment(done.nothing as u64);
        for (booking, sale, seats) in done.done {
            self.floor.note(booking, sale, seats);
        }
        if done.refused > 0 {
            metrics::counter!(SEATING_REFUSED_TOTAL).increment(done.refused as u64);
            self.in_doubt = true;
        }
        // There may be more than one look takes.
        self.asked_anew |= asking.len() == BATCH;
        Ok(())
    }

    async fn commit(&mut self, offers: &[Offer], unserved: &[Unserved]) -> Result<()> {
        let done = self.store.offer(&self.lease, offers, unserved).await?;
        self.renewed = Instant::now();
        let now_ms = self.clock.now_ms();
        metrics::counter!(SEATING_HELD_TOTAL).increment(done.held.len() as u64);
        metrics::counter!(SEATING_UNSERVED_TOTAL).increment(done.unserved.len() as u64);
        if let Some(freed_at_ms) = self.freed_at_ms.take().filter(|_| !done.held.is_empty()) {
            metrics::histogram!(SEATING_REOFFER_SECONDS).record(seconds(now_ms - freed_at_ms));
        }
        let refused: HashSet<(Uuid, i64)> = done.refused.iter().map(|offer| (offer.sale, offer.entry)).collect();
        let held = done.held.iter().map(|hold| (hold.sale, hold.entry));
        for (sale, entry) in held.chain(done.unserved.iter().copied()) {
            if let Some(waiting) = self.queue.remove(sale, entry) {
                metrics::histogram!(SEATING_WAIT_SECONDS).record(seconds(now_ms - waiting.admitted_at_ms));
            }
        }
        // Whoever was neither held nor refused stands no longer, or wishes something else by now.
        // Nobody is told that nothing fits while somebody else must choose again.
        let unserved = if refused.is_empty() { unserved } else { &[] };
        let decided = offers.iter().map(|offer| (offer.sale, offer.entry));
        let decided = decided.chain(unserved.iter().map(|place| (place.sale, place.entry)));
        for (sale, entry) in decided.filter(|place| !refused.contains(place)) {
            // Postgres's clock says that there is time to answer yet: ours is ahead of it.
            let early = unserved.iter().any(|place| place.unanswered && (place.sale, place.entry) == (sale, entry));
            if let Some(place) = self.queue.of(sale, entry).filter(|_| early) {
                place.asked_until_ms = Some(now_ms + EARLY_MS);
            } else if self.queue.remove(sale, entry).is_some() {
                self.newcomers.push((sale, entry));
            }
        }
        for hold in done.held {
            self.floor.note(hold.booking, hold.sale, hold.seats);
        }
        if !refused.is_empty() {
            metrics::counter!(SEATING_REFUSED_TOTAL).increment(refused.len() as u64);
            tracing::debug!(event = %self.lease.scope, refused = refused.len(), "seats were taken; choosing again");
            self.in_doubt = true;
        }
        Ok(())
    }

    /// Tells standing parties what is kept for them, and until when.
    async fn tell(&mut self, gathering: &[(Uuid, i64)], asks: &[Ask]) -> Result<()> {
        let told = self.store.tell_standing(&self.lease, gathering, asks).await?;
        metrics::counter!(SEATING_ASKED_TOTAL).increment(asks.len() as u64);
        for change in told {
            match change {
                Change::Gathers { sale, entry, until_ms } => {
                    if let Some(place) = self.queue.of(sale, entry) {
                        place.gathers_until_ms = Some(until_ms);
                    }
                }
                Change::Asked { sale, entry, question } => {
                    if let Some(place) = self.queue.of(sale, entry) {
                        place.asked_until_ms = Some(question.until_ms);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn show(&mut self) {
        let now = self.queue.len();
        metrics::gauge!(SEATING_STANDING).increment(now as f64 - self.shown as f64);
        self.shown = now;
    }
}

impl Drop for Office<'_> {
    fn drop(&mut self) {
        metrics::gauge!(SEATING_STANDING).decrement(self.shown as f64);
    }
}

/// How often a lease is renewed while there is nothing to decide.
fn renewal(lease: &Lease) -> Duration {
    Duration::from_millis(lease.ttl_ms.unsigned_abs() / 3)
}

fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1_000.0
}
