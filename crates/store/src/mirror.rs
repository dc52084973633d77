//! What a follower holds in memory: an event's sales, their lines, and the live holds, exactly as of known lane versions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::draw::Numbers;
use domain::order::{Class, Order, Rank};
use domain::sale::{Course, State};
use uuid::Uuid;

use crate::exchanges::ExchangeNow;
use crate::feed::{Change, Ending, HoldNow, HoldState, Lane, LaneKind, Question, Record, SaleNow, hand};

/// Where a place is, for places that do not simply wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In the line.
    Waiting,
    /// Passed over while absent.
    Skipped,
    /// Admitted, no seats yet.
    Standing,
    /// Seats are held by this booking.
    Holding(Uuid),
    /// Over; with the booking that came of it, if any.
    Ended(Ending, Option<Uuid>),
}

/// A place that does not simply wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceNow {
    /// Where it is.
    pub standing: Standing,
    /// When that was decided.
    pub changed_at_ms: i64,
}

/// What a standing party was told while it has no seats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Until when free seats are or were kept for it while others may come free.
    pub gathers_until_ms: Option<i64>,
    /// What it is or was asked to take instead.
    pub question: Option<Question>,
    /// Where fans pick: until when it may look for seats, by the sale's clock.
    pub shops_until_ms: Option<i64>,
    /// When it was last told something; 0 in a copy that began later.
    pub at_ms: i64,
}

/// One sale as of its lanes' versions.
#[derive(Debug, Clone)]
pub struct SaleMirror {
    /// Its settings and state.
    pub now: SaleNow,
    /// Who waits or was skipped, in order.
    pub order: Order,
    /// Whether the lobby's places have their numbers.
    pub drawn: bool,
    /// Every place that does not simply wait, by entry.
    pub places: HashMap<i64, PlaceNow>,
    /// The entries of admitted places without seats, in order.
    pub standing: BTreeMap<Rank, i64>,
    /// What those of them were told that were told something.
    pub told: HashMap<i64, Told>,
    /// When an operator last put each place. The seats lane may be heard sooner or later than this one: what it said of a
    /// place before that does not matter any more.
    pub puts: HashMap<i64, i64>,
    /// Puts of entries whose joins were not heard of yet: entry, class, when.
    early_puts: Vec<(i64, u8, i64)>,
    /// Whose the places are that went over to other fans, by [`hand`].
    pub hands: HashMap<i64, u32>,
    /// How many hold seats.
    pub holding: usize,
    /// Version of the joins lane.
    pub joins: i64,
    /// Version of the pace lane.
    pub pace: i64,
    /// Recent admissions: when and how many, the last two minutes.
    pub admissions: std::collections::VecDeque<(i64, u32)>,
    /// When the sale's state last changed.
    pub changed_at_ms: i64,
}

impl SaleMirror {
    /// A sale with these settings of which nothing else is known yet.
    pub(crate) fn new(now: SaleNow) -> Self {
        Self {
            now,
            order: Order::default(),
            drawn: false,
            places: HashMap::new(),
            standing: BTreeMap::new(),
            told: HashMap::new(),
            puts: HashMap::new(),
            early_puts: Vec::new(),
            hands: HashMap::new(),
            holding: 0,
            joins: 0,
            pace: 0,
            admissions: std::collections::VecDeque::new(),
            changed_at_ms: 0,
        }
    }

    /// Where an entry is.
    #[must_use]
    pub fn place(&self, entry: i64) -> PlaceNow {
        self.places
            .get(&entry)
            .copied()
            .unwrap_or(PlaceNow { standing: Standing::Waiting, changed_at_ms: self.changed_at_ms })
    }

    /// Whether the fan who once had a place still has it.
    #[must_use]
    pub fn is_with(&self, entry: i64, fan: Uuid) -> bool {
        self.hands.get(&entry).is_none_or(|now| *now == hand(fan))
    }

    /// How many were let in during the 60 seconds before `now_ms`.
    #[must_use]
    pub fn admitted_last_minute(&self, now_ms: i64) -> u32 {
        self.admissions.iter().filter(|(at, _)| *at > now_ms - 60_000).map(|(_, n)| n).sum()
    }

    /// What decides what the sale is doing.
    #[must_use]
    pub const fn course(&self) -> Course {
        self.now.course(self.drawn)
    }

    /// What the sale is doing at `now_ms`.
    #[must_use]
    pub fn state(&self, now_ms: i64) -> State {
        self.course().state(now_ms)
    }

