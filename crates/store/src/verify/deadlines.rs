//! Deadlines: no hold ends before the one the fan was shown, and none is left lying after it (invariant 6).

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::history::History;
use super::{Check, Look, Query, query};
use crate::Result;
use crate::feed::{Change, Ending, HoldState};
use crate::holds::PIN_CAP_MS;

const EARLY: Check = Check { name: "no-hold-ends-early", invariant: 6 };
const LATE: Check = Check { name: "holds-end-in-time", invariant: 6 };
const PINS: Check = Check { name: "pins-end-in-time", invariant: 6 };
const EXTENDED: Check = Check { name: "extended-once-at-most", invariant: 6 };

/// A hold ends, or is pinned, within this after its deadline.
const PROMISED_MS: i64 = 1_000;
/// A pin ends within this after its cap: as long as a dead worker keeps a payment to itself, and a little more.
const PIN_END_MS: i64 = 10_000;

pub(super) const CHECKS: &[Query] = &[
    query(
        "no-booking-lapses-early",
        6,
        "select format('booking %s lapsed at %s, before its deadline %s', id, ended_at, deadline) as what
         from booking where event = $1 and state = 'lapsed' and ended_at < deadline",
    ),
    query(
        "clock-acts-are-audited",
        11,
        "select format('act %s on the clock of sale %s is not in the audit log before it took effect', c.nth, c.sale) as what
         from clock_act c join sale s on s.id = c.sale left join audit a on a.id = c.audit left join audit e on e.id = c.end_audit
         where s.event = $1
           and ((a.sale, a.action) is distinct from (c.sale, 'deadlines.' || c.kind) or a.at > c.began_at
                or a.change->>'act' is distinct from c.nth::text or c.kind = 'extend' and a.change->>'by_ms' is distinct from c.extra_ms::text
                or c.end_audit is not null and ((e.sale, e.action) is distinct from (c.sale, 'deadlines.thaw') or e.at > c.ended_at))",
    ),
];

/// Something that put a sale's clock behind.
struct Act {
    began_ms: i64,
    ended_ms: Option<i64>,
    extra_ms: i64,
}

/// The sales' clocks, by which deadlines are. All times below are by them.
#[derive(Default)]
struct Clocks(HashMap<Uuid, Vec<Act>>);

impl Clocks {
    /// What the sale's clock said then. An act's times are cut to whole milliseconds, so it may have said so many more as there were.
    fn of(&self, sale: Uuid, at_ms: i64) -> i64 {
        let acts = self.0.get(&sale).into_iter().flatten().filter(|act| act.began_ms <= at_ms);
        let lag_ms: i64 = acts
            .map(|act| {
                let ended_ms = act.ended_ms.filter(|ended_ms| *ended_ms <= at_ms);
                ended_ms.unwrap_or(at_ms) - act.began_ms + ended_ms.map_or(0, |_| act.extra_ms) - 1
            })
            .sum();
        at_ms - lag_ms
    }
}

/// A hold as the fan was told of it.
struct Told {
    sale: Uuid,
    state: HoldState,
    deadline_ms: i64,
    extensions: u32,
    /// A late payment took its seats again then.
    retaken_ms: i64,
    ended: bool,
}

impl Told {
    /// Whether something keeps the seats beyond the deadline.
    const fn kept(&self) -> bool {
        matches!(self.state, HoldState::Pinned | HoldState::Capturing)
    }

    const fn pin_ends_ms(&self) -> i64 {
        let from = if self.retaken_ms > self.deadline_ms { self.retaken_ms } else { self.deadline_ms };
        from + PIN_CAP_MS + PIN_END_MS
    }
}

/// What a booking may be extended by, and whether it ended because of money of a wrong amount.
struct Booking {
    extension_ms: i64,
    deadline_ms: i64,
}

#[derive(Default)]
struct Found {
    early: Vec<String>,
    late: Vec<String>,
    pins: Vec<String>,
    extended: Vec<String>,
}

