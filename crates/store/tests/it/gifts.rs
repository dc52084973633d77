//! Complimentary tickets: of blocked seats alone, each once, and revocable.

use store::blocks::{Blocked, NewBlock, Unblocked};
use store::gifts::{GiftRow, NewGift, WhichGifts};
use uuid::Uuid;

use crate::world::{Recipe, Result, World, id};

impl World {
    async fn guests(&self, seats: &[u32]) -> Result<Uuid> {
        let block = id();
        let done = self
            .store
            .block_seats(
                &NewBlock { id: block, event: self.event, label: "Guests", note: "", frees_at_ms: None, seats },
                self.account,
            )
            .await?;
        anyhow::ensure!(done == Blocked::Done, "{done:?}");
        Ok(block)
    }

    /// Gives these seats; answers the gift if it was given.
    async fn give(&self, block: Uuid, seats: &[u32]) -> Result<Option<GiftRow>> {
        let gift = id();
        let reference = gift.simple().to_string();
        let new = NewGift {
            id: gift,
            event: self.event,
            block,
            seats,
            name: "Ada",
            email: "ada@example.org",
            reference: &reference,
            reason: "she sings",
        };
        let given = self.store.give_tickets(&new, self.account, id).await?;
        let row = self.store.gifts(WhichGifts::Id(gift)).await?.pop();
        anyhow::ensure!(given == row.is_some());
        Ok(row)
    }
}

#[tokio::test]
async fn blocked_seats_become_tickets_and_stay_blocked() -> Result {
    let world = World::new(Recipe::default()).await?;
    let block = world.guests(&[0, 1, 2]).await?;
    let gift = world.give(block, &[1, 0]).await?.expect("it is given");
    let seats = |gift: &GiftRow| gift.tickets.iter().map(|ticket| (ticket.seat, ticket.valid)).collect::<Vec<_>>();
    assert_eq!(seats(&gift), [(0, true), (1, true)]);
    world.sound().await?;
    // Each once, and none that is not kept back.
    for (block, seats) in [(block, &[1, 2][..]), (block, &[3]), (block, &[]), (id(), &[2])] {
        assert_eq!(world.give(block, seats).await?, None, "{seats:?}");
    }
    // What was given is not given free, neither by name nor with all.
    assert_eq!(
        world.store.unblock_seats(world.event, block, world.account, "", Some(&[1])).await?,
        Unblocked::NotBlocked
    );
    assert_eq!(world.store.unblock_seats(world.event, block, world.account, "", None).await?, Unblocked::Done(1));
    let given: Vec<_> =
        world.store.blocks(world.event, None, 10).await?[0].seats.iter().map(|seat| (seat.0, seat.2)).collect();
    assert_eq!(given, [(0, true), (1, true)]);
    let found = async |email, reference| {
        anyhow::Ok(world.store.gifts(WhichGifts::Found { email, reference }).await?.pop().map(|gift| gift.id))
    };
    assert_eq!(found("ADA@example.org", &gift.reference).await?, Some(gift.id));
    assert_eq!(found("eve@example.org", &gift.reference).await?, None);
    // Taken back once: the seats are the promoter's again.
    assert!(world.store.revoke_gift(gift.id, world.account, "she does not").await?);
    assert!(!world.store.revoke_gift(gift.id, world.account, "again").await?);
    let revoked = world
        .store
        .gifts(WhichGifts::Event { event: world.event, after: None, limit: 10 })
        .await?
        .pop()
        .expect("it is told still");
    assert!(revoked.revoked_at_ms.is_some());
    assert_eq!(seats(&revoked), [(0, false), (1, false)]);
    assert!(world.give(block, &[1]).await?.is_some());
    assert_eq!(world.store.unblock_seats(world.event, block, world.account, "", None).await?, Unblocked::Done(1));
    let audit = world.store.audit_of(world.sale, 10).await?;
    let lines: Vec<_> = audit.iter().filter(|line| line.action.starts_with("tickets.")).collect();
    assert_eq!(
        lines.iter().map(|line| line.reason.as_str()).collect::<Vec<_>>(),
        ["she sings", "she does not", "she sings"]
    );
    world.sound().await
}

/// Of two who give the same seat, or give it and set it free, one does.
#[tokio::test]
async fn one_seat_is_given_to_one() -> Result {
    let world = World::new(Recipe::default()).await?;
    for seat in 0..6 {
        let (one_seat, another) = ([seat], [seat + 6]);
        let block = world.guests(&one_seat).await?;
        let (one, other) = tokio::join!(world.give(block, &one_seat), world.give(block, &one_seat));
        assert_eq!([one?, other?].iter().flatten().count(), 1);
        let block = world.guests(&another).await?;
        let free = world.store.unblock_seats(world.event, block, world.account, "", None);
        let (given, free) = tokio::join!(world.give(block, &another), free);
        assert!(given?.is_some() != (free? == Unblocked::Done(1)));
    }
    world.sound().await
}