    fn set(&mut self, entry: i64, standing: Standing, at_ms: i64) {
        let before = self.places.insert(entry, PlaceNow { standing, changed_at_ms: at_ms });
        if matches!(before, Some(PlaceNow { standing: Standing::Holding(_), .. })) {
            self.holding -= 1;
        }
        if standing == Standing::Skipped {
            self.order.skip(entry);
        } else {
            self.order.remove(entry);
        }
        if standing != Standing::Standing {
            self.standing.remove(&self.order.rank(entry));
        }
        // The seats lane may be ahead of the one that says so: whoever was skipped, or left and was put back, may stand since.
        if matches!(standing, Standing::Holding(_) | Standing::Ended(..)) {
            self.forget_told(entry, at_ms);
        }
        if matches!(standing, Standing::Holding(_)) {
            self.holding += 1;
        }
    }

    /// The party is told something while it stands, unless that is over by now.
    fn tell(&mut self, entry: i64, at_ms: i64, what: impl FnOnce(&mut Told)) {
        if let Some(place) = self.places.get_mut(&entry) {
            if matches!(place.standing, Standing::Holding(_) | Standing::Ended(..)) && place.changed_at_ms >= at_ms {
                return;
            }
            place.changed_at_ms = at_ms;
        }
        let told = self.told.entry(entry).or_default();
        told.at_ms = at_ms;
        what(told);
    }

    /// What it was told until then does not matter any more.
    fn forget_told(&mut self, entry: i64, until_ms: i64) {
        if self.told.get(&entry).is_some_and(|told| told.at_ms <= until_ms) {
            self.told.remove(&entry);
        }
    }

    /// The lobby has the numbers of this seed.
    pub(crate) fn draw(&mut self, seed: &[u8; 32], size: i64) {
        self.drawn = true;
        if size > 0 {
            self.order.draw(Arc::new(Numbers::draw(seed, size)));
        }
    }
}

/// An event as of its lanes' versions.
#[derive(Debug, Clone)]
pub struct EventMirror {
    /// The event.
    pub event: Uuid,
    /// The rebuild of its copy in Redis.
    pub epoch: i64,
    /// When that rebuild was published.
    pub epoch_since_ms: i64,
    /// Sellable units.
    pub capacity: u32,
    /// Its sales.
    pub sales: HashMap<Uuid, SaleMirror>,
    /// Live holds by booking. What was paid is not here any more.
    pub holds: HashMap<Uuid, HoldNow>,
    /// Seats that are held, sold or blocked.
    pub taken: u32,
    /// The same by sale, also of sales that are not followed yet.
    pub taken_by: HashMap<Uuid, u32>,
    /// Version of the seats lane.
    pub seats: i64,
}

impl EventMirror {
    /// The version seen of a lane; `None` for a sale that came later than the mirror.
    #[must_use]
    pub fn version(&self, lane: Lane) -> Option<i64> {
        match lane.kind {
            LaneKind::Seats => Some(self.seats),
            LaneKind::Joins => self.sales.get(&lane.scope).map(|sale| sale.joins),
            LaneKind::Pace => self.sales.get(&lane.scope).map(|sale| sale.pace),
        }
    }

    /// Seats that nobody has.
    #[must_use]
    pub const fn free(&self) -> u32 {
        self.capacity.saturating_sub(self.taken)
    }

    /// Seats that nobody has and this sale may still take.
    #[must_use]
    pub fn free_for(&self, sale: Uuid) -> u32 {
        let allotment = self.sales.get(&sale).and_then(|sale| sale.now.allotment).unwrap_or(u32::MAX);
        self.free().min(allotment.saturating_sub(self.taken_by.get(&sale).copied().unwrap_or(0)))
    }

    /// Brings this, a copy of an earlier state of `original`, up to it; `records` were applied to it since, in this order.
    pub fn keep_up(&mut self, original: &Self, records: &[Record]) {
        self.epoch = original.epoch;
        self.epoch_since_ms = original.epoch_since_ms;
        for (id, sale) in &original.sales {
            if !self.sales.contains_key(id) {
                self.sales.insert(*id, sale.clone());
            }
        }
        for record in records {
            if self.version(record.lane) == Some(record.version - 1) {
                self.apply(record);
            }
        }
        // Nothing can be amiss unless the records were not all of them; then a new copy costs less than a wrong one.
        let same = |(id, sale): (&Uuid, &SaleMirror)| {
            original.sales.get(id).is_some_and(|other| (other.joins, other.pace) == (sale.joins, sale.pace))
        };
        if self.seats != original.seats || !self.sales.iter().all(same) {
            *self = original.clone();
        }
    }

