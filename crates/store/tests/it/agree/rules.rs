//! The domain's side: what its rules alone say must happen.

use domain::order::{Order, Rank};
use domain::pacing::{Flow, Head, HeadRules, Memory, Now, Recent, Tuning, Window, allowed, wanted};
use domain::sale::Course;

pub const PRESENCE_MS: i64 = 8_000;
pub const GRACE_MS: i64 = 3_000;
pub const TTL_MS: i64 = 6_000;

pub type Key = (Rank, i64);

/// What a holder of the lease remembers during its term.
#[derive(Debug, Default)]
pub struct Desk {
    pub memory: Memory<Key>,
    pub flow: Flow,
    pub recent: Recent,
}

impl Desk {
    /// The head of the line, where `seen` answers when places were last seen.
    pub async fn look(
        &mut self,
        order: &Order,
        tuning: &Tuning,
        now: Now,
        known_since_ms: i64,
        mut seen: impl AsyncFnMut(Vec<i64>) -> crate::world::Result<Vec<i64>>,
    ) -> crate::world::Result<Head<Key>> {
        let rules = HeadRules {
            presence_ms: PRESENCE_MS,
            slack_ms: domain::pacing::CLOCK_SLACK_MS,
            grace_ms: GRACE_MS,
            wanted: wanted(tuning.in_force(now.wall_ms, 1.0, 1.0).knobs.rate_per_minute),
            window: 1_000,
            recheck: 1_000,
            chunk: 16,
        };
        let line = order.iter().map(|entry| ((order.rank(entry), entry), order.is_skipped(entry)));
        let mut look = self.memory.look(rules, now, known_since_ms, line);
        loop {
            let asked: Vec<i64> = look.ask().into_iter().map(|(_, entry)| entry).collect();
            if asked.is_empty() {
                return Ok(look.finish());
            }
            look.heard(Some(&seen(asked).await?));
        }
    }
}

/// The sale as the rules know it.
pub struct Rules {
    pub order: Order,
    pub tuning: Tuning,
    pub course: Course,
    pub lobby_size: Option<i64>,
    pub desk: Desk,
    pub term: i64,
    /// Until when the term lasts without a decision, by Postgres's clock.
    pub until_ms: i64,
    /// Recorded decisions: when, in which term, how many.
    pub ticks: Vec<(i64, i64, u32)>,
    /// Admitted and not gone.
    pub active: u32,
}

impl Rules {
    /// Another term begins.
    pub fn take_office(&mut self, postgres_ms: i64) {
        self.term += 1;
        self.desk = Desk::default();
        self.until_ms = postgres_ms + TTL_MS;
    }

    pub fn has_opened(&self, postgres_ms: i64) -> bool {
        postgres_ms >= self.course.opens_at_ms
    }

    /// Who is let in of the head, and who is skipped.
    pub fn decide(&mut self, head: &Head<Key>, now: Now, postgres_ms: i64) -> (Vec<i64>, Vec<i64>) {
        self.until_ms = postgres_ms + TTL_MS;
        let at_ms = self.ticks.last().map_or(postgres_ms, |(last, ..)| postgres_ms.max(*last));
        let course = Course { paused: self.tuning.held, ..self.course };
        if !course.state(at_ms).admits() || !course.state(now.wall_ms).admits() {
            return (Vec::new(), Vec::new());
        }
        let minute = self
            .ticks
            .iter()
            .filter(|(at, term, _)| *at >= at_ms - 60_001 - if *term == self.term { 0 } else { 5_000 });
        let record = Window {
            last_minute: minute.map(|(.., n)| n).sum(),
            last_second: self.ticks.iter().filter(|(at, ..)| *at >= at_ms - 1_001).map(|(.., n)| n).sum(),
        };
        let window = record.at_least(self.desk.recent.window(now.steady_ms));
        let in_force = self.tuning.in_force(at_ms, 1.0, 1.0).at_most(self.tuning.in_force(now.wall_ms, 1.0, 1.0));
        let count = allowed(in_force, window, self.active, &mut self.desk.flow, at_ms) as usize;
        let entries = |places: &[Key]| places.iter().map(|(_, entry)| *entry).collect::<Vec<_>>();
        let (mut admitted, mut skip) = (entries(&head.candidates), entries(&head.skip));
        admitted.truncate(count);
        skip.sort_unstable();
        self.desk.flow.let_in(admitted.len() as u32);
        self.desk.recent.let_in(now.steady_ms, admitted.len() as u32);
        self.active += admitted.len() as u32;
        if !admitted.is_empty() || !skip.is_empty() {
            self.ticks.push((at_ms, self.term, admitted.len() as u32));
        }
        for entry in &admitted {
            self.order.remove(*entry);
        }
        for entry in &skip {
            self.order.skip(*entry);
        }
        (admitted, skip)
    }
}
