//! Who may enter: codes are used as often as they are good for, lists count where the sale says so, and each refusal says why.

use std::collections::HashMap;
use std::time::Instant;

use domain::order::Class;
use futures_util::future::{join_all, try_join_all};
use store::entry::{CodeMade, Entry, EntryRefusal, Invitation, NewCode, SecretHash};
use store::events::{Ordering, SaleDraft, SaleEdit};
use store::feed::{Change, Lane, LaneKind};
use store::joins::{EntitledBatch, JoinAsk, JoinBatch, PlaceRow};
use store::pace::Leave;
use store::{Guards, Store};
use uuid::Uuid;

use crate::world::{Recipe, Result, World, ask, id};

/// A stand-in for the keyed hash: tests need only that other words give another one.
pub fn hash(words: &str) -> SecretHash {
    let mut hash = [0; 32];
    for (at, byte) in words.bytes().enumerate() {
        hash[at % 32] ^= byte.rotate_left(at as u32 / 32);
    }
    hash
}

pub fn code(words: &str, uses_max: u32) -> NewCode {
    NewCode {
        id: id(),
        hash: hash(words),
        prefix: words.chars().take(2).collect(),
        label: words.to_owned(),
        class: None,
        uses_max,
        expires_at_ms: None,
    }
}

impl World {
    pub async fn enter_by(&self, entry: Entry, ordering: Ordering) -> Result {
        let sale = self.store.sale(self.sale).await?.expect("the sale");
        let draft = SaleDraft { entry, ordering, ..sale.draft };
        let edit = self.store.edit_sale(self.sale, sale.version, &draft, self.account).await?;
        anyhow::ensure!(edit == SaleEdit::Done, "{edit:?}");
        Ok(())
    }

    pub async fn make_code(&self, code: NewCode) -> Result<Uuid> {
        anyhow::ensure!(self.store.make_code(self.sale, self.account, &code).await? == CodeMade::Done);
        Ok(code.id)
    }

    /// Joins with a code; the place, or why there is none.
    pub async fn join_by(&self, fan: Uuid, code: Option<&str>) -> Result<std::result::Result<PlaceRow, EntryRefusal>> {
        one(&self.store, self.sale, ask(fan, 1), code).await
    }

    async fn account(&self, email: &str) -> Result<Uuid> {
        let account = id();
        anyhow::ensure!(self.store.create_account(account, email, "").await?);
        Ok(account)
    }
}

async fn one(
    store: &Store,
    sale: Uuid,
    ask: JoinAsk,
    code: Option<&str>,
) -> Result<std::result::Result<PlaceRow, EntryRefusal>> {
    match store.join_entitled(sale, &[ask], &[code.map(hash)], &hash).await? {
        EntitledBatch { refused, .. } if refused[0].is_some() => Ok(Err(refused[0].expect("checked"))),
        EntitledBatch { batch: JoinBatch::Placed(mut places, _), .. } => Ok(Ok(places.remove(0).0)),
        other => anyhow::bail!("{other:?}"),
    }
}

/// Fans come at once through four processes with one code that is good once, over and over.
async fn single_use_codes_give_one_place(world: &World, guards: Guards) -> Result {
    world.enter_by(Entry::Code, Ordering::Fifo).await?;
    let stores = try_join_all((0..4).map(|_| world.another_store())).await?;
    let stores: Vec<Store> = stores.into_iter().map(|store| store.without(guards)).collect();
    for round in 0..6 {
        let words = format!("good once {round}");
        world.make_code(code(&words, 1)).await?;
        let joins = (0..24).map(|nth| one(&stores[nth % 4], world.sale, ask(id(), 1), Some(&words)));
        let came: Vec<_> = join_all(joins).await.into_iter().collect::<Result<_>>()?;
        let placed = came.iter().filter(|came| came.is_ok()).count();
        anyhow::ensure!(placed == 1, "a code that is good once gave {placed} places");
        anyhow::ensure!(came.iter().all(|came| came.is_ok() || *came == Err(EntryRefusal::CodeUsedUp)), "{came:?}");
    }
    world.sound().await
}