    /// Applies the lane's next record. The caller has checked that it is the next.
    pub(crate) fn apply(&mut self, record: &Record) {
        let at_ms = record.at_ms;
        match record.lane.kind {
            LaneKind::Seats => {
                self.seats = record.version;
                for change in &record.changes {
                    self.apply_seats(change, at_ms);
                }
            }
            LaneKind::Joins | LaneKind::Pace => {
                let Some(sale) = self.sales.get_mut(&record.lane.scope) else { return };
                match record.lane.kind {
                    LaneKind::Joins => sale.joins = record.version,
                    _ => sale.pace = record.version,
                }
                for change in &record.changes {
                    Self::apply_line(sale, change, at_ms);
                }
            }
        }
    }

    fn apply_line(sale: &mut SaleMirror, change: &Change, at_ms: i64) {
        match change {
            Change::Joined { last, classes } => {
                let from = sale.order.last();
                sale.order.join_through(*last);
                // A later lane may have been read first: who left or was admitted before we saw the join does not wait.
                for (entry, class) in classes {
                    let stands = sale.standing.remove(&sale.order.rank(*entry));
                    sale.order.classify(*entry, Class(*class));
                    sale.standing.extend(stands.map(|place| (sale.order.rank(*entry), place)));
                }
                for entry in from + 1..=*last {
                    match sale.places.get(&entry).map(|place| place.standing) {
                        None => {}
                        Some(Standing::Skipped) => sale.order.skip(entry),
                        Some(_) => sale.order.remove(entry),
                    }
                }
                for (entry, class, at_ms) in std::mem::take(&mut sale.early_puts) {
                    Self::apply_line(sale, &Change::Put { entry, class }, at_ms);
                }
            }
            Change::Drawn { size, seed } => {
                sale.draw(seed, *size);
                sale.changed_at_ms = at_ms;
            }
            // Whoever was inserted is put where they go with the join; the lanes may be heard the other way round.
            Change::Put { entry, class } if *entry > sale.order.last() => sale.early_puts.push((*entry, *class, at_ms)),
            Change::Put { entry, class } => {
                sale.puts.insert(*entry, at_ms);
                sale.standing.remove(&sale.order.rank(*entry));
                sale.forget_told(*entry, at_ms);
                if sale.places.get(entry).is_some_and(|place| place.changed_at_ms > at_ms) {
                    // Seats were already held for it again.
                    sale.order.classify(*entry, Class(*class));
                } else {
                    let before = sale.places.remove(entry);
                    if matches!(before, Some(PlaceNow { standing: Standing::Holding(_), .. })) {
                        sale.holding -= 1;
                    }
                    sale.order.put(*entry, Class(*class));
                }
            }
            Change::Admitted { entries, shops_until_ms, .. } => {
                for entry in entries {
                    // The seats lane may be ahead of this one.
                    if matches!(sale.place(*entry).standing, Standing::Waiting | Standing::Skipped) {
                        sale.set(*entry, Standing::Standing, at_ms);
                        sale.standing.insert(sale.order.rank(*entry), *entry);
                        if let Some(until_ms) = shops_until_ms {
                            sale.tell(*entry, at_ms, |told| told.shops_until_ms = Some(*until_ms));
                        }
                    }
                }
                sale.admissions.push_back((at_ms, entries.len() as u32));
                while sale.admissions.front().is_some_and(|(at, _)| *at < at_ms - 120_000) {
                    sale.admissions.pop_front();
                }
            }
            Change::Skipped { entries } => {
                for entry in entries {
                    if sale.place(*entry).standing == Standing::Waiting {
                        sale.set(*entry, Standing::Skipped, at_ms);
                    }
                }
            }
            // Who wants something else now is not asked about what there was before.
            Change::Wished { entry } => {
                if let Some(told) = sale.told.get_mut(entry).filter(|told| told.at_ms <= at_ms) {
                    told.question = None;
                    if told.gathers_until_ms.is_none() && told.shops_until_ms.is_none() {
                        sale.told.remove(entry);
                    }
                }
            }
            Change::TakenOver { entry, hand } => drop(sale.hands.insert(*entry, *hand)),
            Change::Left { entry, removed } => {
                let how = if *removed { Ending::Removed } else { Ending::Left };
                sale.set(*entry, Standing::Ended(how, None), at_ms);
            }
            Change::Sale(now) => {
                sale.now = now.clone();
                sale.changed_at_ms = at_ms;
            }
            _ => {}
        }
    }

