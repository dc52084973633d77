//! Who is next: the head of the line, who of it is present, who is absent and since when.
//!
//! Two clocks come in. *Wall* time is compared with the signs of life that other nodes noted by theirs; whatever the clocks
//! do to each other within `slack_ms` makes nobody absent who is present. *Steady* time, which never goes back, measures how
//! long somebody has been absent, so that a stepped clock shortens nobody's grace.

/// The slack that covers two clocks, each five seconds off, one ahead and one behind, and signs noted in whole seconds.
pub const CLOCK_SLACK_MS: i64 = 11_000;

/// How the head is read. Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadRules {
    /// For so long a sign of life makes present.
    pub presence_ms: i64,
    /// Added to it for what clocks may differ by; see [`CLOCK_SLACK_MS`].
    pub slack_ms: i64,
    /// For so long an absent fan keeps the next chance before being skipped.
    pub grace_ms: i64,
    /// As many candidates are enough; see [`wanted`].
    pub wanted: usize,
    /// At most so many waiting places are asked about in a tick that were not absent in the one before; at least 1.
    pub window: usize,
    /// At most so many places known to be absent are asked about again in a tick, and as many skipped ones of whom nothing is
    /// known, as after a change of office; at least 1.
    pub recheck: usize,
    /// At most so many are asked about at once.
    pub chunk: usize,
}

/// As many candidates as a second may let in at this rate, and some to spare.
#[must_use]
pub const fn wanted(rate_per_minute: u32) -> usize {
    rate_per_minute as usize / 30 + 8
}

/// The time on two clocks, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since 1970, by a clock that may be stepped.
    pub wall_ms: i64,
    /// By one that never goes back.
    pub steady_ms: i64,
}

/// A place that candidates behind it pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed<K> {
    /// The place.
    pub place: K,
    /// When its fan was last seen, in milliseconds since 1970, 0 for never.
    pub last_seen_ms: i64,
    /// Whether a decision noted just that before; see [`Memory::note_before`].
    pub noted: bool,
}

/// What a tick found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<K> {
    /// Present places in order.
    pub candidates: Vec<K>,
    /// Waiting places whose grace is over: to be skipped.
    pub skip: Vec<K>,
    /// Absent places in order, those to be skipped and those skipped before included.
    pub passed_over: Vec<Passed<K>>,
}

#[derive(Debug, Clone, Copy)]
struct Away {
    /// Since when, in steady time.
    since_ms: i64,
    last_seen_ms: i64,
    noted: bool,
}

/// What the holder of the pacing lease remembers between ticks; a new holder begins with none, which only starts every grace
/// anew. `K` is what orders the line: an entry, or a class and a number.
#[derive(Debug, Clone)]
pub struct Memory<K> {
    /// Absent places in order.
    away: Vec<(K, Away)>,
    /// Up to here they were asked about again; from the first on, if nothing.
    cursor: Option<K>,
    /// When signs could last not be read, in steady time.
    blind_ms: Option<i64>,
}

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self { away: Vec::new(), cursor: None, blind_ms: None }
    }
}

impl<K: Ord + Copy> Memory<K> {
    /// Begins a tick. `line` is everybody who may be let in, with whether they are skipped, ascending ([`in_order`] merges the
    /// two). What was noted before `known_since_ms`, in wall time, says nothing: the copy of the signs was made anew then.
    pub fn look<L: Iterator<Item = (K, bool)>>(
        &mut self,
        rules: HeadRules,
        now: Now,
        known_since_ms: i64,
        line: L,
    ) -> Look<'_, K, L> {
        let trust_ms = rules.presence_ms.saturating_add(rules.slack_ms);
        // For a presence window after signs were lost or could not be read, unknown means present.
        let trusting = known_since_ms.saturating_add(trust_ms) > now.wall_ms
            || self.blind_ms.is_some_and(|blind| blind.saturating_add(trust_ms) > now.steady_ms);
        let before = if trusting { Vec::new() } else { std::mem::take(&mut self.away) };
        Look {
            rules,
            now,
            line,
            trusting,
            blind: false,
            before,
            nth: 0,
            due: rules.recheck,
            cursor: None,
            unknown_waiting: rules.window,
            unknown_skipped: rules.recheck,
            over: false,
            size: rules.wanted.clamp(1, rules.chunk.max(1)),
            walked: Vec::new(),
            away: Vec::new(),
            head: Head { candidates: Vec::new(), skip: Vec::new(), passed_over: Vec::new() },
            memory: self,
        }
    }

    /// A decision that was committed noted of whom it knew to be absent before `place`: that needs no noting again, until they
    /// were seen once more. Otherwise every decision would repeat all who ever went away.
    pub fn note_before(&mut self, place: K) {
        let before = self.away.partition_point(|(away, _)| *away < place);
        self.away[..before].iter_mut().for_each(|(_, away)| away.noted = true);
    }
}

