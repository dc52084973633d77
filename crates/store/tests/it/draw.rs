//! Between the draw of a lobby and its holder's hearing of it, nobody is let in.

use std::time::Duration;

use domain::draw::Numbers;
use store::draw::Published;
use store::pace::PaceAsk;
use store::{Guards, events::SalePublished};
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
