//! A private Redis and a private Postgres as `usher up` starts them, and lines of any length in them.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::Context as _;
use chassis::clock::Clock;
use contracts::papers::Papers;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use store::Store;
use store::entry::Entry;
use store::events::{EventDraft, Ordering, SaleDraft, SalePublished, Seating};
use store::halls::{Imported, TierRow, UnitRow};
use store::servers::{PrivatePostgres, PrivateRedis, Programs};
use uuid::Uuid;

pub const SECRET: &str = "a secret of the benches that is long enough";
/// As many connections as the product takes by itself.
const POOL_MAX: u32 = 40;
/// Places written by one statement.
const CHUNK: i64 = 1_000_000;

pub struct Ground {
    postgres: PrivatePostgres,
    redis: PrivateRedis,
    pub clock: Clock,
    _folder: tempfile::TempDir,
}

/// A database of its own on the ground.
pub struct Plot {
    pub store: Store,
    pub url: String,
}

/// A published sale with nobody in line.
pub struct Sale {
    pub event: Uuid,
    pub id: Uuid,
}

impl Ground {
    pub async fn open() -> anyhow::Result<Self> {
        // Short: paths of Unix sockets end at 107 bytes. Readable by all: Postgres runs as another user where we are root.
        let folder = tempfile::Builder::new().prefix("ub-").tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let programs = Programs::find()?;
        let postgres = PrivatePostgres::start(folder.path(), &programs, true).await?;
        let redis = PrivateRedis::start(folder.path(), &programs).await?;
        Ok(Self { postgres, redis, clock: Clock::system(), _folder: folder })
    }

    pub async fn close(self) -> anyhow::Result<()> {
        self.redis.stop().await?;
        Ok(self.postgres.stop().await?)
    }

    /// A new, migrated database.
    pub async fn plot(&self, name: &str) -> anyhow::Result<Plot> {
        let mut connection = PgConnection::connect(self.postgres.url()).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
        let url = self.postgres.url().replacen("/usher?", &format!("/{name}?"), 1);
        store::migrate(&store::connect_postgres(&url, 1).await?).await?;
        let plot = Plot { store: self.store(&url).await?, url };
        plot.sql("insert into organisation (id, name) values ('00000000-0000-0000-0000-000000000001', 'Hall');
                  insert into account (id, email, password_hash) values ('00000000-0000-0000-0000-000000000002', 'a@example.org', '');
                  insert into membership (organisation, account, role)
                  values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 'operator')")
            .await?;
        Ok(plot)
    }

    pub async fn store(&self, url: &str) -> anyhow::Result<Store> {
        Ok(Store::with_pool(store::connect_postgres(url, POOL_MAX).await?, self.redis.url())?)
    }
}

/// What signs the papers of the benches.
pub fn papers(clock: &Clock) -> Papers {
    let clock = clock.clone();
    Papers::new(&[SECRET], move || clock.now_ms())
}

impl Plot {
    /// The one account, an operator.
    pub const OPERATOR: Uuid = Uuid::from_u128(2);

    pub async fn sql(&self, statements: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.context("a statement")?;
        Ok(())
    }

    /// A published sale as fast as can be, with so many standing places.
    pub async fn sale(&self, clock: &Clock, seats: u32, lobby_ms: Option<i64>) -> anyhow::Result<Sale> {
        let unit = |nth: u32| UnitRow {
            tier: 0,
            stretch: 0,
            section: 0,
            row: 0,
            standing: true,
            accessible: false,
            companion: false,
            quality: None,
            label: nth.to_string(),
        };
        self.sale_of(clock, &(0..seats).map(unit).collect::<Vec<_>>(), lobby_ms, Seating::Assign).await
    }

    /// The same with reserved seats: so many sections, rows in each and seats in a row.
    pub async fn reserved(&self, clock: &Clock, hall: (u16, u16, u32)) -> anyhow::Result<Sale> {
        self.sale_of(clock, &hall_of(hall), None, Seating::Assign).await
    }

    /// The same, in a sale in which fans pick.
    pub async fn picked(&self, clock: &Clock, hall: (u16, u16, u32)) -> anyhow::Result<Sale> {
        self.sale_of(clock, &hall_of(hall), None, Seating::Pick).await
    }

