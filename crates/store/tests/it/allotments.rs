//! Several sales over one inventory: nobody gets more than their sale's allotment, whoever races.

use store::allotments::Clash;
use store::events::{SaleDraft, SaleEdit, SalePublished};
use store::{Guards, Store};
use uuid::Uuid;

use crate::world::{Recipe, Result, World, id};

/// Publishes the world's sale with an allotment.
async fn allotted(recipe: Recipe, allotment: u32) -> Result<World> {
    let world = World::before_publication(recipe).await?;
    edit(&world, world.sale, |draft| SaleDraft { allotment: Some(allotment), ..draft }).await?;
    anyhow::ensure!(world.store.publish_sale(world.sale, world.account).await? == SalePublished::Done);
    Ok(world)
}

async fn edit(world: &World, sale: Uuid, change: impl FnOnce(SaleDraft) -> SaleDraft) -> Result<SaleEdit> {
    let row = world.store.sale(sale).await?.expect("the sale");
    Ok(world.store.edit_sale(sale, row.version, &change(row.draft), world.account).await?)
}

/// Another sale of the event, as a draft.
async fn beside(world: &World, change: impl FnOnce(SaleDraft) -> SaleDraft) -> Result<Uuid> {
    let (sale, row) = (id(), world.store.sale(world.sale).await?.expect("the sale"));
    world.store.create_sale(sale, world.event, &change(row.draft)).await?;
    Ok(sale)
}

/// Two holders, each of whom believes that there is room for its party, offer seats at the same time, over and over.
async fn allotment_is_kept(world: &World, other: &Store) -> Result {
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    for round in 0..3 {
        world.join(&[1, 1]).await?;
        // The pace would not let in more than the allotment serves: these were let in when it was larger.
        world.sql("update sale set allotment = 6").await?;
        let admitted = world.tick(pacing).await?.admitted;
        world.sql(format!("update sale set allotment = {}", round + 1)).await?;
        let (one, another) = ([world.offer(admitted[0], &[2 * round])], [world.offer(admitted[1], &[2 * round + 1])]);
        let (one, another) = tokio::join!(world.store.offer(&seating, &one, &[]), other.offer(&seating, &another, &[]));
        let held = one?.held.len() + another?.held.len();
        anyhow::ensure!(held == 1, "of an allotment of {} seats {held} went at once", round + 1);
        world.sql("update place set state = 'left', ended_at = clock_timestamp() where state = 'standing'").await?;
    }
    Ok(())
}

#[tokio::test]
async fn no_sale_takes_more_than_its_allotment() -> Result {
    let world = allotted(Recipe::default(), 3).await?;
    allotment_is_kept(&world, &world.another_store().await?).await
}

#[tokio::test]
async fn no_sale_takes_more_than_its_allotment_without_allotment_check() -> Result {
    let mut world = allotted(Recipe::default(), 3).await?;
    let without = Guards { allotment_check: false, ..Guards::ALL };
    world.store = world.store.clone().without(without);
    let other = world.another_store().await?.without(without);
    let failed = allotment_is_kept(&world, &other).await.expect_err("an allotment was to be exceeded");
    assert!(failed.to_string().contains("of an allotment of 1 seats 2 went at once"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "allotment-kept"), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn a_sold_out_allotment_ends_its_sale_and_leaves_the_rest_to_the_next() -> Result {
    let mut world = allotted(Recipe::default(), 4).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.join(&[2, 2, 2, 2]).await?;
    assert_eq!(world.store.situation(world.sale, 100).await?.expect("published").free, 4);
    let done = world.tick(pacing).await?;
    assert_eq!(
        (done.admitted, done.free_seats),
        (vec![1, 2], 4),
        "the third would have to be told that nothing is left"
    );
    let held = world.seat(&seating).await?.held;
    assert_eq!(held.len(), 2);
    assert_eq!(world.tick(pacing).await?.admitted, Vec::<i64>::new());
    // One pays, one gives back: what came back is the sale's again.
    world.pay(held[0].booking).await?;
    assert!(world.store.give_back(held[1].booking).await?);
    assert_eq!(world.tick(pacing).await?.admitted, [3]);
    let held = world.seat(&seating).await?.held;
    world.pay(held[0].booking).await?;
    let done = world.tick(pacing).await?;
    assert!(done.sold_out && done.admitted.is_empty() && done.free_seats == 0, "{done:?}");
    assert_eq!(world.store.sale_numbers(world.sale).await?.expect("published").seats_free, 0);
    world.sound().await?;

    // More for it: it goes on. Less than it has sold is refused.
    assert_eq!(edit(&world, world.sale, |draft| SaleDraft { allotment: Some(5), ..draft }).await?, SaleEdit::Done);
    assert!(!world.tick(pacing).await?.sold_out);
    let lowered = edit(&world, world.sale, |draft| SaleDraft { allotment: Some(3), ..draft }).await?;
    assert_eq!(lowered, SaleEdit::Clash(Clash::BelowTaken { taken: 4 }));

    // It ends, and the general sale sells all the rest.
    let general = beside(&world, |draft| SaleDraft { allotment: None, ..draft }).await?;
    world.sql(format!("update sale set closes_at = now() - interval '2 s' where id = '{}'", world.sale)).await?;
    world.sql(format!("update sale set opens_at = now() - interval '1 s', closes_at = now() + interval '1 h' where id = '{general}'")).await?;
    assert_eq!(world.store.publish_sale(general, world.account).await?, SalePublished::Done);
    let left = world.store.situation(general, 100).await?.expect("published");
    assert_eq!((left.free, left.accessible), (14, 2));
    world.sale = general;
    let pacing = world.pacing().await?;
    world.join(&[8, 8, 8]).await?;
    assert_eq!(world.tick(pacing).await?.admitted, [1, 2]);
    Ok(())
}

#[tokio::test]
async fn sales_of_one_event_let_people_in_at_the_same_time_only_with_allotments_that_fit() -> Result {
    let world = World::new(Recipe::default()).await?;
    let publish = async |sale| world.store.publish_sale(sale, world.account).await;
    let again = beside(&world, |draft| SaleDraft { name: "Again".to_owned(), ..draft }).await?;
    let overlap = |with: &str| Clash::Overlap { with: with.to_owned() };
    assert_eq!(publish(again).await?, SalePublished::Clash(overlap("First sale")));
    // An allotment of one of them is not enough.
    edit(&world, again, |draft| SaleDraft { allotment: Some(10), ..draft }).await?;
    assert_eq!(publish(again).await?, SalePublished::Clash(overlap("First sale")));
    assert_eq!(edit(&world, world.sale, |draft| SaleDraft { allotment: Some(11), ..draft }).await?, SaleEdit::Done);
    assert_eq!(publish(again).await?, SalePublished::Clash(Clash::TooMuch { allotted: 21, capacity: 20 }));
    edit(&world, again, |draft| SaleDraft { allotment: Some(9), ..draft }).await?;
    assert_eq!(publish(again).await?, SalePublished::Done);
    assert_eq!(
        edit(&world, again, |draft| SaleDraft { allotment: None, ..draft }).await?,
        SaleEdit::Clash(overlap("First sale"))
    );
    // One after the other needs none; the lobby may open while the one before still sells.
    let last = beside(&world, |draft| SaleDraft {
        lobby_opens_at_ms: Some(draft.opens_at_ms),
        opens_at_ms: draft.closes_at_ms,
        closes_at_ms: draft.closes_at_ms + 1,
        allotment: None,
        ..draft
    });
    assert_eq!(publish(last.await?).await?, SalePublished::Done);
    Ok(())
}
