//! Faults of exchanges, as in `planted`.

use anyhow::Context as _;
use domain::seats::{Choice, Rung, Score};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use store::clock::{ClockChange, ClockChanged};
use store::exchanges::{AskedExchange, Exchange, OtherSeats};
use store::joins::Accepts;
use uuid::Uuid;

use crate::planted::Plant::{self, Deeds};
use crate::world::{Result, World};

const NAMES: [&str; 2] = ["exchanged-once-at-most", "exchanged-while-held"];

pub const FAULTS: &[(&str, Plant)] = &[
    (
        "exchanged-once-at-most",
        Deeds(|world, cast| {
            spoilt(world, cast.held, "update booking set exchange = 'nothing' where exchange = 'done'")
        }),
    ),
    (
        "exchanged-once-at-most",
        Deeds(|world, cast| {
            spoilt(
                world,
                cast.held,
                "update feed_record set changes = (changes::jsonb || changes::jsonb)::json where changes::text like '%\"exchanged\"%'",
            )
        }),
    ),
    // It was answered before, and two seats for one.
    (
        "exchanged-while-held",
        Deeds(|world, cast| {
            spoilt(
                world,
                cast.held,
                "update feed_record set changes = (changes::jsonb || replace(changes::text, '\"exchange_asked\"', '\"not_exchanged\"')::jsonb)::json
                 where changes::text like '%\"exchange_asked\"%'",
            )
        }),
    ),
    (
        "exchanged-while-held",
        Deeds(|world, cast| {
            spoilt(
                world,
                cast.held,
                "update feed_record set changes = replace(changes::text, '\"taken\":[14]', '\"taken\":[14,15]')::json",
            )
        }),
    ),
    (
        "no-seat-passes-a-standing-place",
        Deeds(|world, cast| {
            spoilt(world, cast.held, "update feed_record set at = at - interval '10 s' where kind in ('joins', 'pace')")
        }),
    ),
];

/// The held place is exchanged for place 14, soundly but for those who stand; then something is done to it.
fn spoilt<'w>(world: &'w World, held: Uuid, how: &'static str) -> BoxFuture<'w, Result> {
    async move {
        // However long the other faults took.
        let clock = world.store.clock_now(world.sale).await?.context("the sale")?;
        let more = ClockChange::Extend { by_ms: 3_600_000 };
        let extended = world.store.change_clock(world.sale, world.account, more, "slow", clock.version()).await?;
        anyhow::ensure!(extended == ClockChanged::Done, "{extended:?}");
        let other = OtherSeats { tiers: 0, accepts: Accepts::default(), elsewhere: false };
        anyhow::ensure!(world.store.ask_exchange(held, other).await? == AskedExchange::Looking);
        let found = Some(Choice { seats: vec![14], rung: Rung::Together, score: Score::default() });
        let exchange = Exchange { booking: held, asks: 1, found };
        let done = world.store.exchange(&world.seating().await?, &[exchange]).await?;
        anyhow::ensure!(done.done.len() == 1, "{done:?}");
        let found = world.verify().await?.violations;
        anyhow::ensure!(found.iter().all(|found| !NAMES.contains(&found.check)), "{found:?}");
        world.sql(how).await
    }
    .boxed()
}
