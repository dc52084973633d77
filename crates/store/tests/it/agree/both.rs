//! Both sides, step by step: the same happens to each, and after each tick they are compared.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use domain::draw::Numbers;
use domain::order::{Class, Order};
use domain::pacing::{Between, Knobs, Now, Ramp, Step, Tuning, Window};
use domain::sale::Course;
use serde_json::json;
use store::StoreError;
use store::draw::Published;
use store::events::{SaleDraft, SaleEdit, SalePublished};
use store::follow::Follower;
use store::joins::JoinBatch;
use store::leases::{Lease, Office};
use store::mending::{Mend, Mended};
use store::pace::{Leave, Measured, PaceAsk, PassedOver};
use store::tuning::{KnobChange, RampNow, RampStep, Tune};
use tokio::time::Instant;
use uuid::Uuid;

use super::judge::{Judge, Place};
use super::rules::{Desk, GRACE_MS, Key, PRESENCE_MS, Rules, TTL_MS};
use super::{Event, Node, Without};
use crate::world::{Recipe, Result, World, ask, id};

/// True time begins here, in milliseconds since 1970.
const BEGIN_MS: i64 = 1_850_000_000_000;
/// The copy in Redis was made so long before: by now absence is told from ignorance.
const OLD_MS: i64 = 60_000;

pub struct Both {
    world: World,
    without: Without,
    follower: Follower,
    rules: Rules,
    judge: Judge,
    /// The stores' holder.
    desk: Desk,
    lease: Lease,
    holders: [Uuid; 2],
    fans: Vec<Uuid>,
    places: Vec<Uuid>,
    now_ms: i64,
    clocks: [i64; 3],
    lobby: bool,
    closed: bool,
    seed: [u8; 32],
    /// Why somebody may have more ahead than before.
    reason: bool,
}

impl Both {
    pub async fn new(lobby_ms: Option<i64>, without: Without) -> Result<Self> {
        let recipe = Recipe { rows: 0, standing: 1_500, rate_per_minute: 300, ..Recipe::default() };
        let mut world = World::before_publication(recipe).await?;
        world.db.stop_clock(BEGIN_MS - OLD_MS).await;
        if !without.one_place {
            world.sql("drop index place_live_unique").await?;
        }
        // Connections made from here on have the schedule's clock.
        world.store = world.another_store().await?.without(without.guards);
        let opens_at_ms = BEGIN_MS + lobby_ms.unwrap_or(-OLD_MS);
        let draft = world.store.sale(world.sale).await?.context("the sale")?;
        let edited = SaleDraft {
            lobby_opens_at_ms: lobby_ms.map(|_| BEGIN_MS - OLD_MS),
            opens_at_ms,
            presence_ms: PRESENCE_MS,
            grace_ms: GRACE_MS,
            ..draft.draft
        };
        let edit = world.store.edit_sale(world.sale, draft.version, &edited, world.account).await?;
        ensure!(edit == SaleEdit::Done, "{edit:?}");
        ensure!(world.store.publish_sale(world.sale, world.account).await? == SalePublished::Done);
        let follower = Follower::start(&world.store, world.event).await?;
        let holders = [id(), id()];
        let rules = Rules {
            order: Order::default(),
            tuning: Tuning::new(Knobs { rate_per_minute: 300, max_active: recipe.max_active }),
            course: Course {
                lobby_opens_at_ms: edited.lobby_opens_at_ms,
                opens_at_ms,
                closes_at_ms: edited.closes_at_ms,
                wait_ends_at_ms: None,
                draws: true,
                drawn: false,
                paused: false,
                sold_out: false,
            },
            lobby_size: None,
            desk: Desk::default(),
            term: 0,
            until_ms: 0,
            ticks: Vec::new(),
            active: 0,
        };
        let lease = Lease { office: Office::Pacing, scope: world.sale, term: 0, ttl_ms: TTL_MS };
        let mut both = Self {
            world,
            without,
            follower,
            rules,
            judge: Judge::default(),
            desk: Desk::default(),
            lease,
            holders,
            fans: Vec::new(),
            places: Vec::new(),
            now_ms: BEGIN_MS,
            clocks: [0; 3],
            lobby: lobby_ms.is_some(),
            closed: false,
            seed: rand::random(),
            reason: false,
        };
        both.pass(0).await;
        both.take_office().await?;
        if both.lobby {
            let nothing = Published { json: b"{}".to_vec(), sig: Vec::new() };
            both.world.store.commit_draw(&both.lease, &[7; 32], &nothing).await?;
        }
        Ok(both)
    }

