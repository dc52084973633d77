//! One Postgres per test process, and in it a database per test.
//!
//! Making the server takes most of a second and migrating it some more; copying a migrated database takes
//! little. So the first test to ask makes both and the others wait for it.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicU32, Ordering},
    mpsc,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use store::servers::{PrivatePostgres, Programs};

use crate::ScratchDir;

/// A test's own connections; the server allows two hundred to all tests that run at once.
const POOL_MAX: u32 = 8;
/// The database that [`PrivatePostgres`] makes: migrated once, and copied for each test.
const TEMPLATE: &str = "usher";

/// The Postgres of this test process.
#[derive(Debug)]
pub struct TestPostgres {
    url: String,
    /// Databases to drop, sent to the thread that the server belongs to.
    dropped: Mutex<mpsc::Sender<String>>,
    made: AtomicU32,
}

/// A database of one test, migrated and otherwise empty.
#[derive(Debug)]
pub struct TestDatabase {
    /// Connections to it.
    pub pool: PgPool,
    /// Where it is, for those who connect by themselves.
    pub url: String,
    name: String,
}

/// This test process's Postgres, started by the first call.
pub fn postgres() -> &'static TestPostgres {
    static POSTGRES: OnceLock<TestPostgres> = OnceLock::new();
    POSTGRES.get_or_init(|| {
        let (started, answer) = mpsc::channel();
        let (dropped, to_drop) = mpsc::channel();
        // A thread with a runtime of its own: the test that comes first ends before the others.
        let serve = move || serve(&started, &to_drop);
        std::thread::Builder::new().name("testkit-postgres".into()).spawn(serve).expect("a thread");
        let url = answer.recv().expect("the thread answers").unwrap_or_else(|error| panic!("{error}"));
        TestPostgres { url, dropped: Mutex::new(dropped), made: AtomicU32::new(0) }
    })
}

/// Makes a database for one test. It is dropped with the value.
pub async fn database() -> TestDatabase {
    postgres().database().await
}

impl TestPostgres {
    /// The server's address, at the database that the others are copied from. Connecting to it would keep it
    /// from being copied: for [`Self::url_of`] `postgres` there is no such limit.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of another database on it.
    pub fn url_of(&self, database: &str) -> String {
        at_database(&self.url, database)
    }

    async fn database(&self) -> TestDatabase {
        let name = format!("test_{}", self.made.fetch_add(1, Ordering::Relaxed));
        run(&self.url, format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await.expect("a copy of the database");
        let url = self.url_of(&name);
        let pool = store::connect_postgres(&url, POOL_MAX).await.expect("a new database answers");
        TestDatabase { pool, url, name }
    }
}

impl TestDatabase {
    /// Stops its clock, for every connection made from here on: `clock_timestamp()` and `now()` are then what
    /// [`Self::set_clock`] says, in milliseconds since 1970.
    pub async fn stop_clock(&self, at_ms: i64) {
        let statements = format!(
            "create schema clock; create table clock.now (at timestamptz not null);
             insert into clock.now values (from_ms({at_ms}));
             create function clock.clock_timestamp() returns timestamptz language sql volatile as 'select at from clock.now';
             create function clock.now() returns timestamptz language sql volatile as 'select at from clock.now';
             alter database {} set search_path = clock, public, pg_catalog;
             alter table audit alter at set default clock.clock_timestamp()",
            self.name
        );
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&self.pool).await.expect("a clock of its own");
    }

    /// Sets the clock that [`Self::stop_clock`] stopped.
    pub async fn set_clock(&self, at_ms: i64) {
        let set = sqlx::query("update clock.now set at = from_ms($1)").bind(at_ms).execute(&self.pool).await;
        assert_eq!(set.expect("the clock is set").rows_affected(), 1);
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let dropped = postgres().dropped.lock().unwrap_or_else(PoisonError::into_inner);
        // Only to save disk and memory: all of it goes with the process.
        let _ = dropped.send(std::mem::take(&mut self.name));
    }
}

/// Owns the server for as long as the process lives.
fn serve(started: &mpsc::Sender<Result<String, String>>, to_drop: &mpsc::Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let dir = ScratchDir::new();
    let server = match runtime.block_on(start(&dir)) {
        Ok(server) => server,
        Err(reason) => {
            let _ = started.send(Err(reason));
            return;
        }
    };
    let _ = started.send(Ok(server.url().to_owned()));
    for name in to_drop {
        let _ = runtime.block_on(run(server.url(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
    }
}

async fn start(dir: &ScratchDir) -> Result<PrivatePostgres, String> {
    let programs = Programs::find().map_err(|missing| missing.to_string())?;
    let server = PrivatePostgres::start(dir.path(), &programs, false).await.map_err(|error| error.to_string())?;
    let pool = store::connect_postgres(server.url(), 1).await.map_err(|error| error.to_string())?;
    store::migrate(&pool).await.map_err(|error| error.to_string())?;
    pool.close().await; // a database with connections cannot be copied
    Ok(server)
}

/// Runs a statement about databases, from a database that nobody copies.
async fn run(url: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(&at_database(url, "postgres")).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}

/// The same server, another database.
fn at_database(url: &str, database: &str) -> String {
    url.replacen(&format!("/{TEMPLATE}?"), &format!("/{database}?"), 1)
}