    async fn sale_of(
        &self,
        clock: &Clock,
        units: &[UnitRow],
        lobby_ms: Option<i64>,
        seating: Seating,
    ) -> anyhow::Result<Sale> {
        let seats = units.len() as u32;
        let sale = Sale { event: chassis::ids::new(clock), id: chassis::ids::new(clock) };
        let draft = EventDraft {
            name: "A night".to_owned(),
            venue: "Hall".to_owned(),
            starts_at_ms: 4_000_000_000_000,
            time_zone: "Europe/Berlin".to_owned(),
            currency: "EUR".to_owned(),
            accessible_release: None,
            tickets_per_person: None,
        };
        self.store.create_event(sale.event, Uuid::from_u128(1), &draft).await?;
        let tier = TierRow { code: "a".into(), name: "A".into(), price_minor: 1, fee_minor: 0, capacity: seats };
        let imported = self.store.import_map(sale.event, &serde_json::Value::Null, &[tier], units).await?;
        anyhow::ensure!(imported == Imported::Done, "{imported:?}");
        self.store.publish_event(sale.event, Self::OPERATOR).await?;
        let now_ms = clock.now_ms();
        let draft = SaleDraft {
            name: "Sale".to_owned(),
            lobby_opens_at_ms: lobby_ms.map(|_| now_ms - 1_000),
            opens_at_ms: now_ms + lobby_ms.unwrap_or(-1_000),
            closes_at_ms: 3_900_000_000_000,
            wait_ends_at_ms: None,
            ordering: Ordering::DrawThenFifo,
            entry: Entry::Open,
            seating,
            shop_ms: 300_000,
            party_max: 8,
            rate_per_minute: 600_000,
            max_active: 1_000_000,
            hold_ttl_ms: 60_000,
            extension_ms: 0,
            grace_ms: 60_000,
            presence_ms: 3_600_000,
            gather_ms: 10_000,
            answer_ms: 20_000,
            rejoin: true,
            allotment: None,
            beacon: true,
            unprovable_after_s: None,
        };
        self.store.create_sale(sale.id, sale.event, &draft).await?;
        let published = self.store.publish_sale(sale.id, Self::OPERATOR).await?;
        anyhow::ensure!(published == SalePublished::Done, "{published:?}");
        Ok(sale)
    }

    /// So many wait, in parties of up to `party`, as if they had joined one after the other. The lanes have no record of them.
    pub async fn fill(&self, sale: &Sale, places: i64, party: i16) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        // Identifiers as they come: by time, so that the indexes grow at their ends.
        let high = u64::from_be_bytes(sale.id.as_bytes()[..8].try_into()?);
        for first in (1..=places).step_by(CHUNK as usize) {
            sqlx::query(
                "insert into place (id, sale, fan, entry, joined_at, tiers, party, accepts, state)
                 select ($4 || lpad(to_hex(n), 16, '0'))::uuid, $1, ($4 || lpad(to_hex(n), 16, '0'))::uuid, n,
                        clock_timestamp(), 0, 1 + n % $5, 2, 'waiting' from generate_series($2::bigint, $3) n",
            )
            .bind(sale.id)
            .bind(first)
            .bind(places.min(first + CHUNK - 1))
            .bind(format!("{high:016x}"))
            .bind(party)
            .execute(&mut connection)
            .await?;
        }
        sqlx::query("update line set next_entry = $2 where sale = $1")
            .bind(sale.id)
            .bind(places + 1)
            .execute(&mut connection)
            .await?;
        Ok(())
    }

    /// As autovacuum would have left it.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.sql("vacuum analyze place").await?;
        self.sql("checkpoint").await
    }

    /// From now on whoever is let in leaves at once, so that nobody's standing is what is measured.
    pub async fn leave_at_once(&self) -> anyhow::Result<()> {
        self.sql(
            "create function leave_at_once() returns trigger language plpgsql as
             $$ begin new.state := 'left'; new.ended_at := new.admitted_at; return new; end $$;
             create trigger leave_at_once before update on place for each row when (new.state = 'standing')
             execute function leave_at_once()",
        )
        .await
    }
}

fn hall_of((sections, rows, seats): (u16, u16, u32)) -> Vec<UnitRow> {
    let places = (0..sections).flat_map(|section| (0..rows).map(move |row| (section, row)));
    let units = (0..).zip(places).flat_map(|(stretch, (section, row))| {
        (0..seats).map(move |nth| UnitRow {
            tier: 0,
            stretch,
            section,
            row,
            standing: false,
            accessible: false,
            companion: false,
            quality: None,
            label: format!("{section}-{row}-{nth}"),
        })
    });
    units.collect()
}
