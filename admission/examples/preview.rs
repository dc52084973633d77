//! How long a preview of a large line takes, its reading included: `cargo run --release -p admission --example preview [WAITING]`.

use std::time::Instant;

use domain::pacing::{Knobs, Tuning};
use store::Store;
use uuid::Uuid;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let waiting: i32 = std::env::args().nth(1).map_or(Ok(1_000_000), |given| given.parse())?;
    let (database, redis) = (testkit::database().await, testkit::redis().await);
    let store = Store::with_pool(database.pool.clone(), redis.url())?;
    let [organisation, event, sale] = [1, 2, 3].map(Uuid::from_u128);
    sqlx::query("insert into organisation (id, name) values ($1, 'Hall')")
        .bind(organisation)
        .execute(store.pool())
        .await?;
    sqlx::query(
        "insert into event (id, organisation, name, venue, starts_at, time_zone, currency, capacity)
         values ($1, $2, 'A night', 'Hall', now(), 'UTC', 'EUR', $3)",
    )
    .bind(event)
    .bind(organisation)
    .bind(waiting)
    .execute(store.pool())
    .await?;
    sqlx::query(
        "insert into sale (id, event, name, opens_at, closes_at, entry, party_max, rate_per_minute, max_active, hold_ttl_ms,
                           extension_ms, grace_ms, presence_ms, rejoin, published, ordering)
         values ($1, $2, 'Sale', now(), now() + interval '7 days', 'open', 4, 6000, 50000, 480000, 0, 0, 60000, true, true, 'fifo')",
    )
    .bind(sale)
    .bind(event)
    .execute(store.pool())
    .await?;
    // In pieces, each within the time that a statement may take.
    for from in (0..waiting).step_by(50_000) {
        sqlx::query(
            "insert into place (id, sale, fan, entry, joined_at, party, state)
             select gen_random_uuid(), $1, gen_random_uuid(), n, now(), 1 + n % 4, 'waiting' from generate_series($2, $3) n",
        )
        .bind(sale)
        .bind(from + 1)
        .bind((from + 50_000).min(waiting))
        .execute(store.pool())
        .await?;
    }
    let begun = Instant::now();
    let situation = store.situation(sale).await?.expect("a published sale");
    let read = begun.elapsed();
    let tuning = |rate_per_minute| Tuning::new(Knobs { rate_per_minute, max_active: 50_000 });
    let both =
        domain::preview::preview(&situation.rules(), &tuning(6_000), &tuning(9_000), &situation.behaviour, 20, 1);
    println!("{} waiting: read in {read:?}, all in {:?}\n{both:?}", situation.waiting.len(), begun.elapsed());
    Ok(())
}
