//! One fan's place in an operator's hands: found by its support code, removed, put back.

use contracts::access::StepKind;
use contracts::ids::PlaceId;
use contracts::mending::{FoundPlace, FoundPlaces, InsertedPlace, support_code};
use contracts::problem::Problem;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::operators::{Desk, desk, join};

impl Desk {
    async fn found(&self, place: Uuid) -> FoundPlace {
        let path = format!("/places/by-code/{}", support_code(PlaceId(place)).to_lowercase());
        let mut found: FoundPlaces = Self::read(self.ask_for(&self.token, "GET", &path, &Value::Null).await, 200);
        assert_eq!(found.places.len(), 1);
        found.places.remove(0)
    }

    async fn mend(&self, place: Uuid, what: &str, body: Value) -> u16 {
        self.ask_for(&self.token, "POST", &format!("/places/{}/{what}", PlaceId(place)), &body).await.0
    }

    async fn told(&self, method: &str, path: &str, body: Value, status: u16) -> String {
        Self::read::<Problem>(self.ask_for(&self.token, method, path, &body).await, status).code
    }
}

#[tokio::test]
async fn a_place_is_found_removed_and_put_to_the_front() {
    let desk = desk().await;
    let [first, second, third] = join::<3>(&desk).await;
    let found = desk.found(second).await;
    assert_eq!((found.place_id, found.entry, found.class, found.state.as_str()), (PlaceId(second), 2, 10, "waiting"));
    assert_eq!(desk.mend(second, "remove", json!({"reason": "asked by phone"})).await, 204);
    assert_eq!(desk.found(second).await.state, "removed");
    let removed = format!("/places/{}/remove", PlaceId(second));
    assert_eq!(desk.told("POST", &removed, json!({"reason": "again"}), 409).await, "not-now");
    assert_eq!(desk.mend(second, "put-back", json!({"to": "own_place", "reason": "a mistake"})).await, 204);
    assert_eq!(desk.mend(third, "put-back", json!({"to": "front", "reason": "waited before"})).await, 204);
    let found = desk.found(third).await;
    assert_eq!((found.class, found.state.as_str()), (0, "waiting"));

    let steps = async |place| desk.found(place).await.steps.into_iter().map(|step| step.step).collect::<Vec<_>>();
    assert_eq!(steps(second).await, [StepKind::Joined, StepKind::Removed, StepKind::PutBack]);
    assert_eq!(steps(first).await, [StepKind::Joined]);
    let actions: Vec<String> =
        desk.store.audit_of(desk.sale, 9).await.unwrap().into_iter().map(|row| row.action).collect();
    assert_eq!(actions, ["place.put-back", "place.put-back", "place.remove", "sale.publish", "event.publish"]);
    let report = desk.store.verify().await.unwrap();
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
}

#[tokio::test]
async fn what_cannot_be_mended_is_said() {
    let desk = desk().await;
    let [place] = join::<1>(&desk).await;
    let (reason, path) =
        (json!({"reason": "x"}), |place: Uuid, what: &str| format!("/places/{}/{what}", PlaceId(place)));
    assert_eq!(desk.told("POST", &path(place, "put-back"), reason.clone(), 409).await, "not-now");
    assert_eq!(desk.told("POST", &path(place, "remove"), json!({"reason": " "}), 422).await, "invalid-request");
    assert_eq!(desk.told("POST", &path(Uuid::from_u128(9), "remove"), reason.clone(), 404).await, "not-found");
    let code = support_code(PlaceId(place));
    let misheard = code.replace(&code[..1], if code.starts_with('7') { "8" } else { "7" });
    assert_eq!(desk.told("GET", &format!("/places/by-code/{misheard}"), Value::Null, 422).await, "invalid-request");
    let nobody = support_code(PlaceId(Uuid::from_u128(9)));
    assert_eq!(desk.told("GET", &format!("/places/by-code/{nobody}"), Value::Null, 404).await, "not-found");
    let stranger = desk.papers.access_token(Uuid::from_u128(77), 60_000);
    for (method, path) in [("GET", format!("/places/by-code/{code}")), ("POST", path(place, "remove"))] {
        assert_eq!(desk.ask_for(&stranger, method, &path, &reason).await.0, 403, "{path}");
    }
}

#[tokio::test]
async fn a_fan_without_a_place_is_inserted_by_address() {
    let desk = desk().await;
    join::<2>(&desk).await;
    assert!(desk.store.create_account(Uuid::from_u128(50), "kim@example.org", "").await.unwrap());
    let ask = |email: &str| json!({"email": email, "to": "front", "reason": "our server lost it"});
    let path = "/places/insert";
    let made = desk.ask_for(&desk.token, "POST", path, &ask(" Kim@Example.org ")).await;
    let made: InsertedPlace = Desk::read(made, 201);
    let found = desk.found(made.place_id.0).await;
    assert_eq!((found.entry, found.class, found.party, found.support_code), (3, 0, 1, made.support_code.clone()));
    let put = found.steps.last().unwrap();
    assert_eq!((put.step, put.how.as_deref(), put.front), (StepKind::PutBack, Some("none"), true));
    assert_eq!(put.reason.as_deref(), Some("our server lost it"));
    let again = desk.ask_for(&desk.token, "POST", path, &ask("kim@example.org")).await;
    let again: Problem = Desk::read(again, 409);
    assert!(again.code == "has-place" && again.detail.contains(&made.support_code), "{again:?}");
    assert_eq!(desk.told("POST", path, ask("nobody@example.org"), 404).await, "not-found");
    assert_eq!(
        desk.told("POST", path, json!({"email": "kim@example.org", "reason": " "}), 422).await,
        "invalid-request"
    );
    let stranger = desk.papers.access_token(Uuid::from_u128(77), 60_000);
    assert_eq!(desk.ask_for(&stranger, "POST", path, &ask("kim@example.org")).await.0, 403);
    let report = desk.store.verify().await.unwrap();
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
}
