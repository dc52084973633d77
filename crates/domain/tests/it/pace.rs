//! A line with fans who come, go silent, come back and leave, while rates, pauses, leases and clocks change: nobody passes a
//! present place, and no rolling minute has more than the highest rate in force in it.

use std::collections::{BTreeMap, BTreeSet};

use domain::pacing::{
    Between, CLOCK_SLACK_MS, Flow, HeadRules, Knobs, Memory, Now, Ramp, Recent, Step, Tuning, Window, allowed,
    in_order, wanted,
};
use proptest::prelude::*;

const TICK_MS: i64 = 200;
/// True time begins here, in milliseconds since 1970.
const BEGIN_MS: i64 = 1_000_000_000;

#[derive(Debug, Clone)]
enum Event {
    Join(u8),
    Leave(u8),
    /// From now on this many in a hundred of the fans are silent.
    Silence(u8),
    /// Every silent fan among one in three gives signs again.
    Return,
    Rate(u32),
    Target(Option<u32>),
    Ramp(u32, u32),
    Hold(bool),
    Brake(bool),
    /// Another holder, who remembers nothing.
    NewLease,
    /// The holder's clock, the noting node's or the record's is off by so much from now on.
    Clock(u8, i64),
    /// Signs cannot be read for a tick.
    Blind,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1u8..60).prop_map(Event::Join),
        2 => any::<u8>().prop_map(Event::Leave),
        2 => (0u8..90).prop_map(Event::Silence),
        2 => Just(Event::Return),
        1 => (1u32..1_500).prop_map(Event::Rate),
        1 => prop::option::of(1u32..1_500).prop_map(Event::Target),
        1 => (1u32..1_500, 1u32..1_500).prop_map(|(a, b)| Event::Ramp(a, b)),
        1 => any::<bool>().prop_map(Event::Hold),
        1 => any::<bool>().prop_map(Event::Brake),
        1 => Just(Event::NewLease),
        2 => (0u8..3, -5_000i64..=5_000).prop_map(|(who, by)| Event::Clock(who, by)),
        1 => Just(Event::Blind),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Fan {
    silent: bool,
    /// The last sign in true time, and as noted.
    sign_ms: i64,
    noted_ms: i64,
    skipped: bool,
    /// Since when, in true time, signs have come without a break longer than the presence window.
    present_since_ms: i64,
    /// Since when, in true time, every tick has passed it over.
    passed_since_ms: Option<i64>,
}

struct World {
    rules: HeadRules,
    now_ms: i64,
    fans: BTreeMap<i64, Fan>,
    last: i64,
    tuning: Tuning,
    brake: f64,
    memory: Memory<i64>,
    flow: Flow,
    recent: Recent,
    /// The record: its clock never goes back.
    ticks: Vec<(i64, u32)>,
    clocks: [i64; 3],
    blind: bool,
    /// In true time: admissions, and the highest rate in force since the tick before.
    truth: Vec<(i64, u32, u32)>,
    lease_ms: i64,
    /// When the record's clock was last wrong.
    record_off_ms: i64,
    /// What a guard taken away changes.
    without: Without,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    Slack,
    Recent,
    SteadyGrace,
}

