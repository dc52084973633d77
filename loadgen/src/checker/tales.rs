//! The stories told anew by place and by hold, which is what the checks are about.

use std::collections::BTreeMap;

use contracts::bookings::{BookingState, ExchangeState};
use contracts::ids::{BookingId, PlaceId};
use contracts::places::PlaceState;

use super::History;
use crate::crowd::diary::{Act, BookingSeen, Sight, Via, What};

/// All places and holds.
#[derive(Debug, Default)]
pub struct Tales<'a> {
    /// By place.
    pub places: BTreeMap<PlaceId, PlaceTale<'a>>,
    /// By booking.
    pub holds: BTreeMap<BookingId, HoldTale<'a>>,
}

/// One place, as its fan saw it.
#[derive(Debug, Default)]
pub struct PlaceTale<'a> {
    /// Whose, and more than one only where something is wrong.
    pub fans: Vec<u32>,
    /// Its entries, more than one only where something is wrong.
    pub entries: Vec<i64>,
    /// When it joined.
    pub joined_at_ms: i64,
    /// Its views in the order they came.
    pub sights: Vec<Seen<'a>>,
    /// When a window was open, here: from its greeting to its end.
    pub windows: Vec<(i64, i64)>,
    /// When the fan first asked to leave or to give back.
    pub gave_up_ms: Option<i64>,
    /// Whether the fan asked for other seats than those held.
    pub asked_for_others: bool,
    /// Whether the fan picked seats and got no answer.
    pub pick_unanswered: bool,
}

/// A view and how it came.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// When it came.
    pub at_ms: i64,
    /// Through which window.
    pub eye: u8,
    /// How.
    pub via: Via,
    /// The sale's epoch.
    pub epoch: i64,
    /// What it said.
    pub sight: &'a Sight,
}

/// One hold and the booking around it.
#[derive(Debug, Default)]
pub struct HoldTale<'a> {
    /// Whose.
    pub fan: u32,
    /// Its place.
    pub place: Option<PlaceId>,
    /// The seats, as they were told last.
    pub seats: &'a [u32],
    /// The seats that it had before they were changed for others.
    pub exchanges: Vec<Exchange<'a>>,
    /// When it was first told that its seats are others, as committed.
    pub exchanged_ms: Option<i64>,
    /// Whether its fan asked for others.
    pub asked_for_others: bool,
    /// What its fan picked: the server's time when that was said to be held, and all of its seats.
    pub picks: Vec<(i64, &'a [u32])>,
    /// When it was committed, if the hold itself was seen.
    pub from_ms: Option<i64>,
    /// When it was first seen open, by the server's time.
    pub first_open_ms: Option<i64>,
    /// Deadlines shown: the server's time when, and the deadline.
    pub deadlines: Vec<(i64, i64)>,
    /// When it was last seen open, by the server's time.
    pub last_open_ms: i64,
    /// How and when it first ended unpaid, by the server's time.
    pub ended: Option<(PlaceState, i64)>,
    /// When it was seen booked.
    pub booked_ms: Option<i64>,
    /// When its tickets were first seen, by the server's time.
    pub ticketed_ms: Option<i64>,
    /// When it was seen refunded.
    pub refunded_ms: Option<i64>,
    /// The looks at the booking, in order.
    pub looks: Vec<&'a BookingSeen>,
    /// The intents given to its fan.
    pub intents: Vec<&'a str>,
    /// Confirms: when answered, which intent, the status, whether taken.
    pub confirms: Vec<(i64, &'a str, &'a str, bool)>,
}

/// Seats that a hold had until they were changed for others.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The seats.
    pub before: &'a [u32],
    /// Until when it had them at least, by the server's time.
    pub until_ms: i64,
    /// Since when it had the others, at the latest.
    pub since_ms: i64,
}

/// Whether a state is an end.
#[must_use]
pub const fn is_end(state: PlaceState) -> bool {
    !matches!(state, PlaceState::Waiting | PlaceState::Skipped | PlaceState::Standing | PlaceState::Holding)
}

