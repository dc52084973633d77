//! Checks the recorded history against the invariants, on a live system, at any moment.
//!
//! Each event is read in one snapshot of its own, read-only, so that nobody waits for us and nothing moves meanwhile.
//! A check is a query that selects what is wrong, or a replay of the event's records; on a sound system none finds
//! anything. What decides and what checks are separate code on purpose: the checks read rows, never the operations.

mod blocks;
mod bookings;
mod deadlines;
mod draw;
mod entry;
mod exchanges;
mod history;
mod lanes;
mod line;
mod log;
mod mending;
mod money;
mod order;
mod pace;
mod redis;
mod replay;
mod seating;
mod seats;

use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

pub use self::replay::differences;
use crate::follow::begin_snapshot;
use crate::{Result, Store};

/// Faults told per check and event, at most: the first ones matter, and a broken history has them by the million.
const TOLD: usize = 20;

/// What was checked, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The names of the checks that ran, in order. Those of Redis are missing while it is away.
    pub checked: Vec<&'static str>,
    /// What is wrong; empty when all is well.
    pub violations: Vec<Violation>,
}

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The check that found it.
    pub check: &'static str,
    /// The number of the invariant it breaks.
    pub invariant: u8,
    /// What is wrong, and where.
    pub what: String,
}

/// What is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How much later than promised something may have come, because a store or process was away, in milliseconds.
    pub slack_ms: i64,
    /// How much older than a decision that which it saw may have been, in milliseconds, besides the slack.
    pub view_ms: i64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { slack_ms: 1_000, view_ms: 1_000 }
    }
}

impl From<i64> for Allowance {
    fn from(slack_ms: i64) -> Self {
        Self { slack_ms, ..Self::default() }
    }
}

/// A named check of one invariant.
#[derive(Debug, Clone, Copy)]
struct Check {
    name: &'static str,
    invariant: u8,
}

/// A check whose query selects one text, `what`, per fault of the event `$1`; `$2` is the slack in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Query {
    check: Check,
    sql: &'static str,
}

const fn query(name: &'static str, invariant: u8, sql: &'static str) -> Query {
    Query { check: Check { name, invariant }, sql }
}

/// One event under examination, in one snapshot.
struct Look<'a> {
    tx: &'a mut PgConnection,
    event: Uuid,
    allowance: Allowance,
    report: &'a mut Report,
}

impl Look<'_> {
    async fn queries(&mut self, queries: &[Query]) -> Result<()> {
        for Query { check, sql } in queries {
            // One more than is told shows that there are more.
            let sql = format!("select what from ({sql}) as faults limit {}", TOLD + 1);
            let faults: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(self.event)
                .bind(self.allowance.slack_ms)
                .fetch_all(&mut *self.tx)
                .await?;
            self.found(*check, faults);
        }
        Ok(())
    }

    /// Notes that the check ran on this event, and its faults.
    fn found(&mut self, check: Check, faults: impl IntoIterator<Item = String>) {
        self.report.add(check, faults);
    }
}

impl Report {
    fn add(&mut self, Check { name, invariant }: Check, faults: impl IntoIterator<Item = String>) {
        if !self.checked.contains(&name) {
            self.checked.push(name);
        }
        for (nth, what) in faults.into_iter().enumerate() {
            let last = nth == TOLD;
            let what = if last { "and more of the same".to_owned() } else { what };
            self.violations.push(Violation { check: name, invariant, what });
            if last {
                break;
            }
        }
    }
}

impl Store {
    /// Checks everything recorded. Never blocks anyone; finds nothing on a sound system.
    ///
    /// # Errors
    /// When Postgres is away. Redis being away leaves its checks out of [`Report::checked`].
    pub async fn verify(&self) -> Result<Report> {
        self.verify_allowing(Allowance::default()).await
    }

    /// [`Store::verify`] with other allowances than the usual ones, or a slack in milliseconds: as long as the outages lasted.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn verify_allowing(&self, allowance: impl Into<Allowance>) -> Result<Report> {
        let allowance = allowance.into();
        let mut report = Report::default();
        let events: Vec<Uuid> = sqlx::query_scalar("select id from event order by id").fetch_all(&self.pool).await?;
        for event in events {
            self.verify_event(event, allowance, &mut report).await?;
        }
        Ok(report)
    }

    async fn verify_event(&self, event: Uuid, allowance: Allowance, report: &mut Report) -> Result<()> {
        // Before the snapshot: what is in the feed by now must be in what Postgres has a moment later.
        let copy = redis::read(self, event).await;
        let mut connection = self.pool.acquire().await?;
        let mut tx = begin_snapshot(&mut connection).await?;
        // Reading a million places takes its time, and holds up nobody.
        sqlx::query("set local statement_timeout = '120s'").execute(&mut *tx).await?;
        sqlx::query("set local idle_in_transaction_session_timeout = '120s'").execute(&mut *tx).await?;
        let mut look = Look { tx: &mut tx, event, allowance, report };
        look.queries(seats::CHECKS).await?;
        look.queries(blocks::CHECKS).await?;
        look.queries(bookings::CHECKS).await?;
        look.queries(money::CHECKS).await?;
        look.queries(line::CHECKS).await?;
        look.queries(entry::CHECKS).await?;
        look.queries(lanes::CHECKS).await?;
        look.queries(log::CHECKS).await?;
        look.queries(mending::CHECKS).await?;
        look.queries(order::CHECKS).await?;
        look.queries(pace::CHECKS).await?;
        look.queries(deadlines::CHECKS).await?;
        let history = history::read(&mut look).await?;
        replay::check(&mut look, &history).await?;
        draw::check(&mut look, &history).await?;
        order::check(&mut look, &history);
        pace::check(&mut look, &history).await?;
        deadlines::check(&mut look, &history).await?;
        seating::check(&mut look, &history).await?;
        exchanges::check(&mut look, &history).await?;
        if let Some(copy) = copy {
            redis::check(&mut look, &history, &copy).await?;
        }
        tx.rollback().await?;
        Ok(())
    }
}
