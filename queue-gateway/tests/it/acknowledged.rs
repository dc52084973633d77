//! Joins in a lobby are answered with a signed acknowledgement, by which anybody can prove that the roster left them out.

use std::collections::HashSet;

use contracts::access::MadeCode;
use contracts::accounts::Visitor;
use contracts::draws::{Acknowledgement, DrawKey};
use contracts::ids::SaleId;
use contracts::places::Joined;
use contracts::sales::{Entry, Ordering, Sale, SaleDraft};
use domain::draw::{self, Genuine, Hex, Signer, Standing, close, genuine, write_roster};
use futures_util::future::join_all;
use queue_gateway::{Config, JoinConfig};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Answer, Ask, Door, HOUR_MS, SECRET, ask_join, config, door, door_with, mine};

/// Groups that wait for everybody who asks at once.
fn slow() -> Config {
    Config { join: JoinConfig { gather_us: 100_000, ..JoinConfig::default() }, ..config() }
}

fn in_lobby(door: &Door) -> SaleDraft {
    SaleDraft { lobby_opens_at_ms: Some(door.clock.now_ms() - 1_000), ..door.sale_draft(-HOUR_MS) }
}

fn key() -> Hex<32> {
    Hex::parse(&DrawKey::of(SECRET).ed25519).unwrap()
}

/// A place whose acknowledgement is the installation's, and of this very place.
#[track_caller]
fn checked(answer: Answer, status: u16) -> (Joined, Genuine) {
    let joined: Joined = answer.ok(status);
    let own = joined.acknowledgement.as_deref().expect("an acknowledgement");
    let told = genuine(&serde_json::to_vec(own).unwrap(), &[key()]).unwrap();
    assert_eq!(told.leaf, format!("{} {}", joined.place.entry, joined.place.place_id));
    assert_eq!(told.statement.sale, joined.place.sale_id.to_string());
    (joined, told)
}

fn signature(joined: &Joined) -> String {
    joined.acknowledgement.as_ref().unwrap().signature.clone()
}

async fn places(door: &Door, sale: SaleId) -> Vec<Uuid> {
    door.store.places_by_entry(sale.0, 1, 1_000_000).await.unwrap()
}

