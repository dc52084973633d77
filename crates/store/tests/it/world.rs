//! An event with a sale in a database and a Redis of its own, and hands that do what the services do, one step at a time.

use domain::order::Class;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use domain::seats::{Free, Hall, Share, Standing, Wish, seat_in_order};
use sqlx::AssertSqlSafe;
use store::Store;
use store::events::{EventDraft, SaleDraft, SaleEdit, SalePublished, Seating};
use store::feed::HoldNow;
use store::halls::{Imported, TierRow, UnitRow};
use store::holds::{Offer, Offered, Unserved};
use store::joins::{Accepts, JoinAsk, JoinBatch, PlaceRow};
use store::leases::{Lease, Office};
use store::pace::{Measured, PaceAsk, PaceDone, PassedOver};
use store::payments::{Begun, PaymentRow, Verdict};
use store::seating::StandingRow;
use store::standing::Ask;
use store::verify::Report;
use testkit::{TestDatabase, TestRedis, eventually};
use uuid::{Builder, Uuid};

pub type Result<T = ()> = anyhow::Result<T>;

/// A new identifier, later than those before it.
pub fn id() -> Uuid {
    static MADE: AtomicU64 = AtomicU64::new(1_750_000_000_000);
    Builder::from_unix_timestamp_millis(MADE.fetch_add(1, Ordering::Relaxed), &rand::random()).into_uuid()
}

/// What the event and its sale are like.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// Rows of reserved seats in tier 0, with six seats each, the last of them accessible.
    pub rows: u32,
    /// Units of a standing area in tier 1.
    pub standing: u32,
    pub rate_per_minute: u32,
    pub max_active: u32,
    pub hold_ttl_ms: i64,
    pub extension_ms: i64,
    pub presence_ms: i64,
    pub gather_ms: i64,
    pub answer_ms: i64,
    pub seating: Seating,
    pub shop_ms: i64,
    pub rejoin: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            rows: 2,
            standing: 8,
            rate_per_minute: 60_000,
            max_active: 10_000,
            hold_ttl_ms: 60_000,
            extension_ms: 30_000,
            presence_ms: 120_000,
            gather_ms: 10_000,
            answer_ms: 20_000,
            seating: Seating::Assign,
            shop_ms: 300_000,
            rejoin: true,
        }
    }
}

/// What is decided for those who stand.
pub struct Chosen {
    pub offers: Vec<Offer>,
    pub unserved: Vec<Unserved>,
    pub gathering: Vec<(Uuid, i64)>,
    pub asks: Vec<Ask>,
}

pub struct World {
    pub store: Store,
    pub redis: TestRedis,
    pub db: TestDatabase,
    pub event: Uuid,
    pub sale: Uuid,
    pub account: Uuid,
    pub hall: Hall,
    /// This world's holder of offices.
    pub holder: Uuid,
}

impl World {
    pub async fn new(recipe: Recipe) -> Result<Self> {
        let world = Self::before_publication(recipe).await?;
        anyhow::ensure!(world.store.publish_sale(world.sale, world.account).await? == SalePublished::Done);
        Ok(world)
    }

    /// With the sale still a draft.
    pub async fn before_publication(recipe: Recipe) -> Result<Self> {
        let (db, redis) = tokio::join!(testkit::database(), testkit::redis());
        let store = Store::with_pool(db.pool.clone(), redis.url())?;
        let (event, sale, account, organisation) = (id(), id(), id(), id());
        sqlx::query("insert into organisation (id, name) values ($1, 'Hall')")
            .bind(organisation)
            .execute(&db.pool)
            .await?;
        sqlx::query("insert into account (id, email, password_hash) values ($1, 'operator@example.org', '')")
            .bind(account)
            .execute(&db.pool)
            .await?;
        let draft = EventDraft {
            name: "A night".to_owned(),
            venue: "Hall".to_owned(),
            starts_at_ms: 1_900_000_000_000,
            time_zone: "Europe/Berlin".to_owned(),
            currency: "EUR".to_owned(),
            accessible_release: None,
            tickets_per_person: None,
        };
        store.create_event(event, organisation, &draft).await?;
        let (tiers, units) = seats(&recipe);
        anyhow::ensure!(store.import_map(event, &serde_json::json!({}), &tiers, &units).await? == Imported::Done);
        store.publish_event(event, account).await?;
        let draft = SaleDraft {
            name: "First sale".to_owned(),
            lobby_opens_at_ms: None,
            opens_at_ms: 1_700_000_000_000,
            closes_at_ms: 1_899_000_000_000,
            wait_ends_at_ms: None,
            ordering: store::events::Ordering::DrawThenFifo,
            entry: store::entry::Entry::Open,
            party_max: 8,
            rate_per_minute: recipe.rate_per_minute,
            max_active: recipe.max_active,
            hold_ttl_ms: recipe.hold_ttl_ms,
            extension_ms: recipe.extension_ms,
            grace_ms: 1_000,
            presence_ms: recipe.presence_ms,
            gather_ms: recipe.gather_ms,
            answer_ms: recipe.answer_ms,
            seating: recipe.seating,
            shop_ms: recipe.shop_ms,
            rejoin: recipe.rejoin,
            allotment: None,
            beacon: true,
            unprovable_after_s: None,
        };
        store.create_sale(sale, event, &draft).await?;
        let hall = store.hall(event).await?;
        Ok(Self { store, redis, db, event, sale, account, hall, holder: id() })
    }

