//! Seats that the promoter keeps back and gives free while the seating is held.

use store::blocks::{Blocked, NewBlock, Unblocked};

use crate::world::{Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn blocked_seats_are_offered_to_nobody_and_freed_ones_to_who_stands_at_once() {
    let world = World::quiet(Setup { rows: vec![5], ..Setup::default() }).await;
    let (first, second) = (world.join(2).await, world.join(2).await);
    world.admit(&[&first, &second]).await;
    let block = chassis::ids::new(&chassis::clock::Clock::system());
    let blocked = world
        .store
        .block_seats(
            &NewBlock {
                id: block,
                event: world.event,
                label: "Camera",
                note: "",
                frees_at_ms: None,
                seats: &[2, 3, 4],
            },
            world.founder,
        )
        .await
        .unwrap();
    assert_eq!(blocked, Blocked::Done);
    let tasks = world.run().await;
    let held = world.booking_of(&first).await;
    assert_eq!(world.seats_of(held).await, [0, 1]);
    world.verify().await;
    assert_eq!(world.newest_booking(&second).await, None, "what is kept back is nobody's");
    // One alone is not enough for two.
    let free = async |seats: &[u32]| {
        world.store.unblock_seats(world.event, block, world.founder, "no camera", Some(seats)).await.unwrap()
    };
    assert_eq!(free(&[2]).await, Unblocked::Done(1));
    assert_eq!(free(&[3]).await, Unblocked::Done(1));
    assert_eq!(world.seats_of(world.booking_of(&second).await).await, [2, 3]);
    world.verify().await;
    tasks.stop();
}