pub(super) async fn check(look: &mut Look<'_>, history: &History) -> Result<()> {
    let bookings = bookings(look).await?;
    let refunded = refunded(look).await?;
    let clocks = clocks(look).await?;
    let mut told: BTreeMap<Uuid, Told> = BTreeMap::new();
    let mut found = Found::default();
    let slack_ms = look.allowance.slack_ms;
    for record in history.seats(look.event) {
        for change in &record.changes {
            match change {
                Change::Held(hold) => {
                    let again = told.remove(&hold.booking);
                    if let Some(again) = &again
                        && hold.deadline_ms != again.deadline_ms
                    {
                        found.extended.push(format!("booking {} came back with another deadline", hold.booking));
                    }
                    let at_ms = clocks.of(hold.sale, record.at_ms);
                    let retaken_ms = again.as_ref().map_or(0, |_| at_ms);
                    let extensions = again.map_or(0, |again| again.extensions);
                    told.insert(
                        hold.booking,
                        Told {
                            sale: hold.sale,
                            state: hold.state,
                            deadline_ms: hold.deadline_ms,
                            extensions,
                            retaken_ms,
                            ended: false,
                        },
                    );
                }
                Change::Moved { booking, state, deadline_ms, .. } => {
                    let Some(hold) = told.get_mut(booking) else { continue };
                    found.due(*booking, hold, clocks.of(hold.sale, record.at_ms), slack_ms);
                    if *deadline_ms < hold.deadline_ms {
                        found.early.push(format!(
                            "booking {booking}: its deadline went back by {} ms",
                            hold.deadline_ms - deadline_ms
                        ));
                    }
                    if *deadline_ms > hold.deadline_ms {
                        hold.extensions += 1;
                        let by_ms = deadline_ms - hold.deadline_ms;
                        let most_ms = bookings.get(booking).map_or(0, |booking| booking.extension_ms);
                        // Both deadlines are cut to whole milliseconds.
                        if hold.extensions > 1 || by_ms > most_ms + 1 {
                            found.extended.push(format!(
                                "booking {booking}: extended for the {}. time, by {by_ms} ms where {most_ms} are allowed",
                                hold.extensions
                            ));
                        }
                    }
                    hold.deadline_ms = *deadline_ms;
                    hold.state = *state;
                }
                Change::Ended { booking, how, .. } => {
                    let Some(hold) = told.get_mut(booking) else { continue };
                    if !hold.ended {
                        let at_ms = clocks.of(hold.sale, record.at_ms);
                        found.ended(*booking, hold, *how, at_ms, slack_ms, refunded.contains(booking));
                    }
                    hold.ended = true;
                }
                _ => {}
            }
        }
    }
    for (booking, hold) in &told {
        if !hold.ended {
            let now_ms = clocks.of(hold.sale, history.now_ms);
            found.due(*booking, hold, now_ms, slack_ms);
            if hold.kept() && now_ms > hold.pin_ends_ms() + slack_ms {
                found
                    .pins
                    .push(format!("booking {booking} is kept {} ms after its deadline", now_ms - hold.deadline_ms));
            }
        }
        let stored = bookings.get(booking).map(|booking| booking.deadline_ms);
        if stored != Some(hold.deadline_ms) {
            found
                .early
                .push(format!("booking {booking}: the fan was shown {}, stored is {stored:?}", hold.deadline_ms));
        }
    }
    look.found(EARLY, found.early);
    look.found(LATE, found.late);
    look.found(PINS, found.pins);
    look.found(EXTENDED, found.extended);
    Ok(())
}

impl Found {
    /// A hold without a reason to last was still there at this time.
    fn due(&mut self, booking: Uuid, hold: &Told, at_ms: i64, slack_ms: i64) {
        let late_ms = at_ms - hold.deadline_ms;
        if !hold.kept() && !hold.ended && late_ms > PROMISED_MS + slack_ms {
            self.late.push(format!("booking {booking} was neither ended nor pinned {late_ms} ms after its deadline"));
        }
    }

    fn ended(&mut self, booking: Uuid, hold: &Told, how: Ending, at_ms: i64, slack_ms: i64, refunded: bool) {
        self.due(booking, hold, at_ms, slack_ms);
        let unasked = match how {
            Ending::Lapsed => true,
            // Money of a wrong amount went back, and the seats with it.
            Ending::Failed => !refunded,
            _ => false,
        };
        if unasked && at_ms < hold.deadline_ms {
            self.early
                .push(format!("booking {booking} ended {how:?} {} ms before its deadline", hold.deadline_ms - at_ms));
        }
        if hold.kept() && how != Ending::Booked && at_ms > hold.pin_ends_ms() + slack_ms {
            self.pins
                .push(format!("booking {booking} was kept for {} ms after its deadline", at_ms - hold.deadline_ms));
        }
    }
}

async fn bookings(look: &mut Look<'_>) -> Result<HashMap<Uuid, Booking>> {
    // The extension may have been edited since; the audit log says from what.
    let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
        "with longest as (select s.id, greatest(s.extension_ms, (select max((a.change->'from'->>'extension_ms')::bigint) from audit a
                                                                where a.sale = s.id and a.action = 'sale.edit')) as extension_ms
                          from sale s where s.event = $1)
         select b.id, l.extension_ms, to_ms(b.deadline) from booking b join longest l on l.id = b.sale where b.event = $1",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?;
    Ok(rows.into_iter().map(|(id, extension_ms, deadline_ms)| (id, Booking { extension_ms, deadline_ms })).collect())
}

async fn clocks(look: &mut Look<'_>) -> Result<Clocks> {
    let rows: Vec<(Uuid, i64, Option<i64>, i32)> = sqlx::query_as(
        "select c.sale, to_ms(c.began_at), to_ms(c.ended_at), c.extra_ms from clock_act c join sale s on s.id = c.sale where s.event = $1",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?;
    let mut clocks = Clocks::default();
    for (sale, began_ms, ended_ms, extra_ms) in rows {
        clocks.0.entry(sale).or_default().push(Act { began_ms, ended_ms, extra_ms: extra_ms.into() });
    }
    Ok(clocks)
}

async fn refunded(look: &mut Look<'_>) -> Result<HashSet<Uuid>> {
    let rows: Vec<Uuid> = sqlx::query_scalar(
        "select p.booking from refund r join payment p on p.id = r.payment join booking b on b.id = p.booking where b.event = $1",
    )
    .bind(look.event)
    .fetch_all(&mut *look.tx)
    .await?;
    Ok(rows.into_iter().collect())
}