    /// Runs statements that the store would never run.
    pub async fn sql(&self, statements: impl Into<String>) -> Result {
        sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(&self.db.pool).await?;
        Ok(())
    }

    /// Makes the hashes fit a history that a test has changed.
    pub async fn rewrite_log(&self) -> Result {
        self.sql(
            "do $$ declare r record; h bytea := ''; before text := '';
             begin
                 for r in select *, scope || kind as lane from feed_record order by scope, kind, version loop
                     if r.lane <> before then h := ''; before := r.lane; end if;
                     h := sha256(convert_to(concat_ws(E'\\n', encode(h, 'hex'), r.scope, r.kind, r.version, to_ms(r.at), r.changes::text), 'UTF8'));
                     update feed_record set hash = h where scope = r.scope and kind = r.kind and version = r.version;
                     update lane set head = h where scope = r.scope and kind = r.kind;
                 end loop;
             end $$",
        )
        .await
    }

    pub async fn number(&self, query: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(query).fetch_one(&self.db.pool).await?)
    }

    /// A store on the same servers with connections and memories of its own, as another process has.
    pub async fn another_store(&self) -> Result<Store> {
        let pool = store::connect_postgres(&self.db.url, 4).await?;
        Ok(Store::with_pool(pool, self.redis.url())?)
    }

    // The line.

    pub async fn join_as(&self, asks: &[JoinAsk]) -> Result<Vec<PlaceRow>> {
        match self.store.join_batch(self.sale, asks).await? {
            JoinBatch::Placed(places, _) => Ok(places.into_iter().map(|(place, _)| place).collect()),
            other => anyhow::bail!("{other:?}"),
        }
    }

    /// New fans, one for each party, in one batch.
    pub async fn join(&self, parties: &[u8]) -> Result<Vec<PlaceRow>> {
        let asks: Vec<JoinAsk> = parties.iter().map(|party| ask(id(), *party)).collect();
        self.join_as(&asks).await
    }

    pub async fn pacing(&self) -> Result<Lease> {
        self.office(Office::Pacing, self.sale).await
    }

    pub async fn seating(&self) -> Result<Lease> {
        self.office(Office::Seating, self.event).await
    }

    async fn office(&self, office: Office, scope: Uuid) -> Result<Lease> {
        self.store.take_lease(office, scope, self.holder, 60_000).await?.context("the office is taken")
    }

    /// What a tick would ask: everybody who waits is present but the absent, who were last seen long ago.
    pub async fn pace_ask(&self, lease: Lease, absent: &HashSet<i64>) -> Result<PaceAsk> {
        // One statement: the version says how far the line was seen.
        let rows: Vec<(i64, Option<i64>)> = sqlx::query_as(
            "select l.version, p.entry from lane l left join place p on p.sale = l.scope and p.state in ('waiting', 'skipped')
             where l.scope = $1 and l.kind = 'joins' order by p.entry",
        )
        .bind(self.sale)
        .fetch_all(&self.db.pool)
        .await?;
        let joins_seen = rows.first().context("a joins lane")?.0;
        let line: Vec<i64> = rows.into_iter().filter_map(|(_, entry)| entry).collect();
        let mut ask = PaceAsk {
            lease,
            event: self.event,
            joins_seen,
            drawn: false,
            candidates: vec![],
            passed_over: vec![],
            skip: vec![],
            measured: Measured::default(),
        };
        for entry in line {
            if absent.contains(&entry) {
                ask.passed_over.push(PassedOver { entry, seen_ms: 0, before: ask.candidates.len() });
                ask.skip.push(entry);
            } else {
                ask.candidates.push(entry);
            }
        }
        Ok(ask)
    }

    /// One tick in which everybody is present but the absent, who are skipped.
    pub async fn tick_without(&self, lease: Lease, absent: &[i64]) -> Result<PaceDone> {
        let ask = self.pace_ask(lease, &absent.iter().copied().collect()).await?;
        Ok(self.store.pace(&ask).await?)
    }

    pub async fn tick(&self, lease: Lease) -> Result<PaceDone> {
        self.tick_without(lease, &[]).await
    }

    // Seats.

    pub fn offer(&self, entry: i64, seats: &[u32]) -> Offer {
        let booking = id();
        Offer {
            booking,
            reference: booking.simple().to_string(),
            sale: self.sale,
            entry,
            wished: 0,
            seats: seats.to_vec(),
            found: None,
        }
    }

    pub const fn unserved(&self, entry: i64) -> Unserved {
        Unserved { sale: self.sale, entry, wished: 0, unanswered: false }
    }

    /// Holds these seats for an admitted place.
    pub async fn hold(&self, lease: &Lease, entry: i64, seats: &[u32]) -> Result<HoldNow> {
        let mut done = self.store.offer(lease, &[self.offer(entry, seats)], &[]).await?;
        done.held.pop().context("the offer is held")
    }

    /// What the holder of the seating lease does: chooses in order for everybody who stands, and tells those who go on standing.
    pub async fn seat(&self, lease: &Lease) -> Result<Offered> {
        let chosen = self.choose().await?;
        let offered = self.store.offer(lease, &chosen.offers, &chosen.unserved).await?;
        self.store.tell_standing(lease, &chosen.gathering, &chosen.asks).await?;
        Ok(offered)
    }

    pub async fn choose(&self) -> Result<Chosen> {
        self.choose_at(self.number("select to_ms(clock_timestamp())").await?).await
    }

    /// What a holder chooses by whose clock it is then.
    pub async fn choose_at(&self, now_ms: i64) -> Result<Chosen> {
        // Taken seats first: a seat that comes free after is seen next time.
        let taken = self.store.taken_seats(self.event).await?;
        let places = self.store.standing_places(self.event).await?;
        let goes_on = |until_ms: Option<i64>| until_ms.is_none_or(|until_ms| now_ms < until_ms);
        let (mut free, mut held) = (Free::all(&self.hall), Free::none_of(&self.hall));
        for (seat, paid) in taken.seats {
            free.take(seat);
            if !paid {
                held.give(seat);
            }
        }
        let line: Vec<Standing> = places
            .iter()
            .zip(0..)
            .map(|(place, key)| {
                let Accepts { other_tiers, apart, fewer, accessible } = place.accepts;
                Standing {
                    key,
                    wish: Wish { party: place.party, tiers: place.tiers, other_tiers, apart, fewer, accessible },
                    sale: 0,
                    most: place.most.unwrap_or(u32::MAX),
                    gathers: goes_on(place.gathers_until_ms),
                    may_be_asked: goes_on(place.asked_until_ms),
                }
            })
            .collect();
        let allotment = self.store.sale(self.sale).await?.context("the sale")?.draft.allotment;
        let (all, unpaid) = (self.hall.capacity() - free.count(), held.count());
        let share = allotment.map_or(Share::ALL, |allotment| Share::of(allotment, all, unpaid));
        let at_once = self.store.asked_at_once(self.event).await?;
        let mut plan = seat_in_order(&self.hall, &free, &held, &line, &[share], at_once, 1_000);
        let place = |key: u64| &places[key as usize];
        let unanswered = |place: &StandingRow| place.asked_until_ms.is_some() && !goes_on(place.asked_until_ms);
        plan.wait_for_answers(|key| unanswered(place(key)));
        let offers = plan.offers.into_iter().map(|offer| {
            let wished = place(offer.key).wished;
            let found = Some((offer.choice.rung, offer.choice.score));
            Offer { wished, found, ..self.offer(place(offer.key).entry, &offer.choice.seats) }
        });
        let unserved = plan.sold_out.into_iter().map(place).map(|place| {
            let unanswered = unanswered(place);
            Unserved { wished: place.wished, unanswered, ..self.unserved(place.entry) }
        });
        let asks = plan.asked.into_iter().map(|offer| {
            let (StandingRow { sale, entry, wished, .. }, seats) = (*place(offer.key), offer.choice.seats);
            let tiers = seats.iter().fold(0, |tiers, seat| tiers | 1 << self.hall.tier_of(*seat));
            Ask { sale, entry, wished, seats: seats.len() as u8, tiers, apart: !self.hall.side_by_side(&seats) }
        });
        Ok(Chosen {
            offers: offers.collect(),
            unserved: unserved.collect(),
            gathering: plan.gathering.into_iter().map(|key| (self.sale, place(key).entry)).collect(),
            asks: asks.collect(),
        })
    }

    // Money.

    pub async fn fan_of(&self, booking: Uuid) -> Result<Uuid> {
        Ok(self.store.booking(booking).await?.context("a booking")?.fan)
    }

    pub async fn begin(&self, booking: Uuid) -> Result<PaymentRow> {
        let fan = self.fan_of(booking).await?;
        match self.store.begin_payment(booking, fan, Some("fan@example.org"), id()).await? {
            Begun::Attempt(payment) => {
                Ok(self.store.payment_opened(payment.id, &payment.id.to_string(), "secret", 2_000).await?)
            }
            other => anyhow::bail!("{other:?}"),
        }
    }

    pub async fn capture(&self, payment: &PaymentRow) -> Result<bool> {
        Ok(self.store.payment_captured(payment.id, payment.amount_minor, &payment.currency, id).await?)
    }

    /// All the way to the tickets.
    pub async fn pay(&self, booking: Uuid) -> Result<PaymentRow> {
        let payment = self.begin(booking).await?;
        anyhow::ensure!(self.store.payment_authorised(payment.id).await? == Verdict::Capture);
        anyhow::ensure!(self.capture(&payment).await?);
        Ok(payment)
    }

    /// From now on holds last this long, and are extended by that much.
    pub async fn holds_last(&self, hold_ttl_ms: i64, extension_ms: i64) -> Result {
        let sale = self.store.sale(self.sale).await?.context("the sale")?;
        let draft = SaleDraft { hold_ttl_ms, extension_ms, ..sale.draft };
        self.edit(sale.version, &draft).await
    }

    /// The sale closes so much later.
    pub async fn closes_later(&self, by_ms: i64) -> Result {
        let sale = self.store.sale(self.sale).await?.context("the sale")?;
        let draft = SaleDraft { closes_at_ms: sale.draft.closes_at_ms + by_ms, ..sale.draft };
        self.edit(sale.version, &draft).await
    }

    async fn edit(&self, version: i64, draft: &SaleDraft) -> Result {
        let edit = self.store.edit_sale(self.sale, version, draft, self.account).await?;
        anyhow::ensure!(edit == SaleEdit::Done, "{edit:?}");
        Ok(())
    }

    /// Ends what is due until `booking` is in this state.
    pub async fn until_state(&self, booking: Uuid, state: &str) {
        eventually(Duration::from_secs(10), async || {
            self.store.lapse_due().await.is_ok() && self.state_of(booking).await.is_ok_and(|now| now == state)
        })
        .await;
    }

    // Checks.

    pub async fn verify(&self) -> Result<Report> {
        Ok(self.store.verify().await?)
    }

    /// Fails with what is wrong, if anything is.
    pub async fn sound(&self) -> Result {
        let report = self.verify().await?;
        anyhow::ensure!(report.violations.is_empty(), "{:#?}", report.violations);
        Ok(())
    }

    pub async fn state_of(&self, booking: Uuid) -> Result<String> {
        Ok(self.store.booking(booking).await?.context("a booking")?.state)
    }

    /// The states of the places, by entry.
    pub async fn places(&self) -> Result<HashMap<i64, String>> {
        let rows: Vec<(i64, String)> = sqlx::query_as("select entry, state from place where sale = $1")
            .bind(self.sale)
            .fetch_all(&self.db.pool)
            .await?;
        Ok(rows.into_iter().collect())
    }
}