impl World {
    fn new(recheck: usize, without: Without) -> Self {
        let slack_ms = if without == Without::Slack { 1_000 } else { CLOCK_SLACK_MS };
        Self {
            rules: HeadRules {
                presence_ms: 8_000,
                slack_ms,
                grace_ms: 6_000,
                wanted: 0,
                window: 40,
                recheck,
                chunk: 16,
            },
            now_ms: BEGIN_MS,
            fans: BTreeMap::new(),
            last: 0,
            tuning: Tuning::new(Knobs { rate_per_minute: 300, max_active: u32::MAX }),
            brake: 1.0,
            memory: Memory::default(),
            flow: Flow::default(),
            recent: Recent::default(),
            ticks: Vec::new(),
            clocks: [0; 3],
            blind: false,
            truth: Vec::new(),
            lease_ms: BEGIN_MS,
            record_off_ms: 0,
            without,
        }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Join(n) => {
                for _ in 0..n {
                    self.last += 1;
                    let noted_ms = (self.now_ms + self.clocks[1]) / 1_000 * 1_000;
                    let (sign_ms, present_since_ms) = (self.now_ms, self.now_ms);
                    self.fans.insert(
                        self.last,
                        Fan {
                            silent: false,
                            sign_ms,
                            noted_ms,
                            skipped: false,
                            present_since_ms,
                            passed_since_ms: None,
                        },
                    );
                }
            }
            Event::Leave(n) => {
                let gone = self.fans.keys().nth(usize::from(n) % self.fans.len().max(1)).copied();
                self.fans.retain(|entry, _| Some(*entry) != gone);
            }
            Event::Silence(percent) => {
                for (entry, fan) in &mut self.fans {
                    fan.silent |= (entry * 37) % 100 < i64::from(percent);
                }
            }
            Event::Return => {
                self.fans.iter_mut().filter(|(entry, _)| *entry % 3 == 0).for_each(|(_, f)| f.silent = false);
            }
            Event::Rate(rate) => self.tuning.rate_per_minute = rate,
            Event::Target(target) => self.tuning.target_per_minute = target,
            Event::Ramp(a, b) => {
                let steps = [(1_000, a), (9_000, b)]
                    .map(|(by, rate_per_minute)| Step { at_ms: self.now_ms + by, rate_per_minute });
                self.tuning.ramp = Ramp::new(steps.to_vec(), Between::Linear).unwrap();
            }
            Event::Hold(held) => self.tuning.held = held,
            Event::Brake(on) => self.brake = if on { 0.25 } else { 1.0 },
            Event::NewLease => {
                self.memory = Memory::default();
                self.flow = Flow::default();
                self.recent = Recent::default();
                self.lease_ms = self.now_ms;
            }
            Event::Clock(who, by) => {
                self.clocks[usize::from(who)] = by;
            }
            Event::Blind => self.blind = true,
        }
    }

    /// A tick as the holder does it; answers who went in, and who was to be skipped.
    fn tick(&mut self) -> (Vec<i64>, Vec<i64>) {
        self.now_ms += TICK_MS;
        // Everybody not silent gives a sign within any two seconds.
        for (entry, fan) in &mut self.fans {
            if !fan.silent && (self.now_ms / TICK_MS + entry) % 10 == 0 {
                if self.now_ms - fan.sign_ms >= self.rules.presence_ms {
                    fan.present_since_ms = self.now_ms;
                }
                fan.sign_ms = self.now_ms;
                fan.noted_ms = (self.now_ms + self.clocks[1]) / 1_000 * 1_000;
            }
        }
        let steady_ms = match self.without {
            Without::SteadyGrace => self.now_ms + self.clocks[0],
            _ => self.now_ms - BEGIN_MS,
        };
        let now = Now { wall_ms: self.now_ms + self.clocks[0], steady_ms };
        let in_force = self.tuning.in_force(self.now_ms, 0.8, self.brake);
        let rules = HeadRules { wanted: wanted(in_force.knobs.rate_per_minute), ..self.rules };
        let waiting: Vec<_> = self.fans.iter().filter(|(_, fan)| !fan.skipped).map(|(entry, _)| *entry).collect();
        let skipped: BTreeSet<_> = self.fans.iter().filter(|(_, fan)| fan.skipped).map(|(entry, _)| *entry).collect();
        let mut look = self.memory.look(rules, now, 0, in_order(waiting, skipped));
        let blind = std::mem::take(&mut self.blind);
        loop {
            let places = look.ask();
            if places.is_empty() {
                break;
            }
            let seen: Vec<_> = places.iter().map(|place| self.fans[place].noted_ms).collect();
            look.heard((!blind).then_some(&seen[..]));
        }
        let head = look.finish();
        let passed: BTreeSet<_> = head.passed_over.iter().map(|passed| passed.place).collect();
        for (entry, fan) in &mut self.fans {
            fan.passed_since_ms = passed.contains(entry).then(|| fan.passed_since_ms.unwrap_or(self.now_ms));
        }
        // The record's clock never goes back behind its last tick.
        let at_ms = (self.now_ms + self.clocks[2]).max(self.ticks.last().map_or(0, |(at, _)| *at));
        if self.clocks[2] != 0 {
            self.record_off_ms = self.now_ms;
        }
        let sum = |span: i64| self.ticks.iter().filter(|(at, _)| *at >= at_ms - span).map(|(_, n)| n).sum();
        let record = Window { last_minute: sum(60_001), last_second: sum(1_001) };
        let own = self.recent.window(now.steady_ms);
        let window = if self.without == Without::Recent { record } else { record.at_least(own) };
        let count = allowed(in_force, window, 0, &mut self.flow, now.steady_ms) as usize;
        let admitted: Vec<_> = head.candidates.into_iter().take(count).collect();
        let count = admitted.len() as u32;
        self.flow.let_in(count);
        self.recent.let_in(now.steady_ms, count);
        self.ticks.push((at_ms, count));
        let highest = self.tuning.ramp.highest(self.tuning.rate_per_minute, self.now_ms - TICK_MS, self.now_ms);
        self.truth.push((self.now_ms, count, highest));
        for place in &head.skip {
            self.fans.get_mut(place).unwrap().skipped = true;
        }
        (admitted, head.skip)
    }

    /// Judged by true time and a plain scan, knowing nothing of memory, windows or turns.
    fn judge(&mut self, admitted: &[i64], skip: &[i64]) -> Result<(), TestCaseError> {
        prop_assert!(admitted.is_sorted());
        // With more away than are asked about in a tick, one who comes back is noticed after so many turns.
        let turns = (self.fans.len() / self.rules.recheck) as i64;
        let late_ms = if turns == 0 { 0 } else { (turns + 2) * TICK_MS };
        if let Some(last) = admitted.last() {
            for (entry, fan) in self.fans.range(..last).filter(|(entry, _)| !admitted.contains(entry)) {
                let present = fan.sign_ms > self.now_ms - self.rules.presence_ms;
                let noticed = self.now_ms - fan.present_since_ms >= late_ms;
                let ago_ms = self.now_ms - fan.sign_ms;
                prop_assert!(!(present && noticed), "{last} passed {entry}, seen {ago_ms} ms before");
            }
        }
        for place in skip {
            let fan = self.fans[place];
            let passed_ms = self.now_ms - fan.passed_since_ms.unwrap_or(self.now_ms);
            prop_assert!(passed_ms >= self.rules.grace_ms, "{place} was skipped {passed_ms} ms into its grace");
            let silent_ms = self.now_ms - fan.sign_ms;
            prop_assert!(silent_ms >= self.rules.presence_ms, "{place} was skipped after {silent_ms} ms of silence");
        }
        let minute: Vec<_> = self.truth.iter().filter(|(at, ..)| *at > self.now_ms - 60_000).collect();
        let count: u32 = minute.iter().map(|(_, n, _)| n).sum();
        let highest = minute.iter().map(|(.., rate)| *rate).max().unwrap_or(0);
        // Both witnesses have to fail at once: a new holder, and the record's clock off.
        let alone = self.now_ms - self.lease_ms < 70_000 && self.now_ms - self.record_off_ms < 70_000;
        let both_fail = self.lease_ms > BEGIN_MS && alone;
        prop_assert!(both_fail || count <= highest, "{count} in a minute with at most {highest}");
        prop_assert!(!self.tuning.held || admitted.is_empty());
        self.fans.retain(|entry, _| !admitted.contains(entry));
        Ok(())
    }
}