    const fn clock(&self, node: Node) -> i64 {
        self.now_ms + self.clocks[node as usize]
    }

    async fn set_postgres(&self) {
        self.world.db.set_clock(self.clock(Node::Postgres)).await;
    }

    async fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        self.set_postgres().await;
    }

    /// The rate since the tick before is judged by the knobs before the event, which come into force with the tick.
    pub async fn step(&mut self, pass_ms: i64, event: &Event) -> Result {
        let from_ms = self.now_ms;
        self.pass(pass_ms).await;
        let tuning = &self.rules.tuning;
        let before = tuning.ramp.highest(tuning.rate_per_minute, from_ms, self.now_ms);
        self.reason = false;
        self.happen(event).await.context("it could not happen")?;
        self.signs(|place| !place.silent, 2_000).await?;
        self.tick(before).await?;
        self.compare().await
    }

    async fn happen(&mut self, event: &Event) -> Result {
        let knobs = |change| Tune::Knobs(change);
        match *event {
            Event::Join(n) => {
                let first = self.fans.len();
                self.fans.extend((0..n).map(|_| id()));
                self.join(&(first..self.fans.len()).collect::<Vec<_>>()).await
            }
            Event::Again(nth) if !self.fans.is_empty() => self.join(&[usize::from(nth) % self.fans.len()]).await,
            Event::Leave(nth) if !self.fans.is_empty() => self.leave(usize::from(nth) % self.fans.len()).await,
            Event::PutBack(nth, front) if !self.places.is_empty() => {
                self.put_back(1 + i64::from(nth) % self.places.len() as i64, front).await
            }
            Event::Silence(percent) => {
                for (entry, place) in (1i64..).zip(&mut self.judge.places) {
                    place.silent |= (entry * 37) % 100 < i64::from(percent);
                }
                Ok(())
            }
            Event::Return => {
                self.judge.places.iter_mut().step_by(3).for_each(|place| place.silent = false);
                Ok(())
            }
            Event::Rate(rate) => {
                self.rules.tuning.rate_per_minute = rate;
                self.tune(knobs(KnobChange::rate(rate))).await
            }
            Event::Target(target) => {
                self.rules.tuning.target_per_minute = target;
                self.tune(knobs(KnobChange { target_per_minute: Some(target), ..KnobChange::default() })).await
            }
            Event::Active(most) => {
                self.rules.tuning.max_active = most;
                self.tune(knobs(KnobChange { max_active: Some(most), ..KnobChange::default() })).await
            }
            Event::Ramp(from, to) => {
                let steps = [(1_000, from), (15_000, to)].map(|(by, rate)| (self.now_ms + by, rate));
                let of = |(at_ms, rate_per_minute)| Step { at_ms, rate_per_minute };
                self.rules.tuning.ramp = Ramp::new(steps.map(of).to_vec(), Between::Linear)?;
                let of = |(at_ms, rate_per_minute)| RampStep { at_ms, rate_per_minute };
                let ramp = RampNow { steps: steps.map(of).to_vec(), linear: true };
                self.tune(knobs(KnobChange { ramp: Some(Some(ramp)), ..KnobChange::default() })).await
            }
            Event::Hold(held) => {
                self.rules.tuning.held = held;
                self.tune(if held { Tune::Pause } else { Tune::Resume }).await
            }
            Event::Draw => self.draw().await,
            Event::Clock(node, by) => {
                self.clocks = [0; 3];
                self.clocks[node as usize] = by;
                self.set_postgres().await;
                Ok(())
            }
            Event::GiveUp => {
                self.world.store.give_up_lease(&self.lease).await?;
                self.take_office().await
            }
            Event::Replace => self.replace().await,
            Event::Again(_) | Event::Leave(_) | Event::PutBack(..) => Ok(()),
        }
    }

    async fn tune(&self, tune: Tune) -> Result {
        self.world.store.tune(self.world.sale, self.world.account, &tune, "by chance", None).await?;
        Ok(())
    }

    async fn join(&mut self, fans: &[usize]) -> Result {
        let asks: Vec<_> = fans.iter().map(|fan| ask(self.fans[*fan], 1)).collect();
        let placed = match self.world.store.join_batch(self.world.sale, &asks).await? {
            JoinBatch::Placed(placed, _) => placed,
            other => anyhow::bail!("{other:?}"),
        };
        let before = self.rules.order.last();
        for (fan, (row, new)) in fans.iter().zip(placed) {
            let live = self.judge.live_of(*fan);
            let entry = live.unwrap_or(self.places.len() as i64 + 1);
            ensure!((row.entry, new) == (entry, live.is_none()), "fan {fan} got {row:?}, not entry {entry}");
            if new {
                self.places.push(row.id);
                let (fan, class, sign_ms) = (*fan, Class::GENERAL.0, i64::MIN);
                self.judge.places.push(Place { fan, class, state: "waiting", silent: false, sign_ms, noted_ms: 0 });
            }
        }
        self.rules.order.join_through(self.places.len() as i64);
        if self.rules.order.last() > before && self.rules.has_opened(self.clock(Node::Postgres)) {
            self.rules.lobby_size.get_or_insert(before);
        }
        Ok(())
    }

    async fn leave(&mut self, fan: usize) -> Result {
        let left = self.world.store.leave(self.world.event, self.world.sale, self.fans[fan]).await?;
        let Some(entry) = self.judge.live_of(fan) else {
            ensure!(left == Leave::NotLive, "{left:?}");
            return Ok(());
        };
        ensure!(left == Leave::Left, "{left:?}");
        self.rules.active -= u32::from(self.judge.place(entry).state == "standing");
        self.judge.place(entry).state = "left";
        self.rules.order.remove(entry);
        Ok(())
    }

    async fn put_back(&mut self, entry: i64, front: bool) -> Result {
        let mend = Mend {
            sale: self.world.sale,
            place: self.places[entry as usize - 1],
            account: self.world.account,
            reason: "by chance",
        };
        let mended = self.world.store.put_back(&mend, front).await?;
        self.one_place().await?;
        let place = self.judge.place(entry).clone();
        let to = if front { Class::FRONT.0 } else { place.class };
        let expected = match place.state {
            "waiting" if to == place.class => Mended::NotNow(place.state.to_owned()),
            "standing" => Mended::NotNow(place.state.to_owned()),
            "left" if self.judge.live_of(place.fan).is_some() => Mended::LivesElsewhere,
            _ => Mended::Done,
        };
        ensure!(mended == expected, "{mended:?} instead of {expected:?}");
        if mended == Mended::Done {
            self.reason = true;
            let place = self.judge.place(entry);
            (place.state, place.class) = ("waiting", to);
            self.rules.order.put(entry, Class(to));
        }
        Ok(())
    }

    async fn draw(&mut self) -> Result {
        let postgres_ms = self.clock(Node::Postgres);
        if !self.lobby || self.rules.course.drawn || postgres_ms >= self.rules.until_ms {
            return Ok(());
        }
        let (store, nothing) = (&self.world.store, Published { json: b"{}".to_vec(), sig: Vec::new() });
        if self.closed {
            let size = self.rules.lobby_size.unwrap_or(0);
            let json = json!({"seed": hex::encode(self.seed), "roster": {"size": size}}).to_string().into_bytes();
            let draw = Published { json, sig: Vec::new() };
            ensure!(store.flip_draw(&self.lease, self.world.event, &draw, &self.seed, None).await?, "drawn before");
            self.rules.course.drawn = true;
            if size > 0 {
                self.rules.order.draw(Numbers::draw(&self.seed, size).into());
                self.judge.numbers = Some(Numbers::draw(&self.seed, size));
            }
            self.reason = true;
        } else {
            let size = store.close_lobby(self.world.sale).await?;
            if !self.rules.has_opened(postgres_ms) {
                ensure!(size.is_none(), "the lobby was closed early");
                return Ok(());
            }
            let expected = *self.rules.lobby_size.get_or_insert(self.rules.order.last());
            ensure!(size == Some(expected), "{size:?} are to be drawn, {expected} were in the lobby");
            store.fix_roster(&self.lease, expected, &nothing, &[0; 32]).await?;
            self.closed = true;
        }
        self.rules.until_ms = postgres_ms + TTL_MS;
        Ok(())
    }

    /// The other one takes the office.
    async fn take_office(&mut self) -> Result {
        self.holders.reverse();
        let lease = self.world.store.take_lease(Office::Pacing, self.world.sale, self.holders[0], TTL_MS).await?;
        self.lease = lease.context("the office is not vacant")?;
        self.desk = Desk::default();
        self.rules.take_office(self.clock(Node::Postgres));
        ensure!(self.lease.term == self.rules.term, "{:?} is not the term {}", self.lease, self.rules.term);
        Ok(())
    }

    async fn replace(&mut self) -> Result {
        self.settle().await?;
        let late = self.pace_ask().await?;
        self.pass(TTL_MS + 6_000).await;
        self.signs(|_| true, 0).await?;
        self.take_office().await?;
        match self.world.store.pace(&late).await {
            Err(StoreError::Moved(_)) => Ok(()),
            Err(fault) => Err(fault.into()),
            Ok(done) => {
                self.judged(&done.admitted, u32::MAX)?;
                anyhow::bail!("a replaced holder let in {:?}", done.admitted)
            }
        }
    }

    /// These fans are heard of, if they were not for so long.
    async fn signs(&mut self, who: impl Fn(&Place) -> bool, after_ms: i64) -> Result {
        let (now_ms, noted_ms) = (self.now_ms, self.clock(Node::Door) / 1_000 * 1_000);
        let mut entries = Vec::new();
        for (entry, place) in (1..).zip(&mut self.judge.places) {
            if who(place) && now_ms.saturating_sub(place.sign_ms) >= after_ms {
                (place.sign_ms, place.noted_ms) = (now_ms, noted_ms);
                entries.push(entry);
            }
        }
        Ok(self.world.store.note_seen(self.world.event, self.world.sale, &entries, self.clock(Node::Door)).await?)
    }

    const fn now(&self) -> Now {
        Now { wall_ms: self.clock(Node::Holder), steady_ms: self.now_ms }
    }

    /// What the stores' holder asks for, from what it follows and reads.
    async fn pace_ask(&mut self) -> Result<PaceAsk> {
        let (event, sale, now) = (self.world.event, self.world.sale, self.now());
        let mirror = &self.follower.mirror().sales[&sale];
        let (store, since_ms) = (&self.world.store, self.follower.mirror().epoch_since_ms);
        let seen = async |asked: Vec<i64>| Ok(store.last_seen(event, sale, &asked).await?.seen_ms);
        let head = self.desk.look(&mirror.order, &mirror.now.tuning()?, now, since_ms, seen).await?;
        let before = |place: Key| head.candidates.partition_point(|candidate| *candidate < place);
        let passed = head.passed_over.iter();
        let lately = if self.without.own_witness { self.desk.recent.window(now.steady_ms) } else { Window::default() };
        Ok(PaceAsk {
            lease: self.lease,
            event,
            drawn: mirror.drawn,
            candidates: head.candidates.iter().map(|(_, entry)| *entry).collect(),
            skip: head.skip.iter().map(|(_, entry)| *entry).collect(),
            passed_over: passed
                .map(|one| PassedOver { entry: one.place.1, seen_ms: one.last_seen_ms, before: before(one.place) })
                .collect(),
            joins_seen: mirror.joins,
            measured: Measured { flow: self.desk.flow, lately, now_ms: Some(now.wall_ms), ..Measured::default() },
        })
    }

    fn judged(&mut self, admitted: &[i64], before: u32) -> Result {
        let drawn = !self.lobby || self.judge.numbers.is_some() || self.rules.course.drawn;
        let opens_at_ms = self.rules.course.opens_at_ms;
        self.judge.let_in(admitted, self.now_ms, opens_at_ms, drawn, (before, &self.rules.tuning))
    }

    async fn tick(&mut self, before: u32) -> Result {
        self.settle().await?;
        let ask = self.pace_ask().await?;
        let outcome = self.world.store.pace(&ask).await;
        if self.clock(Node::Postgres) >= self.rules.until_ms {
            ensure!(matches!(outcome, Err(StoreError::Moved(_))), "its term was over: {outcome:?}");
            self.judged(&[], before)?;
            return self.take_office().await;
        }
        let mut done = outcome?;
        done.skipped.sort_unstable();
        self.desk.flow = done.flow;
        self.desk.recent.let_in(self.now_ms, done.admitted.len() as u32);
        self.judged(&done.admitted, before)?;
        for entry in &done.skipped {
            let place = self.judge.place(*entry);
            ensure!(place.silent, "entry {entry} was skipped, and gives signs");
            place.state = "skipped";
        }
        let (now, places) = (self.now(), &self.judge.places);
        let noted =
            async |asked: Vec<i64>| Ok(asked.iter().map(|entry| places[*entry as usize - 1].noted_ms).collect());
        let rules = &mut self.rules;
        let head = rules.desk.look(&rules.order, &rules.tuning, now, BEGIN_MS - OLD_MS, noted).await?;
        let expected = rules.decide(&head, now, self.now_ms + self.clocks[Node::Postgres as usize]);
        let same = (&done.admitted, &done.skipped) == (&expected.0, &expected.1);
        ensure!(same || !self.without.agree, "{done:?} instead of {expected:?}");
        Ok(())
    }

    /// The follower has all that was recorded.
    async fn settle(&mut self) -> Result {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            self.follower.next(Duration::ZERO).await?;
            let ends = self.world.store.lane_ends(self.world.event).await?;
            if ends.iter().all(|(lane, end)| self.follower.mirror().version(*lane) == Some(*end)) {
                return Ok(());
            }
            ensure!(Instant::now() < until, "the follower is at another end than {ends:?}");
        }
    }

    async fn one_place(&self) -> Result {
        let most =
            "select coalesce(max(n), 0) from (select count(*) as n from place where ended_at is null group by fan) f";
        let most = self.world.number(most).await?;
        ensure!(most <= 1, "a fan has {most} live places");
        Ok(())
    }

    /// Places, and how many are ahead of each, are the same in Postgres, at a follower's, by the rules and in truth.
    async fn compare(&mut self) -> Result {
        self.settle().await?;
        self.one_place().await?;
        let rows: Vec<(String, i16)> = sqlx::query_as("select state, class from place where sale = $1 order by entry")
            .bind(self.world.sale)
            .fetch_all(&self.world.db.pool)
            .await?;
        let plain: Vec<_> =
            self.judge.places.iter().map(|place| (place.state.to_owned(), i16::from(place.class))).collect();
        ensure!(rows == plain, "{rows:?} instead of {plain:?}");
        let mirror = &self.follower.mirror().sales[&self.world.sale];
        ensure!(mirror.drawn == (self.lobby && self.rules.course.drawn), "its numbers are out: {}", mirror.drawn);
        let waiting = mirror.order.waiting();
        let ahead = self.judge.ahead(self.reason)?;
        ensure!(waiting == ahead.len() as u64, "{waiting} instead of {} wait", ahead.len());
        for (entry, ahead) in ahead {
            let both = [mirror.order.ahead(*entry), self.rules.order.ahead(*entry)];
            ensure!(
                both[0] == *ahead && (both[1] == *ahead || !self.without.agree),
                "entry {entry} has {both:?} ahead, and truly {ahead}"
            );
        }
        Ok(())
    }

    /// The checks find nothing either.
    pub async fn end(&mut self) -> Result {
        let found = self.world.store.verify_allowing(60_000).await?.violations;
        ensure!(found.is_empty(), "{found:#?}");
        Ok(())
    }
}
