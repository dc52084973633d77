//! Reading a published sale's settings as followers need them.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Result;
use crate::announcements::AnnouncementNow;
use crate::clock::FrozenNow;
use crate::feed::SaleNow;
use crate::tuning::{BrakeNow, RampNow};

#[derive(sqlx::FromRow)]
struct SaleRow {
    lobby_opens_at_ms: Option<i64>,
    opens_at_ms: i64,
    closes_at_ms: i64,
    wait_ends_at_ms: Option<i64>,
    draws: bool,
    rate_per_minute: i32,
    max_active: i32,
    target_per_minute: Option<i32>,
    ramp: Option<Json<RampNow>>,
    brake: Option<Json<BrakeNow>>,
    rate_version: i64,
    grace_ms: i32,
    presence_ms: i32,
    pause_reason: Option<String>,
    stopped: bool,
    picks: bool,
    allotment: Option<i32>,
    clock_lag_ms: i64,
    frozen_at_ms: Option<i64>,
    frozen_reason: Option<String>,
    announcement: Option<Json<BTreeMap<String, String>>>,
    announced_at_ms: Option<i64>,
    sold_out: bool,
}

/// The settings of a published sale as followers need them.
pub(crate) async fn sale_now(tx: &mut PgConnection, sale: Uuid) -> Result<Option<SaleNow>> {
    let row: Option<SaleRow> = sqlx::query_as(
        "select to_ms(lobby_opens_at) as lobby_opens_at_ms, to_ms(opens_at) as opens_at_ms, to_ms(closes_at) as closes_at_ms,
                to_ms(wait_ends_at) as wait_ends_at_ms, ordering <> 'fifo' as draws, rate_per_minute, max_active,
                target_per_minute, ramp, brake, rate_version, grace_ms, presence_ms,
                coalesce(stop_reason, pause_reason) as pause_reason, stop_reason is not null as stopped, seating = 'pick' as picks, allotment,
                announcement, to_ms(announced_at) as announced_at_ms,
                sold_out_at is not null as sold_out, c.clock_lag_ms, c.frozen_at_ms, c.frozen_reason
         from sale cross join lateral (
             -- What a freeze has cost so far is everybody's own sum.
             select floor(1000 * extract(epoch from coalesce(sum(a.ended_at - a.began_at + a.extra_ms * interval '1 ms'), '0')))::bigint as clock_lag_ms,
                    to_ms(max(a.began_at) filter (where a.ended_at is null)) as frozen_at_ms,
                    max(w.reason) filter (where a.ended_at is null) as frozen_reason
             from clock_act a join audit w on w.id = a.audit where a.sale = sale.id) c
         where id = $1 and published",
    )
    .bind(sale)
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| SaleNow {
        lobby_opens_at_ms: row.lobby_opens_at_ms,
        opens_at_ms: row.opens_at_ms,
        closes_at_ms: row.closes_at_ms,
        wait_ends_at_ms: row.wait_ends_at_ms,
        draws: row.draws,
        rate_per_minute: row.rate_per_minute as u32,
        max_active: row.max_active as u32,
        target_per_minute: row.target_per_minute.map(i32::cast_unsigned),
        ramp: row.ramp.map(|ramp| ramp.0),
        brake: row.brake.map(|brake| brake.0),
        rate_version: row.rate_version,
        grace_ms: row.grace_ms.into(),
        presence_ms: row.presence_ms.into(),
        pause_reason: row.pause_reason,
        stopped: row.stopped,
        picks: row.picks,
        allotment: row.allotment.map(i32::cast_unsigned),
        clock_lag_ms: row.clock_lag_ms,
        frozen: row
            .frozen_at_ms
            .zip(row.frozen_reason)
            .map(|(since_ms, reason)| Box::new(FrozenNow { since_ms, reason })),
        announcement: row
            .announced_at_ms
            .zip(row.announcement)
            .map(|(at_ms, texts)| AnnouncementNow { at_ms, texts: texts.0 }),
        sold_out: row.sold_out,
    }))
}