#[tokio::test]
async fn a_code_that_is_good_once_gives_one_place() -> Result {
    let world = World::new(Recipe::default()).await?;
    single_use_codes_give_one_place(&world, Guards::ALL).await
}

#[tokio::test]
async fn a_code_that_is_good_once_gives_one_place_without_code_limit() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.sql("alter table access_code drop constraint access_code_uses").await?;
    let guards = Guards { code_limit: false, ..Guards::ALL };
    let failed = single_use_codes_give_one_place(&world, guards).await.expect_err("a code was to be overused");
    assert!(failed.to_string().contains("gave 24 places"), "{failed}");
    let found = world.verify().await?.violations;
    for check in ["code-within-its-uses", "code-is-in-as-many-places"] {
        assert!(found.iter().any(|violation| violation.check == check), "{check}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_table_itself_refuses_overuse() -> Result {
    let mut world = World::new(Recipe::default()).await?;
    world.make_code(code("good once", 1)).await?;
    world.store = world.store.clone().without(Guards { code_limit: false, ..Guards::ALL });
    assert!(world.join_by(id(), Some("good once")).await?.is_ok());
    let fault = world.join_by(id(), Some("good once")).await.expect_err("the constraint was to refuse");
    assert!(fault.to_string().contains("access_code_uses"), "{fault}");
    world.sound().await
}

#[tokio::test]
async fn a_batch_takes_what_a_code_has_and_refuses_the_rest_by_name() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.enter_by(Entry::Code, Ordering::Fifo).await?;
    world.make_code(code("good twice", 2)).await?;
    let fans: Vec<Uuid> = (0..6).map(|_| id()).collect();
    let who = [0, 1, 2, 3, 0, 4, 5];
    let asks: Vec<JoinAsk> = who.iter().map(|fan| ask(fans[*fan], 1)).collect();
    let words =
        [None, Some("good twice"), Some("nonsense"), Some("good twice"), Some("good twice"), None, Some("good twice")];
    let codes: Vec<Option<SecretHash>> = words.iter().map(|words| words.map(hash)).collect();
    let EntitledBatch { batch, refused, .. } = world.store.join_entitled(world.sale, &asks, &codes, &hash).await?;
    let JoinBatch::Placed(places, _) = batch else { panic!("{batch:?}") };
    // Fan 0 brings nothing first, and then a code whose uses fans 1 and 3 have taken.
    use EntryRefusal::{CodeNeeded, CodeUnknown, CodeUsedUp};
    let why = [Some(CodeNeeded), None, Some(CodeUnknown), None, Some(CodeUsedUp), Some(CodeNeeded), Some(CodeUsedUp)];
    assert_eq!(refused, why);
    let placed: Vec<_> = places.iter().map(|(place, new)| (place.fan, place.entry, *new)).collect();
    assert_eq!(placed, [(fans[1], 1, true), (fans[3], 2, true)]);
    world.sound().await
}

