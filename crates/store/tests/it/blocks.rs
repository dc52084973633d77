//! Seats that the promoter keeps back: all or none, never one that somebody has, and to the head of the line when given free.

use store::blocks::{Blocked, InTheWay, NewBlock, Unblocked};
use store::follow::Follower;
use store::halls::{Imported, Loss, UnitRow, Whose};
use store::verify::differences;
use uuid::Uuid;

use crate::world::{Recipe, Result, World, id, seats};

impl World {
    async fn block(&self, seats: &[u32]) -> Result<(Uuid, Blocked)> {
        let block = id();
        let done = self
            .store
            .block_seats(
                &NewBlock {
                    id: block,
                    event: self.event,
                    label: "Guests",
                    note: "the band's",
                    frees_at_ms: None,
                    seats,
                },
                self.account,
            )
            .await?;
        Ok((block, done))
    }

    async fn unblock(&self, block: Uuid, seats: Option<&[u32]>) -> Result<Unblocked> {
        Ok(self.store.unblock_seats(self.event, block, self.account, "not needed", seats).await?)
    }
}

#[tokio::test]
async fn blocked_seats_are_in_no_sale_until_they_are_given_free() -> Result {
    let world = World::before_publication(Recipe { rows: 1, standing: 0, ..Recipe::default() }).await?;
    // On a draft as on a sale that runs.
    let (block, done) = world.block(&[4, 1, 0, 1]).await?;
    assert_eq!(done, Blocked::Done);
    world.store.publish_sale(world.sale, world.account).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.join(&[2, 2]).await?;
    world.tick(pacing).await?;
    let held = world.seat(&seating).await?.held;
    assert_eq!(held.iter().map(|hold| hold.seats.clone()).collect::<Vec<_>>(), [[2, 3]]);
    world.pay(held[0].booking).await?;
    let numbers = world.store.sale_numbers(world.sale).await?.expect("published");
    assert_eq!((numbers.seats_free, numbers.seats_sold, numbers.seats_blocked), (1, 2, 3));
    let (counts, _) = world.store.tier_counts(world.event).await?;
    assert_eq!((counts[0].sold, counts[0].blocked), (2, 3));
    assert_eq!(world.store.stock(world.event).await?.tiers[0].free, 1);
    world.sound().await?;
    // None of somebody's, none of nobody's, none twice.
    let in_the_way =
        |seat: u32, state: &str| InTheWay { label: format!("row 1 seat {}", seat + 1), state: state.to_owned() };
    let taken = Blocked::Taken(vec![in_the_way(1, "blocked"), in_the_way(2, "sold")]);
    assert_eq!(world.block(&[1, 2, 5]).await?.1, taken);
    assert_eq!(world.block(&[5, 6]).await?.1, Blocked::NoSeats);
    assert_eq!(world.block(&[]).await?.1, Blocked::NoSeats);
    assert_eq!(world.unblock(block, Some(&[0, 5])).await?, Unblocked::NotBlocked);
    assert_eq!(world.unblock(id(), None).await?, Unblocked::NotBlocked);
    // Given free, they are for whoever is next.
    assert_eq!(world.unblock(block, Some(&[0, 1])).await?, Unblocked::Done(2));
    let blocks = world.store.blocks(world.event, None, 10).await?;
    assert_eq!(blocks[0].seats, [(4, "row 1 seat 5".to_owned(), false)]);
    world.join(&[2]).await?;
    world.tick(pacing).await?;
    let held = world.seat(&seating).await?.held;
    assert_eq!(held[0].seats, [0, 1]);
    assert_eq!(world.unblock(block, None).await?, Unblocked::Done(1));
    assert_eq!(world.unblock(block, None).await?, Unblocked::NotBlocked);
    assert!(world.store.blocks(world.event, None, 10).await?.is_empty());
    let audit = world.store.audit_of(world.sale, 3).await?;
    assert_eq!(
        audit.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(),
        ["seats.unblock", "seats.unblock", "sale.publish"]
    );
    world.sound().await
}

