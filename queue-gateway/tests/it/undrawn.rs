//! A sale that closes undrawn: its commitment stays published for everybody, and is seen to be one that was never revealed.

use contracts::draws::{DrawStage, DrawView};
use contracts::sales::{Sale, SaleDraft, SaleState};
use domain::draw::{self, Chain, CommitmentStatement, Rule, Secret, Signed, Signer};
use store::draw::Published;
use store::leases::Office;
use uuid::Uuid;

use crate::harness::{Ask, HOUR_MS, SECRET, door};

#[tokio::test(flavor = "multi_thread")]
async fn a_commitment_that_was_never_revealed_stays_published_as_such() {
    let door = door().await;
    let draft = SaleDraft { lobby_opens_at_ms: Some(door.clock.now_ms() - 1_000), ..door.sale_draft(-HOUR_MS) };
    let (_, sale) = door.open_sale(&draft).await;
    let (sale, path) = (sale.sale_id, format!("/v1/sales/{}/draw", sale.sale_id));
    door.joined(&door.visitor().await.token, sale).await;
    let lease = door.store.take_lease(Office::Pacing, sale.0, Uuid::from_u128(1), 60_000).await.unwrap().unwrap();
    let (seed, key_id) = contracts::draws::signing_seed(SECRET);
    let commit = async |secret: [u8; 32]| {
        let rule = Rule { chain: Chain::quicknet(), delay_s: 60, unprovable_after_s: None };
        let named = draw::Sale::new(sale.0, "General sale", "An evening");
        let signed = draw::commit(named, &Secret(secret), 7, Some(rule), &Signer::from_seed(&seed, &key_id));
        let files = Published { json: signed.json.clone(), sig: signed.sig.clone() };
        door.store.commit_draw(&lease, &secret, &files).await.unwrap();
        signed
    };
    let committed = commit([0xa5; 32]).await;
    // Its lobby, its window and its line are over, and nobody drew it.
    sqlx::query(
        "update sale set lobby_opens_at = now() - interval '3 h', opens_at = now() - interval '2 h', closes_at = now() - interval '1 h'
         where id = $1",
    )
    .bind(sale.0)
    .execute(door.store.pool())
    .await
    .unwrap();
    let read = async |file: &str| Ask::new("GET", format!("{path}{file}")).to(&door).await;
    let told: Sale = Ask::new("GET", format!("/v1/sales/{sale}")).to(&door).await.ok(200);
    assert_eq!(told.state, SaleState::Closed);
    let view = read("").await;
    let mut answers = vec![view.body.clone()];
    let view: DrawView = view.ok(200);
    assert_eq!((view.stage, view.size), (DrawStage::Committed, 0));
    assert_eq!(view.files, ["commitment.json", "commitment.sig"]);
    assert_eq!(view.commitment, committed.statement.commitment.to_string());
    let [json, sig] = [read("/commitment.json").await.body, read("/commitment.sig").await.body];
    let kept: Signed<CommitmentStatement> = Signed::read(json.clone(), sig).unwrap();
    assert_eq!(kept, committed);
    for file in ["roster.json", "roster.sig", "roster.txt", "numbers.txt", "draw.json", "draw.sig", "proof?entry=1"] {
        let refused = read(&format!("/{file}")).await;
        answers.push(refused.body.clone());
        assert_eq!(refused.problem(404).code, "not-found", "{file}");
    }
    let secret = hex::encode([0xa5; 32]);
    for answer in answers.iter().chain([&json]) {
        assert!(!String::from_utf8_lossy(answer).contains(&secret), "nobody learns the secret");
    }
    // One draw per commitment: another one does not take its place.
    commit([0x5a; 32]).await;
    assert_eq!(read("/commitment.json").await.body, json);
}
