//! Exchanges: what a fan asked for is given once, for as many seats, while the hold lasts (invariants 1 and 2). Whose seats changed
//! without asking has picked them, which may be done again and again.

use std::collections::HashMap;

use uuid::Uuid;

use super::history::History;
use super::{Check, Look};
use crate::Result;
use crate::feed::{Change, HoldState};

const ONCE: Check = Check { name: "exchanged-once-at-most", invariant: 2 };
const HELD: Check = Check { name: "exchanged-while-held", invariant: 1 };

/// A hold as the lane tells of it.
#[derive(Default)]
struct Told {
    /// Whether it is not being paid for, and lasts.
    held: bool,
    asks: u32,
    /// Asked, and not answered yet.
    open: bool,
    exchanged: u32,
}

pub(super) async fn check(look: &mut Look<'_>, history: &History) -> Result<()> {
    let mut told: HashMap<Uuid, Told> = HashMap::new();
    let mut amiss = Vec::new();
    for record in history.seats(look.event) {
        for change in &record.changes {
            match change {
                Change::Held(hold) => told.entry(hold.booking).or_default().held = hold.state == HoldState::Held,
                Change::Moved { booking, state, .. } => {
                    let hold = told.entry(*booking).or_default();
                    hold.held = *state == HoldState::Held;
                    hold.open &= hold.held;
                }
                Change::Ended { booking, .. } => {
                    let hold = told.entry(*booking).or_default();
                    (hold.held, hold.open) = (false, false);
                }
                Change::ExchangeAsked { booking, .. } => {
                    let hold = told.entry(*booking).or_default();
                    hold.asks += 1;
                    hold.open = hold.held;
                }
                Change::NotExchanged { booking, .. } => told.entry(*booking).or_default().open = false,
                Change::Exchanged { booking, taken, freed, .. } => {
                    let hold = told.entry(*booking).or_default();
                    if hold.asks == 0 {
                        continue;
                    }
                    hold.exchanged += 1;
                    if !hold.open || taken.len() != freed.len() {
                        amiss.push(format!(
                            "version {} of the seats lane gives booking {booking} seats {taken:?} for {freed:?}, {}",
                            record.version,
                            if hold.open {
                                "which are not as many"
                            } else {
                                "for which it did not ask, or asked in vain"
                            }
                        ));
                    }
                    hold.open = false;
                }
                _ => {}
            }
        }
    }
    let stored: Vec<(Uuid, bool)> = sqlx::query_as(
        "select id, coalesce(exchange = 'done', false) from booking where event = $1 and exchange_asks > 0",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?;
    let differs = |(booking, done): (Uuid, bool)| {
        let times = told.get(&booking).map_or(0, |hold| hold.exchanged);
        let row = if done { "it was" } else { "it was not" };
        (times != u32::from(done)).then(|| format!("booking {booking} was exchanged {times} times; its row says {row}"))
    };
    look.found(ONCE, stored.into_iter().filter_map(differs).collect::<Vec<_>>());
    look.found(HELD, amiss);
    Ok(())
}
