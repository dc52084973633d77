//! The operators' knobs of a sale: what they are, changing them, and the log of who changed what.

use domain::pacing::{Between, BrakeRules, Ramp, RampFault, Step, Tuning};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::feed::SaleNow;
use crate::leases::Lease;
use crate::pace::record_sale;
use crate::{Result, Store, StoreError};

/// A schedule of rates as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RampNow {
    /// The rates with the times from which they hold.
    pub steps: Vec<RampStep>,
    /// Whether the rate goes in straight lines from step to step; otherwise it stays until the next.
    #[serde(default)]
    pub linear: bool,
}

/// A rate from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RampStep {
    /// From when, in milliseconds since 1970.
    pub at_ms: i64,
    /// Fans per minute.
    pub rate_per_minute: u32,
}

impl RampNow {
    /// The schedule that the rules know.
    ///
    /// # Errors
    /// Names the first step that is none.
    pub fn rules(&self) -> std::result::Result<Ramp, RampFault> {
        let steps = self.steps.iter().map(|step| Step { at_ms: step.at_ms, rate_per_minute: step.rate_per_minute });
        Ramp::new(steps.collect(), if self.linear { Between::Linear } else { Between::Steps })
    }
}

/// What the automatic brake goes by, as it is kept; see [`BrakeRules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the domain's rules, documented there")]
pub struct BrakeNow {
    pub p99_ms: u32,
    pub errors_per_mille: u32,
    pub least_samples: u32,
    pub hold_off_ms: i64,
    pub halvings_max: u8,
    pub recover_every_ms: i64,
    /// A step back makes the factor this many hundredths of what it was; above 100.
    pub recover_percent: u32,
}

impl From<BrakeNow> for BrakeRules {
    fn from(kept: BrakeNow) -> Self {
        Self {
            p99_ms: kept.p99_ms,
            errors_per_mille: kept.errors_per_mille,
            least_samples: kept.least_samples,
            hold_off_ms: kept.hold_off_ms,
            halvings_max: kept.halvings_max,
            recover_every_ms: kept.recover_every_ms,
            recover_by: f64::from(kept.recover_percent) / 100.0,
        }
    }
}

/// All knobs of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knobs {
    /// Fans per rolling minute: the hard cap, whatever the ramp says.
    pub rate_per_minute: u32,
    /// Admitted, holding or paying at once.
    pub max_active: u32,
    /// Fans who should really come, per minute.
    pub target_per_minute: Option<u32>,
    /// How long absent fans keep the head, in milliseconds.
    pub grace_ms: i64,
    /// How long a last sign counts, in milliseconds.
    pub presence_ms: i64,
    /// Scheduled rates.
    pub ramp: Option<RampNow>,
    /// The automatic brake.
    pub brake: Option<BrakeNow>,
}

impl Knobs {
    /// The tuning that the rules know, of a line that goes on.
    ///
    /// # Errors
    /// When the ramp is none.
    pub fn tuning(&self) -> std::result::Result<Tuning, RampFault> {
        let caps = domain::pacing::Knobs { rate_per_minute: self.rate_per_minute, max_active: self.max_active };
        let ramp = self.ramp.as_ref().map(RampNow::rules).transpose()?.unwrap_or_default();
        let brake = self.brake.map(BrakeRules::from);
        Ok(Tuning { target_per_minute: self.target_per_minute, ramp, brake, ..Tuning::new(caps) })
    }
}

/// A change of some knobs; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the knobs")]
pub struct KnobChange {
    pub rate_per_minute: Option<u32>,
    pub max_active: Option<u32>,
    #[serde(default, deserialize_with = "given")]
    pub target_per_minute: Option<Option<u32>>,
    pub grace_ms: Option<i64>,
    pub presence_ms: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    pub ramp: Option<Option<RampNow>>,
    #[serde(default, deserialize_with = "given")]
    pub brake: Option<Option<BrakeNow>>,
}

/// Null is a value; only what is not there at all stays.
#[expect(clippy::option_option, reason = "not there, null and a value are three things")]
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl KnobChange {
    /// A new rate and nothing else.
    #[must_use]
    pub fn rate(rate_per_minute: u32) -> Self {
        Self { rate_per_minute: Some(rate_per_minute), ..Self::default() }
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The knobs after it.
    #[must_use]
    pub fn of(&self, knobs: &Knobs) -> Knobs {
        Knobs {
            rate_per_minute: self.rate_per_minute.unwrap_or(knobs.rate_per_minute),
            max_active: self.max_active.unwrap_or(knobs.max_active),
            target_per_minute: self.target_per_minute.unwrap_or(knobs.target_per_minute),
            grace_ms: self.grace_ms.unwrap_or(knobs.grace_ms),
            presence_ms: self.presence_ms.unwrap_or(knobs.presence_ms),
            ramp: self.ramp.clone().unwrap_or_else(|| knobs.ramp.clone()),
            brake: self.brake.unwrap_or(knobs.brake),
        }
    }
}

/// A change of how a sale lets people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tune {
    /// Some knobs.
    Knobs(KnobChange),
    /// The knobs as they were before their last change; [`Tuned::before`].
    Undo,
    /// Hold everybody.
    Pause,
    /// Go on.
    Resume,
    /// Emergency stop: nobody joins either.
    Stop,
    /// The end of the emergency.
    Start,
}