#[tokio::test]
async fn codes_stop_and_come_back_to_whoever_used_them() -> Result {
    let world = World::new(Recipe::default()).await?;
    world.enter_by(Entry::Code, Ordering::Fifo).await?;
    let once = world.make_code(code("good once", 1)).await?;
    world.make_code(NewCode { expires_at_ms: Some(1_700_000_000_000), ..code("over", 9) }).await?;
    let (fan, other) = (id(), id());
    assert_eq!(world.join_by(other, Some("over")).await?.unwrap_err(), EntryRefusal::CodeExpired);
    let place = world.join_by(fan, Some("good once")).await?.unwrap();
    // A live place is kept whatever comes with the next join.
    for words in [None, Some("nonsense"), Some("over"), Some("good once")] {
        assert_eq!(world.join_by(fan, words).await?.unwrap().id, place.id);
    }
    // Leaving gives the use to nobody else.
    assert_eq!(world.store.leave(world.event, world.sale, fan).await?, Leave::Left);
    assert_eq!(world.join_by(other, Some("good once")).await?.unwrap_err(), EntryRefusal::CodeUsedUp);
    assert_eq!(world.join_by(fan, None).await?.unwrap_err(), EntryRefusal::CodeNeeded);
    let again = world.join_by(fan, Some("good once")).await?.unwrap();
    assert_eq!(again.entry, 2);
    world.sound().await?;
    // With tickets it is spent, also for its fan.
    let (pacing, seating) = (world.pacing().await?, world.seating().await?);
    world.tick(pacing).await?;
    let booking = world.hold(&seating, again.entry, &[0]).await?.booking;
    world.pay(booking).await?;
    assert_eq!(world.join_by(fan, Some("good once")).await?.unwrap_err(), EntryRefusal::CodeUsedUp);
    let listed = world.store.codes(world.sale, Uuid::nil(), 10).await?;
    assert_eq!((listed[0].id, listed[0].uses, listed[0].uses_max), (once, 1, 1));
    // Ended by hand; a code of another sale is none.
    world.make_code(code("for many", 1_000)).await?;
    assert!(world.join_by(id(), Some("for many")).await?.is_ok());
    let many = world.store.codes(world.sale, once, 10).await?.last().expect("two more").id;
    assert!(!world.store.end_code(id(), world.account, many).await?);
    assert!(world.store.end_code(world.sale, world.account, many).await?);
    assert_eq!(world.join_by(id(), Some("for many")).await?.unwrap_err(), EntryRefusal::CodeExpired);
    world.sound().await
}

