//! Reading a published sale's settings as followers need them.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Result;
use crate::announcements::AnnouncementNow;
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
    allotment: Option<i32>,
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
                coalesce(stop_reason, pause_reason) as pause_reason, stop_reason is not null as stopped, allotment,
                announcement, to_ms(announced_at) as announced_at_ms,
                sold_out_at is not null as sold_out
         from sale where id = $1 and published",
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
        allotment: row.allotment.map(i32::cast_unsigned),
        announcement: row
            .announced_at_ms
            .zip(row.announcement)
            .map(|(at_ms, texts)| AnnouncementNow { at_ms, texts: texts.0 }),
        sold_out: row.sold_out,
    }))
}
