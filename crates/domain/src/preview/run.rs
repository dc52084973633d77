//! One run of a sale in virtual time.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Behaviour, HORIZON_MS, Situation};
use crate::pacing::{Brake, Flow, Reading, Recent, Tuning, Window, allowed, served};

/// As often as the real loop.
const TICK_MS: i64 = 200;

/// As often as the real brake is read.
const BRAKE_MS: i64 = 1_000;

/// No hold lasts longer here, so that what is kept of those to come is bounded.
const HOLD_MAX_MS: u32 = 24 * 3_600_000;

/// The wait of somebody who was not let in.
pub(super) const UNREACHED: u32 = u32::MAX;

/// What came of it.
pub(super) struct Run {
    /// Of those who waited, in order, ascending; [`UNREACHED`] for the rest.
    pub waits_ms: Vec<u32>,
    pub sold_out_ms: Option<i64>,
    pub peak: Window,
    pub peak_active: u32,
}

impl Run {
    /// How many of those who waited were let in.
    pub fn reached(&self) -> u32 {
        self.waits_ms.partition_point(|wait| *wait != UNREACHED) as u32
    }

    /// What this share of those reached waited at most, in seconds.
    pub fn wait_s(&self, share: f64) -> u32 {
        let last = self.reached().saturating_sub(1);
        let wait = self.waits_ms.get((f64::from(last) * share) as usize).copied().unwrap_or(0);
        if wait == UNREACHED { 0 } else { wait / 1_000 }
    }
}

/// What ends in one tick.
#[derive(Default, Clone, Copy)]
struct Ends {
    sold: u32,
    freed: u32,
    places: u32,
}

struct Hall<'b> {
    behaviour: &'b Behaviour,
    chance: StdRng,
    free: u32,
    accessible: u32,
    held: u32,
    active: u32,
    /// Ends to come, by tick, as a ring.
    ends: Vec<Ends>,
    tick: usize,
    standing: VecDeque<u8>,
    standing_seats: u32,
    gather_ticks: usize,
    answer_ms: u32,
    /// How many refused what was left since anybody took seats.
    refused: u32,
    /// Since when free seats are kept for the first who stands.
    gathers_since: Option<usize>,
    /// Who stands on without any kept, in order: they are served first, if what is free is enough.
    gathered: Vec<u8>,
}

/// What becomes of a party that stands.
enum Outcome {
    Seated,
    Gone,
    Waits,
}

impl<'b> Hall<'b> {
    fn new(situation: &Situation<'_>, behaviour: &'b Behaviour, seed: u64) -> Self {
        let longest = [behaviour.lapsed_after, behaviour.paid_after, behaviour.released_after]
            .into_iter()
            .map(|spread| spread.0[10].saturating_add(situation.answer_ms))
            .chain(situation.holding.iter().map(|hold| hold.remaining_ms))
            .fold(0, u32::max)
            .min(HOLD_MAX_MS);
        let mut hall = Self {
            behaviour,
            chance: StdRng::seed_from_u64(seed),
            free: situation.free,
            accessible: situation.accessible,
            held: 0,
            active: (situation.holding.len() + situation.standing.len()) as u32,
            ends: vec![Ends::default(); longest as usize / TICK_MS as usize + 3],
            tick: 0,
            standing: situation.standing.iter().copied().collect(),
            standing_seats: situation.standing.iter().map(|party| u32::from(*party)).sum(),
            gather_ticks: situation.gather_ms as usize / TICK_MS as usize,
            answer_ms: situation.answer_ms,
            refused: 0,
            gathers_since: None,
            gathered: Vec::new(),
        };
        for hold in situation.holding {
            let (pays, lapses, when) = hall.fate();
            let after_ms = if pays || !lapses { f64::from(hold.remaining_ms) * when } else { hold.remaining_ms.into() };
            hall.hold(hold.seats.into(), pays, after_ms as u32);
        }
        hall
    }

    /// Whether somebody pays, else whether the hold lapses; and when within its distribution.
    fn fate(&mut self) -> (bool, bool, f64) {
        let Behaviour { show_up, conversion, lapse, .. } = *self.behaviour;
        let (which, when): (f64, f64) = (self.chance.random(), self.chance.random());
        let released = show_up * (1.0 - conversion) * (1.0 - lapse);
        (which < show_up * conversion, which >= show_up * conversion + released, when)
    }

    fn hold(&mut self, seats: u32, pays: bool, after_ms: u32) {
        let after = (after_ms.min(HOLD_MAX_MS) as usize).div_ceil(TICK_MS as usize).max(1);
        let nth = (self.tick + after) % self.ends.len();
        let ends = &mut self.ends[nth];
        *if pays { &mut ends.sold } else { &mut ends.freed } += seats;
        ends.places += 1;
        self.held += seats;
    }

    /// Ends what is due. Answers whether seats were sold.
    fn end_due(&mut self) -> bool {
        let nth = self.tick % self.ends.len();
        let Ends { sold, freed, places } = std::mem::take(&mut self.ends[nth]);
        self.free += freed;
        self.held -= sold + freed;
        self.active -= places;
        sold > 0
    }

    fn admit(&mut self, party: u8) {
        self.active += 1;
        self.standing_seats += u32::from(party);
        self.standing.push_back(party);
    }

    /// Gives seats to those who stand, in order.
    fn seat(&mut self) {
        let mut gathered = std::mem::take(&mut self.gathered);
        gathered.retain(|party| matches!(self.serve((*party).into()), Outcome::Waits));
        self.gathered = gathered;
        while let Some(party) = self.standing.front().copied() {
            if matches!(self.serve(party.into()), Outcome::Waits) {
                let since = *self.gathers_since.get_or_insert(self.tick);
                if self.free == 0 {
                    self.gathers_since = None;
                    break;
                } else if self.tick - since < self.gather_ticks {
                    break;
                }
                self.gathered.push(party);
            }
            self.gathers_since = None;
            self.standing.pop_front();
            self.standing_seats -= u32::from(party);
        }
    }

