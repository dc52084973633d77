//! The pace: never faster than the knobs in force, ramps included, nobody while paused or stopped, one holder after the other (invariants 2, 8, 11).

use std::collections::HashMap;

use domain::pacing::Ramp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::{History, Tick};
use super::{Check, Look, Query, query};
use crate::feed::{Change, SaleNow};

const MINUTE: Check = Check { name: "pace-within-rate", invariant: 8 };
const SECOND: Check = Check { name: "pace-within-a-seconds-share", invariant: 8 };
const KNOBS: Check = Check { name: "pace-follows-its-knobs", invariant: 8 };
const PAUSED: Check = Check { name: "nobody-admitted-while-paused", invariant: 8 };
const WINDOW: Check = Check { name: "admitted-while-open", invariant: 8 };
const TERMS: Check = Check { name: "pacing-terms-ascend", invariant: 2 };
const AUDITED: Check = Check { name: "knobs-are-audited", invariant: 11 };

/// A change of the knobs takes effect within this.
const EFFECT_MS: i64 = 1_000;

pub(super) const CHECKS: &[Query] = &[query(
    "active-within-cap",
    8,
    "with cap as (select r.scope as sale, max((change->>'max_active')::bigint) as most
                  from feed_record r join lane l on l.scope = r.scope and l.kind = r.kind cross join json_array_elements(r.changes) as change
                  where l.event = $1 and r.kind = 'pace' and change->>'k' = 'sale' group by r.scope)
     select format('sale %s has %s active places, and never allowed more than %s', c.sale, count(p.id), c.most) as what
     from cap c join place p on p.sale = c.sale and p.ended_at is null and p.admitted_at is not null
     group by c.sale, c.most having count(p.id) > c.most",
)];

/// A sale's settings from a record on.
struct Setting<'a> {
    version: i64,
    at_ms: i64,
    now: &'a SaleNow,
    ramp: Ramp,
}

impl Setting<'_> {
    /// The rate in force at a time; the operators' pauses are checked apart.
    fn rate_at(&self, at_ms: i64) -> u32 {
        self.ramp.rate_at(self.now.rate_per_minute, at_ms)
    }

    /// The highest rate in force from a time to another, both included.
    fn highest(&self, from_ms: i64, to_ms: i64) -> u32 {
        self.ramp.highest(self.now.rate_per_minute, from_ms, to_ms.max(from_ms))
    }
}

pub(super) async fn check(look: &mut Look<'_>, history: &History) -> crate::Result<()> {
    let audits: Vec<Audit> = sqlx::query_as(
        "select a.sale, to_ms(a.at) as at_ms, a.action = 'sale.edit' as edit, a.change->'to' as to
         from audit a join sale s on s.id = a.sale
         where s.event = $1 and (a.action like 'admission.%' or a.action = 'sale.edit') order by a.id",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?;
    let leases: HashMap<Uuid, i64> =
        sqlx::query_as::<_, (Uuid, i64)>("select scope, term from lease where kind = 'pacing'")
            .fetch_all(&mut *look.tx)
            .await?
            .into_iter()
            .collect();
    for (sale, ticks) in &history.ticks {
        let settings = settings(history, *sale);
        let term = leases.get(sale).copied().unwrap_or(0);
        let pace = Pace { sale: *sale, ticks, settings: &settings, slack_ms: look.allowance.slack_ms };
        look.found(MINUTE, pace.window(60_000, i64::from));
        look.found(SECOND, pace.window(1_000, |rate| i64::from(rate.saturating_mul(2).div_ceil(60).max(1))));
        look.found(KNOBS, pace.knobs());
        look.found(PAUSED, pace.paused());
        look.found(WINDOW, pace.open());
        look.found(TERMS, pace.terms(term));
        look.found(AUDITED, unaudited(*sale, &settings, &audits));
    }
    Ok(())
}

fn settings(history: &History, sale: Uuid) -> Vec<Setting<'_>> {
    let mut settings = Vec::new();
    for record in history.pace(sale) {
        for change in &record.changes {
            if let Change::Sale(now) = change {
                // One that is none counts as none: the decisions then name rates that it does not explain.
                let ramp = now.ramp.as_ref().and_then(|ramp| ramp.rules().ok()).unwrap_or_default();
                settings.push(Setting { version: record.version, at_ms: record.at_ms, now, ramp });
            }
        }
    }
    settings
}