pub fn ask(fan: Uuid, party: u8) -> JoinAsk {
    JoinAsk {
        place: id(),
        fan,
        party,
        tiers: 0,
        accepts: Accepts { apart: true, ..Accepts::default() },
        class: Class::GENERAL,
    }
}

/// The tiers and places of an event of this recipe.
pub fn seats(recipe: &Recipe) -> (Vec<TierRow>, Vec<UnitRow>) {
    let tier = |code: &str, price_minor, capacity| TierRow {
        code: code.to_owned(),
        name: code.to_owned(),
        price_minor,
        fee_minor: 150,
        capacity,
    };
    let tiers = vec![tier("seated", 5_000, recipe.rows * 6), tier("standing", 3_000, recipe.standing)];
    let seated = (0..recipe.rows * 6).map(|nth| UnitRow {
        tier: 0,
        stretch: nth / 6,
        section: 0,
        row: (nth / 6) as u16,
        standing: false,
        accessible: nth % 6 == 5,
        companion: false,
        quality: None,
        label: format!("row {} seat {}", nth / 6 + 1, nth % 6 + 1),
    });
    let standing = (0..recipe.standing).map(|nth| UnitRow {
        tier: 1,
        stretch: recipe.rows,
        section: 1,
        row: 0,
        standing: true,
        accessible: false,
        companion: false,
        quality: None,
        label: format!("floor {}", nth + 1),
    });
    (tiers, seated.chain(standing).collect())
}