/// Where an acknowledged entry is in a roster of these places, published by this installation.
fn standing(sale: SaleId, places: Vec<Uuid>, own: &Acknowledgement) -> Standing {
    let (seed, key_id) = contracts::draws::signing_seed(SECRET);
    let mut txt = Vec::new();
    let roster = write_roster(places, &mut txt).unwrap().0;
    let signed = close(draw::Sale::new(sale.0, "", ""), &roster, 1, 2, &Signer::from_seed(&seed, &key_id));
    let open = |name| {
        Ok(match name {
            "roster.json" => &signed.json[..],
            "roster.sig" => &signed.sig[..],
            _ => &txt[..],
        })
    };
    draw::acknowledged(&serde_json::to_vec(own).unwrap(), open, &[]).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_lobby_is_signed_for_once_per_batch_and_proves_an_omission() {
    let door = door_with(slow()).await;
    let twin = door.twin(slow()).await;
    let (_, sale) = door.open_sale(&in_lobby(&door)).await;
    let fans: Vec<Visitor> = join_all((0..60).map(|_| door.visitor())).await;
    let asks = fans.iter().enumerate().map(|(nth, fan)| {
        let router = if nth % 2 == 0 { &door.router } else { &twin };
        ask_join(&fan.token, sale.sale_id).from(router, "192.0.2.1:1")
    });
    let joined: Vec<(Joined, Genuine)> = join_all(asks).await.into_iter().map(|answer| checked(answer, 201)).collect();
    let signatures: HashSet<String> = joined.iter().map(|(joined, _)| signature(joined)).collect();
    let batches: i64 = sqlx::query_scalar("select version from lane where scope = $1 and kind = 'joins'")
        .bind(sale.sale_id.0)
        .fetch_one(door.store.pool())
        .await
        .unwrap();
    assert!(batches < 30, "the joins were to come in groups, not in {batches}");
    assert_eq!(signatures.len() as i64, batches, "one signature per batch");
    let everybody = places(&door, sale.sale_id).await;
    for (joined, told) in &joined {
        let (own, entry) = (joined.acknowledgement.as_deref().unwrap(), joined.place.entry);
        let said = &told.statement;
        assert_eq!(said.size, said.last - said.first + 1, "a batch of newcomers has no gaps");
        assert_eq!(said.acknowledged_ms, joined.place.joined_at_ms);
        assert_eq!(standing(sale.sale_id, everybody.clone(), own), Standing::Listed);
        let mut without = everybody.clone();
        without.remove(entry as usize - 1);
        let instead = everybody.get(entry as usize).map(|place| format!("{entry} plc_{}", place.simple()));
        assert_eq!(standing(sale.sale_id, without, own), Standing::LeftOut { instead });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_given_again_and_signed_with_the_others() {
    let door = door_with(slow()).await;
    let (_, sale) = door.open_sale(&in_lobby(&door)).await;
    let [old, gone, ada, bea] =
        [door.visitor().await, door.visitor().await, door.visitor().await, door.visitor().await];
    let (first, _) = checked(door.join(&old.token, sale.sale_id).await, 201);
    checked(door.join(&gone.token, sale.sale_id).await, 201);
    // Who left stays in the roster, and who comes behind has the next entries.
    Ask::new("DELETE", format!("/v1/sales/{}/places/mine", sale.sale_id)).by(&gone.token).to(&door).await.empty(204);
    let (again, ada, bea) = tokio::join!(
        door.join(&old.token, sale.sale_id),
        door.join(&ada.token, sale.sale_id),
        door.join(&bea.token, sale.sale_id)
    );
    let ((again, told), (ada, _), (bea, _)) = (checked(again, 200), checked(ada, 201), checked(bea, 201));
    assert_eq!(again.place, first.place);
    assert_eq!((told.statement.first, told.statement.last, told.statement.size), (1, 4, 3));
    assert!(signature(&again) == signature(&ada) && signature(&ada) == signature(&bea), "one signature for all three");
    assert_ne!(signature(&again), signature(&first));
    // Only a join is answered so: the paper is the fan's to keep.
    let found: Joined = mine(&again.receipt, sale.sale_id).to(&door).await.ok(200);
    assert_eq!(found.acknowledgement, None);
    let whole = places(&door, sale.sale_id).await;
    for joined in [first, again, ada, bea] {
        let own = joined.acknowledgement.as_deref().unwrap();
        assert_eq!(standing(sale.sale_id, whole.clone(), own), Standing::Listed, "{}", joined.place.entry);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_and_refusals_share_a_batch_with_those_acknowledged() {
    let door = door_with(slow()).await;
    let draft = SaleDraft { entry: Entry::Code, ordering: Ordering::InvitedFirst, ..in_lobby(&door) };
    let (promoter, sale) = door.open_sale(&draft).await;
    let made = async |body: serde_json::Value| -> String {
        let path = format!("/v1/sales/{}/codes", sale.sale_id);
        Ask::new("POST", path).by(&promoter).json(&body).to(&door).await.ok::<MadeCode>(201).code.0
    };
    let (press, plain) = (made(json!({"class": 1, "uses_max": 9})).await, made(json!({"uses_max": 9})).await);
    let fans: Vec<Visitor> = join_all((0..7).map(|_| door.visitor())).await;
    let codes = [&press, "WRONG-CODE", &plain, &press, "ANOTHER-ONE", &plain, &plain];
    let asks = fans.iter().zip(codes).map(|(fan, code)| {
        let body = json!({"party": 1, "code": code});
        Ask::new("POST", format!("/v1/sales/{}/places", sale.sale_id)).by(&fan.token).json(&body).to(&door)
    });
    let (placed, refused): (Vec<_>, Vec<_>) =
        join_all(asks).await.into_iter().partition(|answer| answer.status.as_u16() == 201);
    assert_eq!(refused.len(), 2);
    for answer in refused {
        assert_eq!(answer.problem(403).code, "code-unknown");
    }
    let placed: Vec<(Joined, Genuine)> = placed.into_iter().map(|answer| checked(answer, 201)).collect();
    let whole = places(&door, sale.sale_id).await;
    let mut entries: Vec<i64> = placed.iter().map(|(joined, _)| joined.place.entry).collect();
    entries.sort_unstable();
    assert_eq!(entries, [1, 2, 3, 4, 5], "the refused have no entry");
    for (joined, told) in &placed {
        assert_eq!((told.statement.first, told.statement.last, told.statement.size), (1, 5, 5), "one batch");
        assert_eq!(standing(sale.sale_id, whole.clone(), joined.acknowledgement.as_deref().unwrap()), Standing::Listed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_where_nothing_is_drawn() {
    let door = door().await;
    let joined = async |sale: &Sale| door.joined(&door.visitor().await.token, sale.sale_id).await.acknowledgement;
    // Three sales at the same time share out the seats.
    let part = |draft: SaleDraft| SaleDraft { allotment: Some(3), ..draft };
    let (promoter, open) = door.open_sale(&part(door.sale_draft(1_000))).await;
    assert_eq!(joined(&open).await, None, "no lobby");
    let sale = async |draft: SaleDraft| {
        let (event, draft) = (open.event_id, part(draft));
        let sale = door.sale(&promoter, event, &draft).await.sale_id;
        Ask::new("POST", format!("/v1/sales/{sale}/publish")).by(&promoter).to(&door).await.ok::<Sale>(200)
    };
    let fifo = sale(SaleDraft { ordering: Ordering::Fifo, ..in_lobby(&door) }).await;
    assert_eq!(joined(&fifo).await, None, "a lobby whose entries are its numbers");
    let drawn = sale(in_lobby(&door)).await;
    let fan = door.visitor().await;
    checked(door.join(&fan.token, drawn.sale_id).await, 201);
    sqlx::query("update sale set opens_at = now() - interval '1 s' where id = $1")
        .bind(drawn.sale_id.0)
        .execute(door.store.pool())
        .await
        .unwrap();
    assert_eq!(joined(&drawn).await, None, "behind the lobby");
    let again: Joined = door.join(&fan.token, drawn.sale_id).await.ok(200);
    assert_eq!(again.acknowledgement, None, "the roster speaks from now on");
}