impl PlaceTale<'_> {
    /// When it was let in, and whether that was pushed as it happened: then the time is the admission's own or nearly so.
    #[must_use]
    pub fn admitted(&self) -> Option<(i64, bool)> {
        let inside = |seen: &&Seen<'_>| {
            matches!(seen.sight.state, PlaceState::Standing | PlaceState::Holding) && seen.sight.changed_at_ms > 0
        };
        let first = self.sights.iter().filter(inside).min_by_key(|seen| (seen.sight.changed_at_ms, seen.at_ms))?;
        Some((first.sight.changed_at_ms, first.via == Via::Push))
    }

    /// When it was first found inside, by the server's time, without being told since when: it was let in then or before.
    #[must_use]
    pub fn found_inside_ms(&self) -> Option<i64> {
        let found = self.sights.iter().filter(|seen| {
            matches!(seen.sight.state, PlaceState::Standing | PlaceState::Holding) && seen.sight.changed_at_ms == 0
        });
        found.map(|seen| seen.sight.server_now_ms).min()
    }

    /// Whether it was ever seen let in.
    #[must_use]
    pub fn was_inside(&self) -> bool {
        self.sights.iter().any(|seen| matches!(seen.sight.state, PlaceState::Standing | PlaceState::Holding))
    }

    /// When it first ended, by the server's time.
    #[must_use]
    pub fn ended_ms(&self) -> Option<i64> {
        let ends = self.sights.iter().filter(|seen| is_end(seen.sight.state) && seen.sight.changed_at_ms > 0);
        ends.map(|seen| seen.sight.changed_at_ms).min()
    }
}

impl<'a> HoldTale<'a> {
    fn was_open(&mut self, server_ms: i64) {
        self.last_open_ms = self.last_open_ms.max(server_ms);
        self.first_open_ms = Some(self.first_open_ms.map_or(server_ms, |first| first.min(server_ms)));
    }

    /// Tells its seats by the looks in the server's order, which need not be that of the answers.
    fn tell_seats(&mut self) {
        let mut looks: Vec<&'a BookingSeen> =
            self.looks.iter().filter(|look| !look.seats.is_empty()).copied().collect();
        looks.sort_by_key(|look| look.server_now_ms);
        let mut last_ms = 0;
        for look in looks {
            if !self.seats.is_empty() && self.seats != look.seats {
                let told_ms = self.exchanged_ms.filter(|ms| (last_ms..=look.server_now_ms).contains(ms));
                let (until_ms, since_ms) = told_ms.map_or((last_ms, look.server_now_ms), |ms| (ms, ms));
                self.exchanges.push(Exchange { before: self.seats, until_ms, since_ms });
            }
            self.seats = &look.seats;
            last_ms = look.server_now_ms;
        }
    }

    /// The newest look.
    #[must_use]
    pub fn newest(&self) -> Option<&BookingSeen> {
        self.looks.iter().max_by_key(|look| look.server_now_ms).copied()
    }

    /// Whether its fan has tickets that open the gate.
    #[must_use]
    pub fn has_tickets(&self) -> bool {
        self.newest().is_some_and(|look| look.tickets.iter().any(|ticket| ticket.valid))
    }

    /// The latest deadline shown up to this time of the server's.
    #[must_use]
    pub fn deadline_until(&self, server_ms: i64) -> Option<i64> {
        self.deadlines.iter().filter(|(shown, _)| *shown <= server_ms).map(|(_, deadline)| *deadline).max()
    }
}

impl<'a> Tales<'a> {
    /// Reads all stories.
    #[must_use]
    pub fn of(history: &'a History) -> Self {
        let mut tales = Self::default();
        for story in &history.stories {
            let mut open: BTreeMap<(PlaceId, u8), i64> = BTreeMap::new();
            let mut last_ms = 0;
            for record in &story.records {
                last_ms = last_ms.max(record.at_ms);
                tales.read(story.fan, record.at_ms, &record.what, &mut open);
            }
            for ((place, _), from_ms) in open {
                tales.places.entry(place).or_default().windows.push((from_ms, last_ms));
            }
        }
        for hold in tales.holds.values_mut() {
            hold.tell_seats();
            hold.asked_for_others =
                hold.place.and_then(|place| tales.places.get(&place)).is_some_and(|tale| tale.asked_for_others);
        }
        tales
    }

