//! What this node knows of one event: its mirror, and beside each sale what the mirror alone does not say — its state by the
//! clock, and the pace that was measured.

use std::collections::HashMap;

use contracts::sales::SaleState;
use domain::sale::State;
use store::feed::Record;
use store::mirror::{EventMirror, SaleMirror};
use uuid::Uuid;

/// Measured admissions count only after a line has stood before open doors for so long; before, the rate that was set.
const MEASURE_AFTER_MS: i64 = 20_000;
/// Over how long admissions are measured at most.
const MEASURE_OVER_MS: i64 = 60_000;
/// How often they are.
const MEASURE_EVERY_MS: i64 = 200;

/// One event as this node knows it.
#[derive(Debug)]
pub struct Board {
    /// The event as of known lane versions.
    pub mirror: EventMirror,
    pulses: HashMap<Uuid, Pulse>,
}

/// A sale's state by the clock.
#[derive(Debug)]
pub struct Pulse {
    /// What everybody in the sale is told of it.
    phase: Phase,
    /// Counts changes of the phase: a socket that showed another turn is due.
    pub turn: u64,
    /// When the last of them was decided; 0 where none is meant.
    pub changed_at_ms: i64,
    /// How many are let in per second, where that can be said.
    pub per_second: Option<f64>,
    /// Since when a line has stood before open doors at the same settings.
    busy_since_ms: i64,
    measured_at_ms: i64,
    rate_version: i64,
    /// The mirror's time of its last change of settings, to tell a decision from the clock's doing.
    settings_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Phase {
    state: SaleState,
    pause_reason: Option<String>,
    opens_at_ms: i64,
}

const fn told(state: State) -> SaleState {
    match state {
        State::Scheduled => SaleState::Scheduled,
        State::Lobby => SaleState::Lobby,
        State::Drawing => SaleState::Drawing,
        State::Open => SaleState::Open,
        State::Paused => SaleState::Paused,
        State::Closing => SaleState::Closing,
        State::Closed => SaleState::Closed,
        State::SoldOut => SaleState::SoldOut,
    }
}

impl Board {
    /// A board from a first snapshot.
    pub fn new(mirror: EventMirror, now_ms: i64) -> Self {
        let mut board = Self { mirror, pulses: HashMap::new() };
        board.beat(now_ms);
        board
    }

    /// Goes on with a newer snapshot. Everybody is due, since nobody knows what changed.
    pub fn reload(&mut self, mirror: EventMirror, now_ms: i64) {
        self.mirror = mirror;
        for pulse in self.pulses.values_mut() {
            pulse.turn += 1;
            pulse.changed_at_ms = 0;
        }
        self.beat(now_ms);
    }

    /// Applies what was applied to the follower's own mirror.
    pub fn keep_up(&mut self, original: &EventMirror, records: &[Record]) {
        self.mirror.keep_up(original, records);
    }

    /// A sale's state by the clock.
    pub fn pulse(&self, sale: Uuid) -> Option<&Pulse> {
        self.pulses.get(&sale)
    }

    /// Looks at the clock: states, and the measured pace. Answers whether some sale's state changed.
    pub fn beat(&mut self, now_ms: i64) -> bool {
        let mut turned = false;
        for (id, sale) in &self.mirror.sales {
            match self.pulses.get_mut(id) {
                Some(pulse) => turned |= pulse.beat(sale, now_ms),
                None => {
                    self.pulses.insert(*id, Pulse::new(sale, now_ms));
                }
            }
        }
        turned
    }

    /// The next moment at which some sale opens or closes by itself.
    pub fn next_boundary_ms(&self, now_ms: i64) -> Option<i64> {
        let moments = self.mirror.sales.values().flat_map(|sale| sale.course().moments_ms());
        moments.filter(|at| *at > now_ms).min()
    }
}

impl Phase {
    fn of(sale: &SaleMirror, now_ms: i64) -> Self {
        let state = told(sale.state(now_ms));
        let pause_reason = sale.now.pause_reason.clone().filter(|_| state == SaleState::Paused);
        Self { state, pause_reason, opens_at_ms: sale.now.opens_at_ms }
    }
}

impl Pulse {
    fn new(sale: &SaleMirror, now_ms: i64) -> Self {
        let mut pulse = Self {
            phase: Phase::of(sale, now_ms),
            turn: 1,
            changed_at_ms: 0,
            per_second: None,
            // A line that stands when we come is taken to have stood for as long as is measured.
            busy_since_ms: match sale.order.waiting() {
                0 => now_ms,
                _ => sale.now.opens_at_ms.max(now_ms - MEASURE_OVER_MS),
            },
            measured_at_ms: 0,
            rate_version: sale.now.rate_version,
            settings_at_ms: sale.changed_at_ms,
        };
        pulse.measure(sale, now_ms);
        pulse
    }

    /// What the sale is doing.
    pub const fn state(&self) -> SaleState {
        self.phase.state
    }

    const fn admits(&self) -> bool {
        matches!(self.phase.state, SaleState::Open | SaleState::Closing)
    }

    /// Why it is paused, while it is.
    pub fn pause_reason(&self) -> Option<String> {
        self.phase.pause_reason.clone()
    }

    fn beat(&mut self, sale: &SaleMirror, now_ms: i64) -> bool {
        let phase = Phase::of(sale, now_ms);
        let decided = std::mem::replace(&mut self.settings_at_ms, sale.changed_at_ms) != sale.changed_at_ms;
        let turned = phase != self.phase;
        if turned {
            self.turn += 1;
            self.changed_at_ms = match phase.state {
                _ if decided => sale.changed_at_ms,
                // The clock alone changed it.
                _ => sale.course().moments_ms().into_iter().filter(|at_ms| *at_ms <= now_ms).max().unwrap_or(0),
            };
            self.phase = phase;
        }
        let fresh = turned || self.rate_version != sale.now.rate_version;
        if fresh || !self.admits() || sale.order.waiting() == 0 {
            self.busy_since_ms = now_ms;
        }
        if fresh || now_ms - self.measured_at_ms >= MEASURE_EVERY_MS {
            self.measure(sale, now_ms);
        }
        turned
    }

    fn measure(&mut self, sale: &SaleMirror, now_ms: i64) {
        self.measured_at_ms = now_ms;
        self.rate_version = sale.now.rate_version;
        let busy_ms = now_ms - self.busy_since_ms;
        self.per_second = if !self.admits() {
            None
        } else if busy_ms < MEASURE_AFTER_MS {
            Some(f64::from(sale.now.rate_per_minute) / 60.0)
        } else {
            let over_ms = busy_ms.min(MEASURE_OVER_MS);
            let admitted: u32 = sale.admissions.iter().filter(|(at, _)| *at > now_ms - over_ms).map(|(_, n)| n).sum();
            (admitted > 0).then(|| f64::from(admitted) * 1_000.0 / over_ms as f64)
        };
    }
}