/// What the operators have set, as of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    /// The sale's event.
    pub event: Uuid,
    /// The knobs.
    pub knobs: Knobs,
    /// Why everybody is held.
    pub pause_reason: Option<String>,
    /// Why it is stopped.
    pub stop_reason: Option<String>,
    /// Counts changes of all this.
    pub version: i64,
    /// The knobs as they were before their last change; nothing if they were never changed.
    pub before: Option<KnobChange>,
    /// What the automatic brake makes of the pace, in (0, 1].
    pub brake_factor: f64,
    /// When this was read, by Postgres's clock, in milliseconds since 1970.
    pub now_ms: i64,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// When.
    pub at_ms: i64,
    /// Who.
    pub account: Uuid,
    /// Their e-mail address.
    pub email: Option<String>,
    /// What.
    pub action: String,
    /// Why.
    pub reason: String,
    /// From and to.
    pub change: Value,
}

impl SaleNow {
    /// What the operators have set, for the pacing rules.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the ramp is none; it was checked before it was kept.
    pub fn tuning(&self) -> Result<Tuning> {
        let caps = domain::pacing::Knobs { rate_per_minute: self.rate_per_minute, max_active: self.max_active };
        let ramp = self.ramp.as_ref().map(RampNow::rules).transpose();
        let ramp = ramp.map_err(|fault| StoreError::Corrupt(fault.to_string()))?.unwrap_or_default();
        Ok(Tuning {
            target_per_minute: self.target_per_minute,
            ramp,
            brake: self.brake.map(BrakeRules::from),
            held: self.pause_reason.is_some(),
            stopped: self.stopped,
            ..Tuning::new(caps)
        })
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    event: Uuid,
    rate_per_minute: i32,
    max_active: i32,
    target_per_minute: Option<i32>,
    grace_ms: i32,
    presence_ms: i32,
    ramp: Option<Json<RampNow>>,
    brake: Option<Json<BrakeNow>>,
    pause_reason: Option<String>,
    stop_reason: Option<String>,
    rate_version: i64,
    published: bool,
    before: Option<Json<KnobChange>>,
    brake_factor: f64,
    now_ms: i64,
}

/// Of one snapshot: the knobs and what they were before belong together.
const TUNED: &str = "
    select event, rate_per_minute, max_active, target_per_minute, grace_ms, presence_ms, ramp, brake, pause_reason,
           stop_reason, rate_version, published, brake_factor, to_ms(clock_timestamp()) as now_ms,
           (select change->'from' from audit where sale = s.id and action in ('admission.tune', 'admission.undo')
            order by id desc limit 1) as before
    from sale s where id = $1";

impl From<Row> for Tuned {
    fn from(row: Row) -> Self {
        Self {
            event: row.event,
            knobs: Knobs {
                rate_per_minute: row.rate_per_minute as u32,
                max_active: row.max_active as u32,
                target_per_minute: row.target_per_minute.map(i32::cast_unsigned),
                grace_ms: row.grace_ms.into(),
                presence_ms: row.presence_ms.into(),
                ramp: row.ramp.map(|ramp| ramp.0),
                brake: row.brake.map(|brake| brake.0),
            },
            pause_reason: row.pause_reason,
            stop_reason: row.stop_reason,
            version: row.rate_version,
            before: row.before.map(|before| before.0),
            brake_factor: row.brake_factor,
            now_ms: row.now_ms,
        }
    }
}

impl Tuned {
    /// The knobs after this change; nothing if it changes none.
    #[must_use]
    pub fn knobs_after(&self, tune: &Tune) -> Option<Knobs> {
        let change = match tune {
            Tune::Knobs(change) => Some(change),
            Tune::Undo => self.before.as_ref(),
            Tune::Pause | Tune::Resume | Tune::Stop | Tune::Start => None,
        };
        change.map(|change| change.of(&self.knobs))
    }

    fn after(&self, tune: &Tune, reason: &str) -> Self {
        let mut to = self.clone();
        to.knobs = self.knobs_after(tune).unwrap_or(to.knobs);
        match tune {
            Tune::Knobs(_) | Tune::Undo => {}
            Tune::Pause => to.pause_reason = Some(reason.to_owned()),
            Tune::Resume => to.pause_reason = None,
            Tune::Stop => to.stop_reason = Some(reason.to_owned()),
            Tune::Start => to.stop_reason = None,
        }
        to
    }

    fn shown(&self) -> Value {
        let mut shown = json!(self.knobs);
        shown["pause_reason"] = json!(self.pause_reason);
        shown["stop_reason"] = json!(self.stop_reason);
        shown
    }
}

impl Tune {
    /// Its name in the audit log.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Knobs(_) => "admission.tune",
            Self::Undo => "admission.undo",
            Self::Pause => "admission.pause",
            Self::Resume => "admission.resume",
            Self::Stop => "admission.stop",
            Self::Start => "admission.start",
        }
    }
}

