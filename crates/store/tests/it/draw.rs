//! Between the draw of a lobby and its holder's hearing of it, nobody is let in; and no edit takes a promised draw away.

use std::time::Duration;

use domain::draw::Numbers;
use store::Guards;
use store::draw::Published;
use store::events::{Ordering, SaleDraft, SaleEdit, SalePublished};
use store::pace::PaceAsk;
use testkit::eventually;

use crate::world::{Recipe, Result, World};

const SEED: [u8; 32] = [7; 32];
const SIZE: i64 = 12;

/// With a lobby that closes right away.
async fn world() -> Result<World> {
    let world = World::before_publication(Recipe::default()).await?;
    world.sql("update sale set lobby_opens_at = now() - interval '1 h', opens_at = now() + interval '700 ms'").await?;
    anyhow::ensure!(world.store.publish_sale(world.sale, world.account).await? == SalePublished::Done);
    Ok(world)
}

async fn the_draw_goes_before_the_entries(world: &World) -> Result {
    world.join(&[1; SIZE as usize]).await?;
    let lease = world.pacing().await?;
    let closed = async || world.store.close_lobby(world.sale).await.unwrap() == Some(SIZE);
    eventually(Duration::from_secs(5), closed).await;
    let json = serde_json::json!({"roster": {"size": SIZE}, "seed": hex::encode(SEED)});
    let paper = Published { json: json.to_string().into_bytes(), sig: b"-".to_vec() };
    world.store.commit_draw(&lease, &[1; 32], &paper).await?;
    world.store.fix_roster(&lease, SIZE, &paper, &[2; 32]).await?;
    anyhow::ensure!(world.tick(lease).await?.admitted.is_empty(), "somebody was let in before the draw");
    assert!(world.store.flip_draw(&lease, world.event, &paper, &SEED, None).await?);
    // The holder has not heard of it yet: this is the order of the entries.
    let unheard = world.tick(lease).await?.admitted;
    anyhow::ensure!(unheard.is_empty(), "entries {unheard:?} were let in before the order they were drawn");
    let numbers = Numbers::draw(&SEED, SIZE);
    let ask = world.pace_ask(lease, &[].into()).await?;
    let mut candidates = ask.candidates.clone();
    candidates.sort_by_key(|entry| numbers.number(*entry));
    assert_ne!(candidates, ask.candidates, "the seed is one that changes the order");
    let admitted = world.store.pace(&PaceAsk { drawn: true, candidates: candidates.clone(), ..ask }).await?.admitted;
    assert_eq!(admitted, candidates);
    Ok(())
}

#[tokio::test]
async fn a_draw_kept_or_published_that_the_line_did_not_go_by_is_named() -> Result {
    let world = world().await?;
    the_draw_goes_before_the_entries(&world).await?;
    let named = async || -> Result<bool> {
        let report = world.store.verify().await?;
        assert!(report.checked.contains(&"draw-is-the-one-used"));
        Ok(report.violations.iter().any(|violation| violation.check == "draw-is-the-one-used"))
    };
    assert!(!named().await?);
    world.sql("update draw set seed = sha256('')").await?;
    assert!(named().await?);
    world.sql(&format!("update draw set seed = '\\x{}', draw_json = '{{}}'", hex::encode(SEED))).await?;
    assert!(named().await?);
    Ok(())
}

#[tokio::test]
async fn nobody_is_let_in_by_an_order_from_before_the_draw() -> Result {
    the_draw_goes_before_the_entries(&world().await?).await
}

#[tokio::test]
async fn nobody_is_let_in_by_an_order_from_before_the_draw_without_draw_check() -> Result {
    let mut world = world().await?;
    world.store = world.store.clone().without(Guards { draw_check: false, ..Guards::ALL });
    let failed = the_draw_goes_before_the_entries(&world).await.expect_err("the entries' order was to be used");
    assert!(failed.to_string().contains("before the order they were drawn"), "{failed}");
    Ok(())
}

const HOUR_MS: i64 = 3_600_000;

fn paper() -> Published {
    Published { json: b"{}".to_vec(), sig: b"-".to_vec() }
}

/// With a lobby that is open for an hour yet.
async fn gathering() -> Result<World> {
    let world = World::before_publication(Recipe::default()).await?;
    world.sql("update sale set lobby_opens_at = now() - interval '1 h', opens_at = now() + interval '1 h'").await?;
    anyhow::ensure!(world.store.publish_sale(world.sale, world.account).await? == SalePublished::Done);
    Ok(world)
}

async fn edit(world: &World, change: impl Fn(&mut SaleDraft, i64)) -> Result<SaleEdit> {
    let sale = world.store.sale(world.sale).await?.expect("the sale");
    let mut draft = sale.draft;
    change(&mut draft, sale.now_ms);
    Ok(world.store.edit_sale(world.sale, sale.version, &draft, world.account).await?)
}

