//! Faults of seats kept back and given, as in `planted`.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use store::blocks::{Blocked, NewBlock};
use store::gifts::NewGift;

use crate::planted::Plant::{self, Deeds, Sql};
use crate::world::{Result, World, id};

pub const FAULTS: &[(&str, Plant)] = &[
    (
        "free-ticket-is-a-recorded-gift",
        Sql(|_| {
            "with b as (insert into block (id, event, label, note, account)
                        select gen_random_uuid(), e.id, 'Guests', '', a.id from event e, account a limit 1 returning id, event, account),
                  g as (insert into gift (id, event, block, reference, name, email, account, audit)
                        select gen_random_uuid(), event, id, 'GIFT', 'Ada', 'ada@example.org', account, (select min(id) from audit) from b
                        returning id, event)
             insert into ticket (id, gift, event, seat, issued_at) select gen_random_uuid(), id, event, 19, now() from g"
                .to_owned()
        }),
    ),
    (
        "block-is-audited",
        Deeds(|world, _| spoilt(world, "update audit set change = change - 'block' where action = 'seats.block'")),
    ),
    // It says of itself what it should, but too late.
    (
        "block-is-audited",
        Deeds(|world, _| {
            spoilt(world, "update audit set at = clock_timestamp() + interval '1 minute' where action = 'seats.block'")
        }),
    ),
    // A kept place became another one, and one was given free without a line.
    (
        "block-keeps-its-seats",
        Deeds(|world, _| spoilt(world, "update hold_seat set seat = 18 where seat = 17 and live")),
    ),
    ("block-keeps-its-seats", Deeds(|world, _| spoilt(world, "update hold_seat set live = false where seat = 17"))),
    ("gift-has-its-tickets", Deeds(|world, _| spoilt(world, "delete from ticket where gift is not null"))),
    (
        "gift-has-its-tickets",
        Deeds(|world, _| spoilt(world, "update ticket set void_at = clock_timestamp() where seat = 15")),
    ),
    ("gift-has-its-tickets", Deeds(|world, _| spoilt(world, "update ticket set seat = 17 where seat = 15"))),
];

/// Places 15 to 17 are kept back and 15 and 16 given, soundly; then something is done to them.
fn spoilt<'w>(world: &'w World, how: &'static str) -> BoxFuture<'w, Result> {
    async move {
        let (block, gift) = (id(), id());
        let done = world
            .store
            .block_seats(
                &NewBlock {
                    id: block,
                    event: world.event,
                    label: "Guests",
                    note: "",
                    frees_at_ms: None,
                    seats: &[15, 16, 17],
                },
                world.account,
            )
            .await?;
        anyhow::ensure!(done == Blocked::Done, "{done:?}");
        let new = NewGift {
            id: gift,
            event: world.event,
            block,
            seats: &[15, 16],
            name: "Ada",
            email: "ada@example.org",
            reference: "GIFT",
            reason: "",
        };
        anyhow::ensure!(world.store.give_tickets(&new, world.account, id).await?);
        let found = world.verify().await?.violations;
        anyhow::ensure!(found.iter().all(|found| FAULTS.iter().all(|(check, _)| found.check != *check)), "{found:?}");
        world.sql(how).await
    }
    .boxed()
}