#[tokio::test]
async fn a_contingent_opens_at_its_time_and_goes_to_the_head_of_the_line() -> Result {
    let world = World::new(Recipe { rows: 1, standing: 0, ..Recipe::default() }).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    let now_ms = world.number("select to_ms(clock_timestamp())").await?;
    let block = id();
    let new = NewBlock {
        id: block,
        event: world.event,
        label: "Second half",
        note: "",
        frees_at_ms: Some(now_ms + 3_600_000),
        seats: &[2, 3, 4],
    };
    assert_eq!(world.store.block_seats(&new, world.account).await?, Blocked::Done);
    world.join(&[2, 3]).await?;
    world.tick(pacing).await?;
    let held = world.seat(&seating).await?.held;
    assert_eq!(held.iter().map(|hold| hold.entry).collect::<Vec<_>>(), [1]);
    let (opened, next) = world.store.free_due_blocks().await?;
    assert!(opened == 0 && next.is_some_and(|ms| (3_500_000..=3_600_000).contains(&ms)), "{next:?}");
    // Earlier, in a moment, and not at all.
    assert!(world.store.free_block_at(world.event, block, world.account, Some(now_ms + 700)).await?);
    assert_eq!(world.store.blocks(world.event, None, 10).await?[0].frees_at_ms, Some(now_ms + 700));
    assert!(!world.store.free_block_at(id(), block, world.account, None).await?, "of another event");
    let opened = async || world.store.free_due_blocks().await.unwrap().0;
    while world.number("select to_ms(clock_timestamp())").await? < now_ms + 600 {
        assert_eq!(opened().await, 0);
    }
    testkit::eventually(std::time::Duration::from_secs(5), async || opened().await == 1).await;
    assert_eq!(world.store.free_due_blocks().await?, (0, None));
    assert_eq!(world.seat(&seating).await?.held[0].seats, [2, 3, 4]);
    let audit = world.store.audit_of(world.sale, 3).await?;
    let told: Vec<_> = audit.iter().map(|line| (line.action.as_str(), line.reason.as_str())).collect();
    assert_eq!(told, [("seats.unblock", "its time came"), ("seats.schedule", ""), ("seats.block", "")]);
    world.sound().await
}

/// A block and an offer of the same seats at the same time, over and over.
async fn a_block_and_a_hold_never_share_a_seat(world: &World) -> Result {
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    for pair in (0..12).collect::<Vec<u32>>().chunks(2) {
        world.join(&[2]).await?;
        let admitted = world.tick(pacing).await?.admitted;
        let offer = [world.offer(admitted[0], pair)];
        let (held, blocked) = tokio::join!(world.store.offer(&seating, &offer, &[]), world.block(pair));
        let (held, (_, blocked)) = (held?.held.len(), blocked?);
        anyhow::ensure!(
            (held == 1) != (blocked == Blocked::Done),
            "seats {pair:?}: held {held} times, and {blocked:?}"
        );
        if held == 0 {
            world
                .sql("update place set state = 'sold_out', ended_at = clock_timestamp() where state = 'standing'")
                .await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn no_blocked_seat_is_held() -> Result {
    let world = World::new(Recipe::default()).await?;
    a_block_and_a_hold_never_share_a_seat(&world).await
}

#[tokio::test]
async fn no_blocked_seat_is_held_without_unique_index() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.sql("drop index seat_live_unique").await?;
    let failed = a_block_and_a_hold_never_share_a_seat(&world).await.expect_err("a seat was to be blocked and held");
    assert!(failed.to_string().contains("held 1 times, and Done"), "{failed}");
    let found = world.verify().await?.violations;
    assert!(found.iter().any(|violation| violation.check == "seat-held-once"), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn followers_know_what_is_blocked_and_a_sold_out_sale_goes_on_when_it_is_given_free() -> Result {
    let world = World::new(Recipe { rows: 1, standing: 0, ..Recipe::default() }).await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    let (block, _) = world.block(&[2, 3, 4, 5]).await?;
    world.join(&[2, 2]).await?;
    assert_eq!(world.tick(pacing).await?.admitted, [1]);
    let held = world.seat(&seating).await?.held;
    world.pay(held[0].booking).await?;
    assert!(world.tick(pacing).await?.sold_out);
    assert_eq!(world.unblock(block, Some(&[2, 3])).await?, Unblocked::Done(2));
    let (first, second) = (world.tick(pacing).await?, world.tick(pacing).await?);
    assert!(!first.sold_out);
    assert_eq!([first.admitted, second.admitted].concat(), [2]);
    testkit::eventually(std::time::Duration::from_secs(5), async || {
        let fresh = Follower::start(&world.store, world.event).await.expect("a follower");
        follower.next(std::time::Duration::from_millis(20)).await.is_ok()
            && differences(follower.mirror(), fresh.mirror()).is_empty()
    })
    .await;
    assert_eq!((follower.mirror().taken, follower.mirror().free()), (4, 2));
    world.sound().await
}

#[tokio::test]
async fn a_hall_is_not_changed_under_blocked_seats() -> Result {
    let recipe = Recipe::default();
    let world = World::before_publication(recipe).await?;
    let (block, _) = world.block(&[0, 7]).await?;
    let (tiers, mut units) = seats(&recipe);
    let bring =
        async |units: &[UnitRow]| world.store.import_map(world.event, &serde_json::json!({}), &tiers, units).await;
    assert_eq!(bring(&units).await?, Imported::Blocked(2));
    world.store.publish_sale(world.sale, world.account).await?;
    units[0].label = "another".to_owned();
    match bring(&units).await? {
        Imported::Strands { first, .. } => assert_eq!((first[0].whose, &first[0].loss), (Whose::Blocked, &Loss::Gone)),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.unblock(block, None).await?, Unblocked::Done(2));
    assert_eq!(bring(&units).await?, Imported::Done);
    world.sound().await
}