    fn read(&mut self, fan: u32, at_ms: i64, what: &'a What, open: &mut BTreeMap<(PlaceId, u8), i64>) {
        match what {
            What::Joined { place, entry, joined_at_ms, .. } => {
                let tale = self.places.entry(*place).or_default();
                tale.joined_at_ms = *joined_at_ms;
                if !tale.fans.contains(&fan) {
                    tale.fans.push(fan);
                }
                if !tale.entries.contains(entry) {
                    tale.entries.push(*entry);
                }
            }
            What::Connected { eye, place } => {
                open.insert((*place, *eye), at_ms);
            }
            What::Gone { eye, place } => {
                if let Some(from_ms) = open.remove(&(*place, *eye)) {
                    self.places.entry(*place).or_default().windows.push((from_ms, at_ms));
                }
            }
            What::Saw { eye, via, place, epoch, sight, .. } => {
                let seen = Seen { at_ms, eye: *eye, via: *via, epoch: *epoch, sight };
                self.places.entry(*place).or_default().sights.push(seen);
                self.read_hold(fan, *place, sight);
            }
            What::Booking(look) => {
                let hold = self.hold(fan, look.booking);
                hold.place = Some(look.place);
                if matches!(look.state, BookingState::Held | BookingState::Paying) {
                    hold.deadlines.push((look.server_now_ms, look.deadline_ms));
                    hold.was_open(look.server_now_ms);
                }
                if look.state == BookingState::Paid && hold.ticketed_ms.is_none() {
                    hold.ticketed_ms = Some(look.server_now_ms);
                }
                hold.looks.push(look);
            }
            What::Did { place, act: Act::Leave | Act::GiveBack | Act::Unsure } => {
                self.places.entry(*place).or_default().gave_up_ms.get_or_insert(at_ms);
            }
            What::Did { place, act: Act::Exchange } => {
                self.places.entry(*place).or_default().asked_for_others = true;
            }
            What::Did { place, act: Act::Pick } => {
                self.places.entry(*place).or_default().pick_unanswered = true;
            }
            What::Picked { booking, seats, server_now_ms } => {
                self.hold(fan, *booking).picks.push((*server_now_ms, seats));
            }
            What::Attempt { booking, intent } => {
                let hold = self.hold(fan, *booking);
                if !hold.intents.contains(&intent.as_str()) {
                    hold.intents.push(intent);
                }
            }
            What::Confirmed { booking, intent, status, taken } => {
                self.hold(fan, *booking).confirms.push((at_ms, intent, status, *taken));
            }
            What::Did { .. } | What::TheHead(_) | What::Refused(_) | What::Found { .. } | What::Lost { .. } => {}
        }
    }

    fn hold(&mut self, fan: u32, booking: BookingId) -> &mut HoldTale<'a> {
        let hold = self.holds.entry(booking).or_default();
        hold.fan = fan;
        hold
    }

    fn read_hold(&mut self, fan: u32, place: PlaceId, sight: &'a Sight) {
        let changed_ms = sight.changed_at_ms;
        if let Some(shown) = &sight.hold {
            let hold = self.hold(fan, shown.booking_id);
            hold.place = Some(place);
            hold.deadlines.push((sight.server_now_ms, shown.deadline_ms));
            hold.was_open(sight.server_now_ms);
            if changed_ms > 0 {
                hold.from_ms = Some(hold.from_ms.map_or(changed_ms, |from| from.min(changed_ms)));
                if shown.exchange == Some(ExchangeState::Done) {
                    hold.exchanged_ms = Some(hold.exchanged_ms.map_or(changed_ms, |first| first.min(changed_ms)));
                }
            }
        }
        let Some(booking) = sight.booking.filter(|_| is_end(sight.state) && changed_ms > 0) else { return };
        let hold = self.hold(fan, booking);
        match sight.state {
            PlaceState::Booked => hold.booked_ms = Some(hold.booked_ms.map_or(changed_ms, |ms| ms.min(changed_ms))),
            PlaceState::Refunded => hold.refunded_ms = Some(changed_ms),
            state => {
                hold.ended.get_or_insert((state, changed_ms));
            }
        }
    }
}
