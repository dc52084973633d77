//! What this node knows of one event: its mirror, and beside each sale what the mirror alone does not say — its state by the
//! clock, and the pace that was measured.

use std::collections::HashMap;

use contracts::sales::SaleState;
use domain::estimate::{Forecast, Outlook, Range};
use domain::pacing::{Knobs, Tuning};
use domain::sale::State;
use store::feed::Record;
use store::mirror::{EventMirror, SaleMirror};
use uuid::Uuid;

use crate::tempo::Tempo;

/// How often the pace is measured.
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
    tempo: Tempo,
    /// Nothing while no wait can be told.
    forecast: Option<Forecast>,
    measured_at_ms: i64,
    /// The sale's rate that the forecast is of.
    pub rate_version: i64,
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

    /// The time of what is announced in a sale; 0 for nothing.
    pub fn announced_ms(&self, sale: Uuid) -> i64 {
        self.mirror.sales.get(&sale).and_then(|sale| sale.now.announcement.as_ref()).map_or(0, |now| now.at_ms)
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

    const fn admits(&self) -> bool {
        matches!(self.state, SaleState::Open | SaleState::Closing)
    }
}

impl Pulse {
    fn new(sale: &SaleMirror, now_ms: i64) -> Self {
        let phase = Phase::of(sale, now_ms);
        let mut pulse = Self {
            turn: 1,
            changed_at_ms: 0,
            tempo: Tempo::new(&sale.admissions, per_minute(&phase, sale), now_ms),
            phase,
            forecast: None,
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

    /// The wait of a place in the line with so many ahead, where an honest one can be given: not while nobody is let in.
    pub fn wait(&self, ahead: u64) -> Option<Range> {
        self.forecast.as_ref()?.of(ahead).ok()
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
        if turned || self.rate_version != sale.now.rate_version || now_ms - self.measured_at_ms >= MEASURE_EVERY_MS {
            self.measure(sale, now_ms);
        }
        turned
    }

    /// Of the knobs only the rate is known here; a target, a brake or too many active ones show in the measured share of it.
    fn measure(&mut self, sale: &SaleMirror, now_ms: i64) {
        self.measured_at_ms = now_ms;
        self.rate_version = sale.now.rate_version;
        self.tempo.pass(&sale.admissions, per_minute(&self.phase, sale), now_ms);
        self.forecast = self.phase.admits().then(|| {
            let knobs = Knobs { rate_per_minute: sale.now.rate_per_minute, max_active: sale.now.max_active };
            Forecast::new(&Outlook {
                now_ms,
                opens_at_ms: sale.now.opens_at_ms,
                resumes_at_ms: None,
                minutes: &self.tempo.minutes(),
                tuning: &Tuning::new(knobs),
                show_up: 1.0,
                brake: 1.0,
            })
        });
    }
}

/// How many could be let in per minute; nothing while nobody could.
fn per_minute(phase: &Phase, sale: &SaleMirror) -> Option<f64> {
    (phase.admits() && sale.order.waiting() > 0).then(|| f64::from(sale.now.rate_per_minute))
}
