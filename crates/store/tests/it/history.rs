//! A short history in which everything happens once, made by the store's own operations.

use store::pace::Leave;
use store::payments::Verdict;
use store::tuning::{KnobChange, Tune};
use uuid::Uuid;

use crate::world::{Recipe, Result, World, id};

/// Who is what at the end of [`history`].
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    pub paid: Uuid,
    pub lapsed: Uuid,
    pub released: Uuid,
    /// With a card that was declined.
    pub paying: Uuid,
    /// Its deadline passed while it was being paid for.
    pub pinned: Uuid,
    pub capturing: Uuid,
    pub held: Uuid,
    /// Entries that stand, in order.
    pub standing: [i64; 2],
    /// Passed over, and still absent.
    pub skipped: i64,
    /// Still in line.
    pub waiting: i64,
}

/// Twelve seats in two rows and eight places to stand.
pub async fn history() -> Result<(World, Cast)> {
    let world = World::new(Recipe { max_active: 100, ..Recipe::default() }).await?;
    let store = &world.store;
    world.join(&[1, 1, 2, 1, 1, 1]).await?;
    world.join(&[1, 1, 1, 1]).await?;
    let last = world.join(&[1, 1, 1, 2]).await?;
    // Entry 4 is absent for now, entry 8 for ever; entry 12 leaves.
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    let done = world.tick_without(pacing, &[4, 8]).await?;
    anyhow::ensure!(done.admitted == [1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 13, 14], "{done:?}");
    anyhow::ensure!(store.leave(world.event, world.sale, last[1].fan).await? == Leave::Left);
    let admitted = world.tick_without(pacing, &[8]).await?.admitted;
    anyhow::ensure!(admitted == [4], "{admitted:?}");
    // A pause, and a new rate.
    store.tune(world.sale, world.account, &Tune::Pause, "a queue at the door", None).await?;
    anyhow::ensure!(world.tick(pacing).await?.admitted.is_empty());
    store.tune(world.sale, world.account, &Tune::Resume, "", None).await?;
    let knobs = Tune::Knobs(KnobChange::rate(30_000));
    store.tune(world.sale, world.account, &knobs, "", None).await?;
    world.closes_later(1_000).await?;

    // Holds that end by themselves come first.
    world.holds_last(1, 0).await?;
    let lapsed = world.hold(&seating, 1, &[0]).await?.booking;
    let late = world.hold(&seating, 2, &[1]).await?.booking;
    world.until_state(lapsed, "lapsed").await;
    world.until_state(late, "lapsed").await;
    world.holds_last(400, 0).await?;
    let pinned = world.hold(&seating, 3, &[2, 3]).await?.booking;
    world.begin(pinned).await?;
    testkit::eventually(std::time::Duration::from_secs(10), async || {
        store.lapse_due().await.is_ok_and(|(_, pinned, _)| pinned == 1)
    })
    .await;
    world.holds_last(60_000, 30_000).await?;

    let paid = world.hold(&seating, 4, &[6]).await?.booking;
    world.pay(paid).await?;
    let refunded = world.hold(&seating, 5, &[7]).await?.booking;
    world.pay(refunded).await?;
    let refund = id();
    anyhow::ensure!(store.refund_booking(refunded, refund, world.account, "a mistake").await?);
    store.refund_done(refund, "re_1").await?;
    let released = world.hold(&seating, 6, &[8]).await?.booking;
    anyhow::ensure!(store.give_back(released).await?);
    let paying = world.hold(&seating, 7, &[9]).await?.booking;
    let payment = world.begin(paying).await?;
    store.payment_declined(payment.id, "insufficient_funds").await?;
    let capturing = world.hold(&seating, 9, &[10]).await?.booking;
    let payment = world.begin(capturing).await?;
    anyhow::ensure!(store.payment_authorised(payment.id).await? == Verdict::Capture);
    let held = world.hold(&seating, 10, &[12]).await?.booking;
    anyhow::ensure!(store.extend_hold(held).await?);

    // A payment that succeeds after its hold had lapsed, and finds its seat free.
    let payment = id();
    sqlx::query(
        "insert into payment (id, booking, attempt, intent, amount_minor, currency, state, due_at)
         select $1, id, 1, 'pi_late', amount_minor, currency, 'open', clock_timestamp() from booking where id = $2",
    )
    .bind(payment)
    .bind(late)
    .execute(&world.db.pool)
    .await?;
    anyhow::ensure!(store.payment_authorised(payment).await? == Verdict::Capture);
    world.join(&[1]).await?;
    let cast =
        Cast { paid, lapsed, released, paying, pinned, capturing, held, standing: [11, 13], skipped: 8, waiting: 15 };
    Ok((world, cast))
}