async fn what_was_promised_stays(world: &World) -> Result {
    let later = |draft: &mut SaleDraft, now_ms| draft.lobby_opens_at_ms = Some(now_ms - 10);
    assert_eq!(edit(world, later).await?, SaleEdit::Done, "nothing is promised yet");
    world.store.commit_draw(&world.pacing().await?, &[1; 32], &paper()).await?;
    type Change = fn(&mut SaleDraft, i64);
    let edits: [(&str, Change, SaleEdit); 5] = [
        ("another order", |draft, _| draft.ordering = Ordering::Fifo, SaleEdit::Committed),
        ("no lobby", |draft, _| draft.lobby_opens_at_ms = None, SaleEdit::Committed),
        ("a later lobby", |draft, now_ms| draft.lobby_opens_at_ms = Some(now_ms + 10), SaleEdit::Committed),
        ("no beacon", |draft, _| draft.beacon = false, SaleEdit::Committed),
        ("a past opening", |draft, now_ms| draft.opens_at_ms = now_ms - 1, SaleEdit::OpensInPast),
    ];
    for (what, change, must) in edits {
        let edited = edit(world, change).await?;
        anyhow::ensure!(edited == must, "the draw was edited away: {what} was {edited:?}");
    }
    assert_eq!(edit(world, |draft, now_ms| draft.opens_at_ms = now_ms + HOUR_MS / 2).await?, SaleEdit::Done);
    Ok(())
}

#[tokio::test]
async fn a_promised_draw_is_not_edited_away() -> Result {
    what_was_promised_stays(&gathering().await?).await
}

#[tokio::test]
async fn a_promised_draw_is_not_edited_away_without_promise_check() -> Result {
    let mut world = gathering().await?;
    world.store = world.store.clone().without(Guards { promise_check: false, ..Guards::ALL });
    let failed = what_was_promised_stays(&world).await.expect_err("the draw was to be edited away");
    assert!(failed.to_string().contains("the draw was edited away: another order was Done"), "{failed}");
    Ok(())
}

/// Until a statement of this database waits for a lock.
async fn somebody_waits(world: &World) {
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually(Duration::from_secs(10), async || world.number(waiting).await.unwrap() > 0).await;
}

#[tokio::test]
async fn an_edit_and_a_commitment_at_the_same_time_know_of_each_other() -> Result {
    let world = gathering().await?;
    let lease = world.pacing().await?;
    let mut tx = world.db.pool.begin().await?;
    sqlx::query("update sale set ordering = 'fifo', version = version + 1").execute(&mut *tx).await?;
    let paper = paper();
    let commit = world.store.commit_draw(&lease, &[1; 32], &paper);
    let first = async {
        somebody_waits(&world).await;
        tx.commit().await
    };
    let (committed, edited) = tokio::join!(commit, first);
    committed?;
    edited?;
    assert_eq!(world.store.draw(world.sale).await?, None, "a draw was promised for a sale that draws nothing");

    world.sql("update sale set ordering = 'draw_then_fifo'").await?;
    let mut tx = world.db.pool.begin().await?;
    sqlx::query("select from sale for share").execute(&mut *tx).await?;
    sqlx::query("insert into draw (sale, secret, commitment_json, commitment_sig) select id, '', '', '' from sale")
        .execute(&mut *tx)
        .await?;
    let first = async {
        somebody_waits(&world).await;
        tx.commit().await
    };
    let (edited, committed) = tokio::join!(edit(&world, |draft, _| draft.ordering = Ordering::Fifo), first);
    committed?;
    assert_eq!(edited?, SaleEdit::Committed);
    Ok(())
}

/// The lobby's size is fixed, and then the opening is moved away again before anything is committed to.
async fn who_is_told_so_is_in_the_roster(world: &World) -> Result {
    let ask = || [crate::world::ask(crate::world::id(), 1)];
    let joined = async || world.store.join_entitled(world.sale, &ask(), &[], &|_| [0; 32]).await;
    let told = joined().await?;
    anyhow::ensure!(told.lobby_ms.is_some(), "a lobby that is open and drawn is one");
    let closed = async || world.store.close_lobby(world.sale).await.unwrap() == Some(1);
    eventually(Duration::from_secs(5), closed).await;
    world.sql("update sale set opens_at = now() + interval '1 h'").await?;
    let late = joined().await?;
    anyhow::ensure!(late.lobby_ms.is_none(), "entry 2 is told that it will be in a roster of 1");
    Ok(())
}

#[tokio::test]
async fn nobody_is_told_of_a_roster_that_they_come_too_late_for() -> Result {
    who_is_told_so_is_in_the_roster(&world().await?).await
}

#[tokio::test]
async fn nobody_is_told_of_a_roster_that_they_come_too_late_for_without_roster_promise() -> Result {
    let mut world = world().await?;
    world.store = world.store.clone().without(Guards { roster_promise: false, ..Guards::ALL });
    let failed = who_is_told_so_is_in_the_roster(&world).await.expect_err("who was late was to be told");
    assert!(failed.to_string().contains("a roster of 1"), "{failed}");
    Ok(())
}