    /// Gives a party seats if there are enough, and says what else.
    fn serve(&mut self, party: u32) -> Outcome {
        if self.free == 0 && self.held == 0 {
            self.free = std::mem::take(&mut self.accessible);
        }
        let fits = party <= self.free;
        let released = if self.free == 0 { self.accessible } else { 0 };
        if !fits && party <= self.free + self.held + released {
            return Outcome::Waits;
        }
        // Drawn in any case, so that everybody's chance is the same under another tuning.
        let (pays, lapses, when) = self.fate();
        let (agrees, thinks): (f64, f64) = (self.chance.random(), self.chance.random());
        let seats = party.min(self.free);
        if seats == 0 {
            self.active -= 1;
            return Outcome::Gone;
        }
        let held_for_ms = match (pays, lapses) {
            (true, _) => self.behaviour.paid_after.at(when),
            (false, true) => self.behaviour.lapsed_after.at(when),
            (false, false) => self.behaviour.released_after.at(when),
        };
        // What was measured nowhere is of a sale with another hold's time.
        let held_for_ms = held_for_ms.min(self.behaviour.lapsed_after.0[10]);
        // One after the other here, and as much quicker as more are asked at once.
        let asked_for_ms = if fits { 0 } else { (f64::from(self.answer_ms) * thinks) as u32 / (1 + self.refused) };
        if fits || agrees < self.behaviour.agree {
            self.refused = 0;
            self.free -= seats;
            self.hold(seats, pays, asked_for_ms.saturating_add(held_for_ms));
            return Outcome::Seated;
        }
        self.refused += 1;
        if i64::from(asked_for_ms) < TICK_MS {
            self.active -= 1;
            return Outcome::Gone;
        }
        self.free -= seats;
        self.hold(seats, false, asked_for_ms);
        Outcome::Seated
    }
}

pub(super) fn run(situation: &Situation<'_>, tuning: &Tuning, behaviour: &Behaviour, seed: u64) -> Run {
    let mut hall = Hall::new(situation, behaviour, seed);
    let mut joiners = StdRng::seed_from_u64(!seed);
    let mut brake = if tuning.brake.is_some() { situation.brake } else { Brake::default() };
    let mut flow = Flow::default();
    let mut recent = Recent::default();
    let mut before = situation.recent.to_vec();
    before.sort_unstable();
    for (ago_ms, admitted) in before.into_iter().rev() {
        recent.let_in(-i64::from(ago_ms), admitted);
    }
    let mut run = Run {
        waits_ms: Vec::with_capacity(situation.waiting.len()),
        sold_out_ms: None,
        peak: Window::default(),
        peak_active: hall.active,
    };
    let mut next = 0;
    let mut later: VecDeque<u8> = VecDeque::new();
    let mut joining = 0.0;
    let opens_ms = situation.opens_at_ms.saturating_sub(situation.now_ms);
    let closes_ms = situation.closes_at_ms.saturating_sub(situation.now_ms);
    let goes_on = !tuning.held && !tuning.stopped;
    for tick in 0..=HORIZON_MS / TICK_MS {
        let at_ms = tick * TICK_MS;
        let now_ms = situation.now_ms.saturating_add(at_ms);
        hall.tick = tick as usize;
        if let Some(rules) = tuning.brake.filter(|_| at_ms % BRAKE_MS == 0) {
            brake.read(&rules, Reading { at_ms: now_ms, p99_ms: 0, errors: 0, samples: 0 });
        }
        let sold = hall.end_due();
        hall.seat();
        if hall.free == 0
            && hall.accessible == 0
            && hall.held == 0
            && hall.standing.is_empty()
            && hall.gathered.is_empty()
        {
            run.sold_out_ms = sold.then_some(now_ms);
            break;
        }
        let open = goes_on && at_ms < closes_ms;
        let nobody = next == situation.waiting.len() && behaviour.joins_per_minute <= 0.0;
        if hall.active == 0 && (!open || nobody) {
            break;
        }
        if at_ms < closes_ms {
            joining += behaviour.joins_per_minute.max(0.0) * TICK_MS as f64 / 60_000.0;
            while joining >= 1.0 {
                joining -= 1.0;
                later.push_back((behaviour.mean_party.clamp(1.0, 8.0) + joiners.random::<f64>()) as u8);
            }
        }
        if open && at_ms >= opens_ms {
            let in_force = tuning.in_force(now_ms, behaviour.show_up, brake.factor());
            let most = allowed(in_force, recent.window(at_ms), hall.active, &mut flow, at_ms) as usize;
            let parties = situation.waiting[next..].iter().chain(&later).take(most);
            let count =
                served(hall.free + hall.accessible, hall.standing_seats, parties.map(|party| u32::from(*party)));
            let waited = count.min(situation.waiting.len() - next);
            for party in &situation.waiting[next..next + waited] {
                hall.admit(*party);
            }
            for party in later.drain(..count - waited) {
                hall.admit(party);
            }
            run.waits_ms.resize(next + waited, at_ms as u32);
            next += waited;
            if count > 0 {
                flow.let_in(count as u32);
                recent.let_in(at_ms, count as u32);
                run.peak = run.peak.at_least(recent.window(at_ms));
                run.peak_active = run.peak_active.max(hall.active);
                hall.seat();
            }
        }
    }
    run.waits_ms.resize(situation.waiting.len(), UNREACHED);
    run
}