#[derive(Debug, Clone, Copy)]
struct Walked<K> {
    place: K,
    skipped: bool,
    known: Option<Away>,
    ask: bool,
}

/// One tick's look at the head: [`Look::ask`], find out, [`Look::heard`], until there is nothing more to ask; then
/// [`Look::finish`]. Dropped before that, it leaves the memory empty.
///
/// The questions of a tick are bounded, yet however many of the head are absent, the line behind them is reached: places known
/// to be absent are asked about again by turns and otherwise remembered, so that each tick looks further. One who comes back is
/// noticed in the next tick while at most `recheck` are away, and otherwise within as many ticks as asking about all of them
/// takes. Nobody is passed over whom this holder has not asked about.
#[derive(Debug)]
pub struct Look<'m, K, L> {
    rules: HeadRules,
    now: Now,
    line: L,
    trusting: bool,
    blind: bool,
    /// Who was away before, and how far the walk has come among them.
    before: Vec<(K, Away)>,
    nth: usize,
    due: usize,
    cursor: Option<K>,
    unknown_waiting: usize,
    unknown_skipped: usize,
    /// The walk ended: nobody is left, or no more questions are.
    over: bool,
    size: usize,
    walked: Vec<Walked<K>>,
    away: Vec<(K, Away)>,
    head: Head<K>,
    memory: &'m mut Memory<K>,
}

impl<K: Ord + Copy, L: Iterator<Item = (K, bool)>> Look<'_, K, L> {
    /// The places whose last sign of life is to be asked now; none when the tick has seen enough.
    pub fn ask(&mut self) -> Vec<K> {
        let mut asked = Vec::new();
        if self.head.candidates.len() >= self.rules.wanted {
            return asked;
        }
        while asked.len() < self.size && !self.over {
            let Some((place, skipped)) = self.line.next() else {
                self.over = true;
                break;
            };
            while self.before.get(self.nth).is_some_and(|(away, _)| *away < place) {
                self.nth += 1;
            }
            let known = self.before.get(self.nth).filter(|(away, _)| *away == place).map(|(_, away)| *away);
            let ask = match known {
                None => {
                    let left = if skipped { &mut self.unknown_skipped } else { &mut self.unknown_waiting };
                    let Some(fewer) = left.checked_sub(1) else {
                        self.over = true;
                        break;
                    };
                    *left = fewer;
                    true
                }
                Some(_) if self.due == 0 || self.memory.cursor.is_some_and(|cursor| place <= cursor) => false,
                Some(_) => {
                    self.due -= 1;
                    self.cursor = Some(place);
                    true
                }
            };
            if ask {
                asked.push(place);
            }
            self.walked.push(Walked { place, skipped, known, ask });
        }
        // The head is mostly absent: fewer and larger questions.
        self.size = self.size.saturating_mul(2).min(self.rules.chunk.max(1));
        asked
    }

    /// When each of the places just asked about was last seen, in their order, in milliseconds since 1970, 0 for never;
    /// nothing if that could not be read, which makes everybody present.
    pub fn heard(&mut self, last_seen_ms: Option<&[i64]>) {
        self.blind |= last_seen_ms.is_none();
        let mut signs = last_seen_ms.unwrap_or_default().iter().copied();
        for Walked { place, skipped, known, ask } in std::mem::take(&mut self.walked) {
            if let Some(away) = known.filter(|_| !ask) {
                self.away.push((place, away));
                self.head.passed_over.push(Passed { place, last_seen_ms: away.last_seen_ms, noted: away.noted });
                continue;
            }
            let Some(last_seen_ms) = signs.next().filter(|at| !self.is_present(*at)) else {
                self.head.candidates.push(place);
                continue;
            };
            let since_ms = known.map_or(self.now.steady_ms, |away| away.since_ms);
            let noted = known.is_some_and(|away| away.noted && away.last_seen_ms == last_seen_ms);
            self.away.push((place, Away { since_ms, last_seen_ms, noted }));
            self.head.passed_over.push(Passed { place, last_seen_ms, noted });
            if !skipped && self.now.steady_ms.saturating_sub(since_ms) >= self.rules.grace_ms {
                self.head.skip.push(place);
            }
        }
    }

    /// A sign from the future is a sign: of a clock that is ahead, or before this one was set back.
    fn is_present(&self, at_ms: i64) -> bool {
        let until_ms = at_ms.saturating_add(self.rules.presence_ms).saturating_add(self.rules.slack_ms);
        self.trusting || until_ms > self.now.wall_ms
    }

    /// Ends the tick.
    #[must_use]
    pub fn finish(mut self) -> Head<K> {
        // The rest of the walk came upon nobody to ask about; what was asked and not answered is as if it had not been.
        self.walked.retain(|walked| !walked.ask);
        self.heard(Some(&[]));
        let Self { memory, away, .. } = self;
        if self.blind {
            *memory = Memory { blind_ms: Some(self.now.steady_ms), ..Memory::default() };
        } else {
            // At the end of those away the turns begin anew.
            let more = |cursor: &K| self.due == 0 && away.last().is_some_and(|(last, _)| cursor < last);
            memory.cursor = self.cursor.filter(more);
            memory.away = away;
        }
        self.head
    }
}