/// A line of the audit log about a sale's settings.
#[derive(sqlx::FromRow)]
struct Audit {
    sale: Uuid,
    at_ms: i64,
    /// Whether a promoter edited the sale; else an operator turned its knobs.
    edit: bool,
    /// What was to come of it.
    to: Value,
}

impl Audit {
    fn says(&self, now: &SaleNow) -> bool {
        let to = |name: &str| &self.to[name];
        if self.edit {
            *to("opens_at_ms") == now.opens_at_ms
                && *to("closes_at_ms") == now.closes_at_ms
                && *to("lobby_opens_at_ms") == json!(now.lobby_opens_at_ms)
                && *to("wait_ends_at_ms") == json!(now.wait_ends_at_ms)
                && *to("allotment") == json!(now.allotment)
        } else {
            let reason = if to("stop_reason").is_null() { to("pause_reason") } else { to("stop_reason") };
            *to("rate_per_minute") == now.rate_per_minute
                && *to("max_active") == now.max_active
                && *to("grace_ms") == now.grace_ms
                && *to("presence_ms") == now.presence_ms
                && *reason == json!(now.pause_reason)
        }
    }
}

/// Every change of the knobs and every edit has a line of its own in the audit log, written before, that says just that.
fn unaudited(sale: Uuid, settings: &[Setting<'_>], audits: &[Audit]) -> Vec<String> {
    fn knobs(now: &SaleNow) -> impl PartialEq + use<'_> {
        let pace = (now.rate_per_minute, now.max_active, now.target_per_minute, &now.ramp, &now.brake);
        (pace, now.grace_ms, now.presence_ms, &now.pause_reason, now.stopped, now.rate_version)
    }
    const fn edited(now: &SaleNow) -> impl PartialEq {
        let window = (now.lobby_opens_at_ms, now.opens_at_ms, now.closes_at_ms, now.wait_ends_at_ms);
        (window, now.draws, now.allotment)
    }
    let mut found = Vec::new();
    for edit in [false, true] {
        let mut lines = audits.iter().filter(|audit| audit.sale == sale && audit.edit == edit);
        for pair in settings.windows(2) {
            let (before, now) = (pair[0].now, pair[1].now);
            let changed = if edit { edited(before) != edited(now) } else { knobs(before) != knobs(now) };
            if changed && !lines.any(|line| line.at_ms <= pair[1].at_ms && line.says(now)) {
                let what = if edit { "is an edit" } else { "changes the knobs" };
                found.push(format!(
                    "sale {sale}: version {} {what}, and no line of the audit log before it says so",
                    pair[1].version
                ));
                // The lines after this one cannot be told apart any more.
                break;
            }
        }
    }
    found
}

struct Pace<'a> {
    sale: Uuid,
    ticks: &'a [Tick],
    settings: &'a [Setting<'a>],
    slack_ms: i64,
}

