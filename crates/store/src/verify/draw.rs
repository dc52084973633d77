//! The draw that was published is the one that the line went by (invariants 2, 11). That it is a fair one is checked from outside.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::history::History;
use super::{Check, Look};
use crate::feed::Change;

const USED: Check = Check { name: "draw-is-the-one-used", invariant: 2 };

/// A draw: how many entries it numbers, and its seed, in hexadecimal digits.
type Made = (i64, String);

pub(super) async fn check(look: &mut Look<'_>, history: &History) -> crate::Result<()> {
    let rows: Vec<(Uuid, i64, String, Vec<u8>)> = sqlx::query_as(
        "select d.sale, coalesce(d.size, 0), encode(d.seed, 'hex'), coalesce(d.draw_json, '')
         from draw d join sale s on s.id = d.sale where s.event = $1 and d.drawn_at is not null",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?;
    let mut kept: BTreeMap<Uuid, [Made; 2]> = rows
        .into_iter()
        .map(|(sale, size, seed, json)| {
            let json: Value = serde_json::from_slice(&json).unwrap_or_default();
            let published =
                (json["roster"]["size"].as_i64().unwrap_or(-1), json["seed"].as_str().unwrap_or_default().to_owned());
            (sale, [(size, seed), published])
        })
        .collect();
    let mut found = Vec::new();
    for sale in history.ticks.keys() {
        let changes = history.pace(*sale).iter().flat_map(|record| &record.changes);
        let used: Vec<Made> = changes
            .filter_map(|change| match change {
                Change::Drawn { size, seed } => Some((*size, hex::encode(seed))),
                _ => None,
            })
            .collect();
        let kept = kept.remove(sale);
        let agree = match &kept {
            Some(both) => used.len() == 1 && both.iter().all(|made| *made == used[0]),
            None => used.is_empty(),
        };
        if !agree {
            found.push(format!("sale {sale}: the line was drawn by {used:?}, kept and published is {kept:?}"));
        }
    }
    found.extend(kept.keys().map(|sale| format!("sale {sale}: a draw was kept of a sale that is not published")));
    look.found(USED, found);
    Ok(())
}