#[tokio::test]
async fn lists_let_in_and_put_ahead_where_the_sale_says_so() -> Result {
    for (entry, ordering) in [
        (Entry::Invited, Ordering::InvitedFirst),
        (Entry::Invited, Ordering::Fifo),
        (Entry::Open, Ordering::InvitedFirst),
        (Entry::Open, Ordering::Fifo),
    ] {
        let world = World::new(Recipe::default()).await?;
        world.enter_by(entry, ordering).await?;
        let invited = |email: &str, class, reason: &str| Invitation {
            hash: hash(email),
            class: Class(class),
            reason: reason.to_owned(),
        };
        let list = [invited("member@example.org", 3, "member"), invited("press@example.org", 9, "friend")];
        world.store.invite(world.sale, world.account, &list).await?;
        // A later list corrects an earlier one.
        world.store.invite(world.sale, world.account, &[invited("press@example.org", 1, "press")]).await?;
        world.make_code(NewCode { class: Some(Class(2)), ..code("partner", 5) }).await?;
        let counted = ordering == Ordering::InvitedFirst;

        let (member, press) = (world.account("member@example.org").await?, world.account("press@example.org").await?);
        let stranger = world.join_by(world.account("stranger@example.org").await?, None).await?;
        let visitor = world.join_by(id(), Some("partner")).await?;
        if entry == Entry::Invited {
            assert_eq!(stranger.unwrap_err(), EntryRefusal::NotInvited);
            assert_eq!(visitor.unwrap_err(), EntryRefusal::NotInvited, "a code is not an invitation");
        } else {
            assert!(stranger.is_ok() && visitor.is_ok());
        }
        // The better of list and code counts.
        let member = world.join_by(member, Some("partner")).await?.unwrap();
        let press = world.join_by(press, Some("partner")).await?.unwrap();
        let rows: HashMap<String, (u8, u64)> = (world.store.entry_tally(world.sale).await?.rows.into_iter())
            .map(|row| (row.reason, (row.class.0, row.joined)))
            .collect();
        let class = |class| if counted { class } else { 10 };
        // Without a word of the sale about lists, nobody looks at them.
        let told = |reason: &str| rows.get(reason).copied();
        let looked = counted || entry == Entry::Invited;
        assert_eq!(told("press"), looked.then_some((class(1), 1)), "{rows:?}");
        let partners = 1 + u64::from(entry == Entry::Open) + u64::from(!looked);
        assert_eq!(told("partner"), Some((class(2), partners)), "{rows:?}");
        let records = world.store.records_after(Lane { scope: world.sale, kind: LaneKind::Joins }, 0, 100).await?;
        let told: Vec<(i64, u8)> = (records.iter().flat_map(|record| &record.changes))
            .flat_map(|change| if let Change::Joined { classes, .. } = change { classes.clone() } else { vec![] })
            .collect();
        let of = |entry| told.iter().find(|(told, _)| *told == entry).map(|(_, class)| *class);
        assert_eq!((of(member.entry), of(press.entry)), if counted { (Some(2), Some(1)) } else { (None, None) });
        assert_eq!(told.is_empty(), !counted);
        let tally = world.store.entry_tally(world.sale).await?;
        assert_eq!((tally.codes, tally.uses_max, tally.invited), (1, 5, 2));
        world.sound().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_hundred_thousand_codes_come_in_seconds_and_all_or_none() -> Result {
    let world = World::new(Recipe::default()).await?;
    let codes: Vec<NewCode> = (0..100_000)
        .map(|nth: u32| {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&nth.wrapping_mul(2_654_435_761).to_be_bytes());
            NewCode { hash, ..code("many", 1) }
        })
        .collect();
    let known = [code("known", 1), codes[77_777].clone()];
    let done = world.store.import_codes(world.sale, world.account, &known, false).await?;
    assert_eq!((done.made, done.existing), (2, vec![]));
    let fresh: Vec<NewCode> = codes.iter().map(|code| NewCode { id: id(), ..code.clone() }).collect();
    let done = world.store.import_codes(world.sale, world.account, &fresh, false).await?;
    assert_eq!((done.made, done.existing), (0, vec![77_777]));
    assert_eq!(world.number("select count(*) from access_code").await?, 2, "all or nothing");
    let began = Instant::now();
    let done = world.store.import_codes(world.sale, world.account, &fresh, true).await?;
    let took = began.elapsed();
    assert_eq!((done.made, done.existing), (99_999, vec![77_777]));
    println!("100,000 codes in {took:?}");
    assert!(took.as_secs() < 20, "{took:?}");
    Ok(())
}

#[tokio::test]
async fn what_promoters_do_to_codes_and_lists_is_in_the_audit_log_without_the_codes() -> Result {
    let world = World::new(Recipe::default()).await?;
    let store = &world.store;
    world.enter_by(Entry::Invited, Ordering::InvitedFirst).await?;
    let made = world.make_code(code("secret words", 7)).await?;
    assert_eq!(store.make_code(world.sale, world.account, &code("secret words", 7)).await?, CodeMade::Exists);
    assert!(store.end_code(world.sale, world.account, made).await?);
    let hash_of = |email: &str| hash(email);
    let invited = |email: &str| Invitation { hash: hash_of(email), class: Class(2), reason: "press".to_owned() };
    store.invite(world.sale, world.account, &[invited("a@example.org"), invited("b@example.org")]).await?;
    let (a, b) = (world.account("a@example.org").await?, world.account("b@example.org").await?);
    let place = world.join_by(a, None).await?.unwrap();
    for email in ["a@example.org", "b@example.org"] {
        assert!(store.uninvite(world.sale, world.account, &hash_of(email)).await?);
        assert!(!store.uninvite(world.sale, world.account, &hash_of(email)).await?);
    }
    assert_eq!(world.join_by(b, None).await?.unwrap_err(), EntryRefusal::NotInvited);
    assert_eq!(world.join_by(a, None).await?.unwrap().id, place.id, "who joined by it stays");
    let lines: Vec<(String, Uuid, String)> = sqlx::query_as(
        "select action, account, change::text from audit where action ~ '^(code|invitation)' order by id",
    )
    .fetch_all(&world.db.pool)
    .await?;
    let told: Vec<&str> = lines.iter().map(|(action, ..)| action.as_str()).collect();
    assert_eq!(told, ["code.make", "code.end", "invitation.import", "invitation.withdraw", "invitation.withdraw"]);
    assert!(lines.iter().all(|(_, account, change)| *account == world.account && !change.contains("example.org")));
    let hashes = [hash("secret words"), hash_of("a@example.org")].map(hex::encode);
    assert!(lines.iter().all(|(.., change)| hashes.iter().all(|hash| !change.contains(hash))));
    assert!(lines[0].2.contains("\"uses_max\": 7") && lines[2].2.contains("\"addresses\": 2"), "{lines:?}");
    world.sound().await
}