fn run(events: &[(u8, Event)], recheck: usize, without: Without) -> Result<(), TestCaseError> {
    let mut world = World::new(recheck, without);
    world.happen(&Event::Join(50));
    for (ticks, event) in events {
        world.happen(event);
        for _ in 0..*ticks {
            let (admitted, skip) = world.tick();
            world.judge(&admitted, &skip)?;
        }
    }
    // Faults end: the line moves again, whoever is silent at its head.
    for event in [Event::Clock(0, 0), Event::Clock(2, 0), Event::Hold(false), Event::Brake(false), Event::Target(None)]
    {
        world.happen(&event);
    }
    let mut moved = !world.fans.values().any(|fan| !fan.silent);
    for _ in 0..75_000 / TICK_MS {
        let (admitted, skip) = world.tick();
        world.judge(&admitted, &skip)?;
        moved |= !admitted.is_empty();
    }
    prop_assert!(moved, "the line stands still");
    Ok(())
}

fn schedule() -> impl Strategy<Value = Vec<(u8, Event)>> {
    prop::collection::vec((0u8..60, event()), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_passes_a_present_place_and_no_minute_has_too_many(events in schedule()) {
        run(&events, 100_000, Without::Nothing)?;
    }

    /// With few questions a tick the same holds, but for the turns it takes to ask about everybody who was away.
    #[test]
    fn neither_with_few_questions_a_tick(events in schedule(), recheck in 5usize..60) {
        run(&events, recheck, Without::Nothing)?;
    }
}

/// The fault that a schedule shows.
fn fault(events: &[(u8, Event)], without: Without) -> Option<String> {
    run(events, 100_000, without).err().map(|fault| fault.to_string())
}

/// Breaks with the guard away, and with nothing else.
fn needs(without: Without, told: &str, events: &[(u8, Event)]) {
    assert_eq!(fault(events, Without::Nothing), None);
    let fault = fault(events, without).expect("the guard is not needed");
    assert!(fault.contains(told), "{fault}");
}

#[test]
fn present_fans_are_passed_without_slack() {
    let events = [(20, Event::Clock(1, -5_000)), (1, Event::Rate(60)), (40, Event::Clock(0, 2_000))];
    needs(Without::Slack, "passed", &events);
}

#[test]
fn a_stepped_clock_breaks_the_cap_without_the_second_window() {
    let mut events = vec![(1, Event::Rate(120))];
    events.extend((0..28).map(|_| (10, Event::Join(30))));
    events.push((100, Event::Clock(2, 5_000)));
    needs(Without::Recent, "in a minute", &events);
}

#[test]
fn a_stepped_clock_shortens_the_grace_without_steady_time() {
    let events = [(0, Event::Rate(1)), (97, Event::Silence(90)), (20, Event::Clock(0, 5_000))];
    needs(Without::SteadyGrace, "into its grace", &events);
}