    /// The sale, unless the place was put elsewhere after this was said of it.
    fn sale_since(&mut self, sale: Uuid, entry: i64, at_ms: i64) -> Option<&mut SaleMirror> {
        self.sales.get_mut(&sale).filter(|sale| sale.puts.get(&entry).is_none_or(|put_ms| *put_ms < at_ms))
    }

    /// What becomes of a fan's wish for other seats.
    fn exchange(&mut self, booking: Uuid, exchange: ExchangeNow, at_ms: i64) {
        let Some(hold) = self.holds.get_mut(&booking) else { return };
        hold.exchange = exchange;
        let (sale, entry) = (hold.sale, hold.entry);
        if let Some(place) = self.sale_since(sale, entry, at_ms).and_then(|sale| sale.places.get_mut(&entry)) {
            place.changed_at_ms = at_ms;
        }
    }

    fn apply_seats(&mut self, change: &Change, at_ms: i64) {
        match change {
            Change::Held(hold) => {
                if let Some(sale) = self.sale_since(hold.sale, hold.entry, at_ms) {
                    sale.set(hold.entry, Standing::Holding(hold.booking), at_ms);
                }
                self.taken += hold.seats.len() as u32;
                *self.taken_by.entry(hold.sale).or_default() += hold.seats.len() as u32;
                self.holds.insert(hold.booking, hold.clone());
            }
            Change::Moved { booking, state, deadline_ms, declined, extended } => {
                if let Some(hold) = self.holds.get_mut(booking) {
                    hold.state = *state;
                    hold.deadline_ms = *deadline_ms;
                    hold.declined = *declined;
                    hold.extended = *extended;
                    // Whoever pays takes the seats that there are.
                    if *state != HoldState::Held && hold.exchange == ExchangeNow::Asked {
                        hold.exchange = ExchangeNow::Not;
                    }
                    if let Some(place) = self.sales.get_mut(&hold.sale).and_then(|s| s.places.get_mut(&hold.entry)) {
                        place.changed_at_ms = at_ms;
                    }
                }
            }
            Change::Exchanged { booking, sale, entry, taken, freed } => {
                if let Some(hold) = self.holds.get_mut(booking) {
                    hold.exchange(taken, freed);
                }
                self.taken = self.taken + taken.len() as u32 - freed.len() as u32;
                let by_sale = self.taken_by.entry(*sale).or_default();
                *by_sale = (*by_sale + taken.len() as u32).saturating_sub(freed.len() as u32);
                if let Some(place) = self.sale_since(*sale, *entry, at_ms).and_then(|s| s.places.get_mut(entry)) {
                    place.changed_at_ms = at_ms;
                }
            }
            Change::ExchangeAsked { booking, .. } => self.exchange(*booking, ExchangeNow::Asked, at_ms),
            Change::NotExchanged { booking, .. } => self.exchange(*booking, ExchangeNow::Nothing, at_ms),
            Change::Ended { booking, sale, entry, how, seats } => {
                self.holds.remove(booking);
                if *how != Ending::Booked {
                    self.taken -= seats.len() as u32;
                    let by_sale = self.taken_by.entry(*sale).or_default();
                    *by_sale = by_sale.saturating_sub(seats.len() as u32);
                }
                if let Some(sale) = self.sale_since(*sale, *entry, at_ms) {
                    sale.set(*entry, Standing::Ended(*how, Some(*booking)), at_ms);
                }
            }
            Change::Gathers { sale, entry, until_ms } => {
                if let Some(sale) = self.sale_since(*sale, *entry, at_ms) {
                    sale.tell(*entry, at_ms, |told| told.gathers_until_ms = Some(*until_ms));
                }
            }
            Change::Asked { sale, entry, question } => {
                if let Some(sale) = self.sale_since(*sale, *entry, at_ms) {
                    sale.tell(*entry, at_ms, |told| told.question = Some(question.clone()));
                }
            }
            Change::Blocked { seats, .. } => self.taken += seats.len() as u32,
            Change::Unblocked { seats, .. } => self.taken -= seats.len() as u32,
            Change::Unserved { sale, entry } | Change::Idle { sale, entry } => {
                let how = if matches!(change, Change::Idle { .. }) { Ending::Idle } else { Ending::SoldOut };
                if let Some(sale) = self.sale_since(*sale, *entry, at_ms) {
                    sale.set(*entry, Standing::Ended(how, None), at_ms);
                }
            }
            _ => {}
        }
    }
}