impl Store {
    /// What the operators have set for a sale.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn tuned(&self, sale: Uuid) -> Result<Option<Tuned>> {
        let row: Option<Row> = sqlx::query_as(TUNED).bind(sale).fetch_optional(&self.pool).await?;
        Ok(row.map(Tuned::from))
    }

    /// Changes how a sale lets people in: the audit log's line comes first, in the same transaction, so that no effect is
    /// without one. `expected` is the rate version that the operator saw. An undo goes back behind the last change that is
    /// made when it is made, and changes nothing if there is none. Answers the new rate version.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the version is another; [`StoreError::Corrupt`] without such a sale; when Postgres is away.
    pub async fn tune(
        &self,
        sale: Uuid,
        account: Uuid,
        tune: &Tune,
        reason: &str,
        expected: Option<i64>,
    ) -> Result<i64> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("select from sale where id = $1 for no key update").bind(sale).execute(&mut *tx).await?;
        // A later statement than the lock sees the changes of whoever had it before, and what they changed.
        let row: Option<Row> = sqlx::query_as(TUNED).bind(sale).fetch_optional(&mut *tx).await?;
        let row = row.ok_or_else(|| StoreError::Corrupt(format!("there is no sale {sale}")))?;
        let published = row.published;
        let from = Tuned::from(row);
        if expected.is_some_and(|expected| expected != from.version) {
            return Err(StoreError::Moved("the sale's tuning"));
        }
        let to = from.after(tune, reason);
        sqlx::query("insert into audit (sale, account, action, reason, change) values ($1, $2, $3, $4, $5)")
            .bind(sale)
            .bind(account)
            .bind(tune.action())
            .bind(reason)
            .bind(json!({"from": from.shown(), "to": to.shown()}))
            .execute(&mut *tx)
            .await?;
        keep(&mut tx, sale, &to).await?;
        let records = if published { vec![record_sale(&mut tx, sale).await?] } else { Vec::new() };
        tx.commit().await?;
        self.publish(from.event, &records).await;
        Ok(from.version + 1)
    }

    /// The most that were ever let in within a rolling minute of one of the event's sales.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn highest_minute(&self, event: Uuid) -> Result<u32> {
        let most: i64 = sqlx::query_scalar(
            "select coalesce(max(n), 0) from (
                 select sum(t.admitted) over (partition by t.sale order by t.at range between interval '60 s' preceding and current row) as n
                 from pace_tick t join sale s on s.id = t.sale where s.event = $1) m",
        )
        .bind(event)
        .fetch_one(&self.pool)
        .await?;
        Ok(u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// Says what the automatic brake does from now on, and why: the word of the holder of the pacing lease.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the lease's term is over; when Postgres is away.
    pub async fn tell_brake(&self, lease: &Lease, factor: f64, why: &str) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        self.in_office(&mut tx, lease).await?;
        sqlx::query(
            "update sale set brake_factor = $2, brake_why = $3, brake_since = clock_timestamp()
             where id = $1 and brake_factor <> $2",
        )
        .bind(lease.scope)
        .bind(factor)
        .bind(why)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The audit log of a sale, newest first.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn audit_of(&self, sale: Uuid, limit: i64) -> Result<Vec<AuditRow>> {
        let rows: Vec<(i64, Uuid, Option<String>, String, String, Value)> = sqlx::query_as(
            "select to_ms(a.at), a.account, w.email, a.action, a.reason, a.change
             from audit a left join account w on w.id = a.account
             where a.sale = $1 or a.event = (select event from sale where id = $1) order by a.id desc limit $2",
        )
        .bind(sale)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(at_ms, account, email, action, reason, change)| AuditRow {
                at_ms,
                account,
                email,
                action,
                reason,
                change,
            })
            .collect())
    }
}

async fn keep(tx: &mut PgConnection, sale: Uuid, to: &Tuned) -> Result<()> {
    let knobs = &to.knobs;
    sqlx::query(
        "update sale set rate_per_minute = $2, max_active = $3, target_per_minute = $4, grace_ms = $5, presence_ms = $6,
                ramp = $7, brake = $8, pause_reason = $9, stop_reason = $10, rate_version = rate_version + 1
         where id = $1",
    )
    .bind(sale)
    .bind(knobs.rate_per_minute.cast_signed())
    .bind(knobs.max_active.cast_signed())
    .bind(knobs.target_per_minute.map(u32::cast_signed))
    .bind(knobs.grace_ms as i32)
    .bind(knobs.presence_ms as i32)
    .bind(knobs.ramp.as_ref().map(Json))
    .bind(knobs.brake.map(Json))
    .bind(&to.pause_reason)
    .bind(&to.stop_reason)
    .execute(tx)
    .await?;
    Ok(())
}