impl Pace<'_> {
    /// No rolling span admits more than the highest rate in force in it allows.
    fn window(&self, span_ms: i64, allowed: impl Fn(u32) -> i64) -> Vec<String> {
        let mut found = Vec::new();
        let (mut first, mut sum) = (0, 0);
        for (nth, tick) in self.ticks.iter().enumerate() {
            sum += tick.admitted;
            while self.ticks[first].at_ms <= tick.at_ms - span_ms {
                sum -= self.ticks[first].admitted;
                first += 1;
            }
            let of_ticks =
                self.ticks[first..=nth].iter().map(|tick| tick.rate_per_minute.clamp(0, u32::MAX.into()) as u32).max();
            let most = allowed(of_ticks.unwrap_or(0).max(self.highest(tick.at_ms - span_ms, tick.at_ms)));
            if sum > most {
                found.push(format!(
                    "sale {}: {sum} were let in during the {span_ms} ms before {}, and no more than {most} were allowed",
                    self.sale, tick.at_ms
                ));
            }
        }
        found
    }

    /// The highest rate in force at any time in between.
    fn highest(&self, from_ms: i64, to_ms: i64) -> u32 {
        let start = self.settings.partition_point(|setting| setting.at_ms <= from_ms).saturating_sub(1);
        let settings = &self.settings[start.min(self.settings.len())..];
        let ends_ms = settings.iter().skip(1).map(|next| next.at_ms.min(to_ms)).chain([to_ms]);
        settings
            .iter()
            .zip(ends_ms)
            .take_while(|(setting, _)| setting.at_ms <= to_ms)
            .map(|(setting, end_ms)| setting.highest(setting.at_ms.max(from_ms), end_ms))
            .max()
            .unwrap_or(0)
    }

    /// The settings that were recorded before a decision.
    fn before(&self, tick: &Tick) -> Option<&Setting<'_>> {
        let next = self.settings.partition_point(|setting| setting.version < tick.version);
        self.settings[..next].last()
    }

    /// A decision names the rate of its version, which is the one in force, or was until a moment ago.
    fn knobs(&self) -> Vec<String> {
        let of_version: HashMap<i64, &Setting<'_>> =
            self.settings.iter().map(|setting| (setting.now.rate_version, setting)).collect();
        let mut found = Vec::new();
        let mut latest = i64::MIN;
        for tick in self.ticks {
            let in_force = of_version.get(&tick.rate_version).map(|setting| setting.rate_at(tick.at_ms));
            if in_force.is_none_or(|rate| i64::from(rate) != tick.rate_per_minute) {
                found.push(format!(
                    "sale {}: the decision of version {} names a rate of {}, which is not that of rate version {} then",
                    self.sale, tick.version, tick.rate_per_minute, tick.rate_version
                ));
            }
            if let Some(setting) = self.before(tick)
                && setting.now.rate_version > tick.rate_version
                && tick.at_ms > setting.at_ms + EFFECT_MS + self.slack_ms
            {
                found.push(format!(
                    "sale {}: the decision of version {} went by rate version {}, {} ms after it had become {}",
                    self.sale,
                    tick.version,
                    tick.rate_version,
                    tick.at_ms - setting.at_ms,
                    setting.now.rate_version
                ));
            }
            if tick.at_ms < latest {
                found.push(format!(
                    "sale {}: the decision of version {} is dated before the one before it",
                    self.sale, tick.version
                ));
            }
            latest = latest.max(tick.at_ms);
        }
        found
    }

    fn paused(&self) -> Vec<String> {
        let paused: HashMap<i64, bool> = self
            .settings
            .iter()
            .map(|setting| (setting.now.rate_version, setting.now.pause_reason.is_some()))
            .collect();
        let letting_in = self.ticks.iter().filter(|tick| tick.admitted > 0);
        letting_in
            .filter(|tick| {
                let knew = paused.get(&tick.rate_version).copied().unwrap_or(false);
                let should = self.before(tick).is_some_and(|setting| {
                    setting.now.pause_reason.is_some() && tick.at_ms > setting.at_ms + EFFECT_MS + self.slack_ms
                });
                knew || should
            })
            .map(|tick| {
                format!(
                    "sale {}: version {} let in {} while the sale was paused",
                    self.sale, tick.version, tick.admitted
                )
            })
            .collect()
    }

    fn open(&self) -> Vec<String> {
        let moment = EFFECT_MS + self.slack_ms;
        let letting_in = self.ticks.iter().filter(|tick| tick.admitted > 0);
        letting_in
            .filter(|tick| {
                self.before(tick).is_none_or(|Setting { now, at_ms, .. }| {
                    now.sold_out
                        || tick.at_ms < now.opens_at_ms - moment
                        || tick.at_ms >= now.course(true).ends_at_ms() + moment && tick.at_ms > at_ms + moment
                })
            })
            .map(|tick| {
                format!(
                    "sale {}: version {} let in {} while the sale was not open",
                    self.sale, tick.version, tick.admitted
                )
            })
            .collect()
    }

    fn terms(&self, term: i64) -> Vec<String> {
        let mut found = Vec::new();
        let mut highest = 0;
        for tick in self.ticks {
            if tick.term < highest || tick.term > term {
                found.push(format!(
                    "sale {}: the decision of version {} was made in term {}, after one of term {highest}; the term now is {term}",
                    self.sale, tick.version, tick.term
                ));
            }
            highest = highest.max(tick.term);
        }
        found
    }
}