/// Waiting and skipped places, each ascending, as one line in order, with whether they are skipped.
pub fn in_order<K: Ord + Copy>(
    waiting: impl IntoIterator<Item = K>,
    skipped: impl IntoIterator<Item = K>,
) -> impl Iterator<Item = (K, bool)> {
    let mut waiting = waiting.into_iter().peekable();
    let mut skipped = skipped.into_iter().peekable();
    std::iter::from_fn(move || {
        let skipped_first = match (skipped.peek(), waiting.peek()) {
            (Some(skipped), Some(waiting)) => skipped < waiting,
            (skipped, _) => skipped.is_some(),
        };
        if skipped_first {
            skipped.next().map(|place| (place, true))
        } else {
            waiting.next().map(|place| (place, false))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: HeadRules = HeadRules {
        presence_ms: 20_000,
        slack_ms: 1_000,
        grace_ms: 10_000,
        wanted: 3,
        window: 100,
        recheck: 100,
        chunk: 50,
    };

    /// One tick at `now_ms` on both clocks; `seen` answers for a place.
    fn tick(
        memory: &mut Memory<i64>,
        rules: HeadRules,
        now_ms: i64,
        line: &[(i64, bool)],
        seen: impl Fn(i64) -> i64,
    ) -> (Head<i64>, usize) {
        let now = Now { wall_ms: now_ms, steady_ms: now_ms };
        let mut look = memory.look(rules, now, 0, line.iter().copied());
        let mut asked = 0;
        loop {
            let places = look.ask();
            if places.is_empty() {
                break (look.finish(), asked);
            }
            asked += places.len();
            look.heard(Some(&places.iter().map(|place| seen(*place)).collect::<Vec<_>>()));
        }
    }

    fn waiting(places: impl IntoIterator<Item = i64>) -> Vec<(i64, bool)> {
        places.into_iter().map(|place| (place, false)).collect()
    }

    #[test]
    fn skipped_and_waiting_places_come_in_order() {
        let line: Vec<_> = in_order([3, 5, 7, 8], [1, 2, 6, 9]).collect();
        assert_eq!(line.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7, 8, 9]);
        assert_eq!(line.iter().filter(|(_, skipped)| *skipped).count(), 4);
        assert_eq!(in_order([1], []).chain(in_order([], [2])).collect::<Vec<_>>(), [(1, false), (2, true)]);
    }

    #[test]
    fn an_absent_fan_keeps_the_next_chance_for_the_grace_and_is_next_on_return() {
        let mut memory = Memory::default();
        let away = |now: i64| move |place: i64| if place == 1 { 0 } else { now };
        for now in [100_000, 105_000, 109_999] {
            let (head, _) = tick(&mut memory, RULES, now, &waiting(1..9), away(now));
            assert_eq!((&head.candidates[..3], &head.skip[..]), (&[2, 3, 4][..], &[][..]));
            assert_eq!(head.passed_over, [Passed { place: 1, last_seen_ms: 0, noted: false }]);
        }
        let (head, _) = tick(&mut memory, RULES, 110_000, &waiting(1..9), away(110_000));
        assert_eq!(head.skip, [1]);
        let skipped: Vec<_> = in_order(2..9, [1]).collect();
        let (head, _) = tick(&mut memory, RULES, 110_200, &skipped, away(110_200));
        assert_eq!((head.candidates[0], head.skip.len(), head.passed_over.len()), (2, 0, 1));
        let (head, _) = tick(&mut memory, RULES, 110_400, &skipped, |_| 110_400);
        assert_eq!((head.candidates[0], head.passed_over.len()), (1, 0));
    }

    #[test]
    fn an_absence_is_noted_once_until_a_new_sign_of_life() {
        let mut memory = Memory::default();
        let line = waiting(1..9);
        let mut noted = |now: i64, seen_ms: i64, before: Option<i64>| {
            let seen = |place: i64| if place == 3 { now } else { seen_ms };
            let (head, _) = tick(&mut memory, RULES, now, &line[..4], seen);
            if let Some(place) = before {
                memory.note_before(place);
            }
            head.passed_over.iter().map(|passed| (passed.place, passed.noted)).collect::<Vec<_>>()
        };
        assert_eq!(noted(100_000, 0, None), [(1, false), (2, false), (4, false)]);
        assert_eq!(noted(100_200, 0, Some(3)), [(1, false), (2, false), (4, false)], "no decision was made");
        assert_eq!(noted(100_400, 0, None), [(1, true), (2, true), (4, false)]);
        assert_eq!(noted(100_600, 50_000, None), [(1, false), (2, false), (4, false)], "seen, and gone again");
    }

    #[test]
    fn however_many_are_absent_the_line_behind_is_reached_with_bounded_work() {
        let rules = HeadRules { window: 500, recheck: 100, chunk: 64, ..RULES };
        let seen = |place: i64| if place > 4_000 || place == 77 { 100_000 } else { 0 };
        let mut memory = Memory::default();
        let mut line = waiting(1..5_000);
        line[76].1 = true;
        let mut reached = None;
        for nth in 0..60 {
            let seen = |place: i64| if place == 77 && nth < 20 { 0 } else { seen(place) };
            let (head, asked) = tick(&mut memory, rules, 100_000 + nth * 200, &line, seen);
            assert!(asked <= 600, "{asked} asked");
            if head.candidates.first() == Some(&4_001) {
                reached.get_or_insert(nth);
            }
            if head.candidates.first() == Some(&77) {
                assert!((20..20 + 41).contains(&nth), "noticed after {nth}");
                assert!(reached.is_some_and(|at| at <= 8));
                return;
            }
        }
        panic!("the one who came back was not noticed");
    }

    #[test]
    fn a_new_holder_soon_knows_however_many_were_skipped() {
        let rules = HeadRules { window: 10, recheck: 1_000, ..RULES };
        let line: Vec<_> = in_order(10_001..10_100, 1..=10_000).collect();
        let mut memory = Memory::default();
        for nth in 0..=10 {
            let (head, _) =
                tick(&mut memory, rules, 100_000 + nth * 200, &line, |place| if place > 9_999 { 100_000 } else { 0 });
            // Nobody is passed unasked, and who came back is next.
            assert_eq!(head.candidates.first(), if nth < 9 { None } else { Some(&10_000) }, "{nth}");
            assert!(head.passed_over.len() <= 1_000 * (nth as usize + 1));
        }
    }

    #[test]
    fn everybody_away_is_remembered_to_the_end_of_the_line() {
        let rules = HeadRules { wanted: 5, recheck: 5, ..RULES };
        let (mut memory, mut skipped) = (Memory::default(), std::collections::BTreeSet::new());
        for nth in 0..80 {
            let (head, _) = tick(&mut memory, rules, 100_000 + nth * 200, &waiting(1..=40), |_| 0);
            assert_eq!(head.passed_over.len(), 40);
            skipped.extend(head.skip);
        }
        assert_eq!(skipped.len(), 40, "each after a grace of fifty ticks and at most eight turns");
    }

    #[test]
    fn what_was_lost_or_could_not_be_read_makes_nobody_absent() {
        let mut memory = Memory::default();
        let line = waiting(1..3);
        let known_since =
            |memory: &mut Memory<i64>, known_since_ms: i64, wall_ms: i64, steady_ms: i64, signs: Option<&[i64]>| {
                let mut look = memory.look(RULES, Now { wall_ms, steady_ms }, known_since_ms, line.iter().copied());
                look.ask();
                look.heard(signs);
                look.finish().candidates.len()
            };
        assert_eq!(known_since(&mut memory, 80_000, 100_999, 0, Some(&[0, 0])), 2, "the copy is too young to know");
        assert_eq!(known_since(&mut memory, 80_000, 101_000, 1, Some(&[0, 0])), 0);
        assert_eq!(known_since(&mut memory, 0, 101_000, 2, None), 2, "nothing could be read");
        assert_eq!(known_since(&mut memory, 0, 900_000, 21_001, Some(&[0, 0])), 2, "whatever the clock says since");
        assert_eq!(known_since(&mut memory, 0, 900_000, 21_002, Some(&[0, 0])), 0);
        assert_eq!(known_since(&mut memory, 0, 900_000, 21_003, Some(&[0])), 1, "a missing answer is no absence");
        assert_eq!(known_since(&mut memory, 0, 900_000, 21_004, Some(&[i64::MAX, 905_000])), 2, "clocks ahead");
    }
}
