//! Whatever is wrong with a request, the answer is a problem document, on every route.

use contracts::ids::{EventId, OrganisationId, SaleId};
use serde_json::json;

use crate::harness::{Ask, Door, door};

/// Who may ask.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    Anybody,
    Account,
    /// An account, a visitor or a receipt.
    Fan,
}

struct Route {
    method: &'static str,
    path: String,
    who: Who,
    /// Whether it takes a body.
    body: bool,
    /// Whether another organisation's account is turned away.
    owned: bool,
}

fn routes(organisation: OrganisationId, event: EventId, sale: SaleId) -> Vec<Route> {
    let route = |method, path: String, who, body, owned| Route { method, path, who, body, owned };
    vec![
        route("POST", "/v1/visitors".to_owned(), Who::Anybody, false, false),
        route("POST", "/v1/accounts".to_owned(), Who::Anybody, true, false),
        route("POST", "/v1/sessions".to_owned(), Who::Anybody, true, false),
        route("POST", "/v1/sessions/refresh".to_owned(), Who::Anybody, true, false),
        route("DELETE", "/v1/sessions".to_owned(), Who::Anybody, true, false),
        route("GET", "/v1/me".to_owned(), Who::Account, false, false),
        route("POST", "/v1/organisations".to_owned(), Who::Account, true, false),
        route("POST", format!("/v1/organisations/{organisation}/members"), Who::Account, true, true),
        route("GET", format!("/v1/organisations/{organisation}/events"), Who::Account, false, true),
        route("POST", format!("/v1/organisations/{organisation}/events"), Who::Account, true, true),
        route("GET", "/v1/events".to_owned(), Who::Anybody, false, false),
        route("GET", format!("/v1/events/{event}"), Who::Anybody, false, true),
        route("PUT", format!("/v1/events/{event}"), Who::Account, true, true),
        route("POST", format!("/v1/events/{event}/publish"), Who::Account, false, true),
        route("POST", format!("/v1/events/{event}/sales"), Who::Account, true, true),
        route("GET", format!("/v1/sales/{sale}"), Who::Anybody, false, true),
        route("PUT", format!("/v1/sales/{sale}"), Who::Account, true, true),
        route("POST", format!("/v1/sales/{sale}/publish"), Who::Account, false, true),
        route("POST", format!("/v1/sales/{sale}/places"), Who::Fan, true, true),
        route("GET", format!("/v1/sales/{sale}/places/mine"), Who::Fan, false, true),
        route("DELETE", format!("/v1/sales/{sale}/places/mine"), Who::Fan, false, true),
    ]
}

/// A body that the route would take.
fn good_body(door: &Door, route: &Route) -> serde_json::Value {
    match route.path.rsplit('/').next().unwrap() {
        "accounts" | "sessions" if route.method == "POST" => {
            json!({"email": "x@example.org", "password": "a long pass phrase"})
        }
        "sessions" | "refresh" => json!({"refresh_token": "ref_x"}),
        "organisations" => json!({"name": "Mine"}),
        "members" => json!({"email": "x@example.org", "role": "operator"}),
        "places" => json!({"party": 1}),
        "sales" => json!(door.sale_draft(0)),
        _ if route.path.starts_with("/v1/sales/") => json!(door.sale_draft(0)),
        _ => json!(door.event_draft()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_document() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let event = door.event(&token, &organisation).await.event_id;
    let sale = door.sale(&token, event, &door.sale_draft(0)).await.sale_id;
    let stranger = door.account("eve@example.org").await.access_token;
    let visitor = door.visitor().await.token;
    for route in routes(organisation.organisation_id, event, sale) {
        let name = format!("{} {}", route.method, route.path);
        let ask = || Ask::new(route.method, &route.path).with("if-match", "\"1\"");
        let good = good_body(&door, &route);
        let whole = |ask: Ask| if route.body { ask.json(&good) } else { ask };

        if route.who != Who::Anybody {
            println!("{name}: nobody");
            whole(ask()).to(&door).await.problem(401);
            for token in ["nonsense", "vis_nonsense", "rcp_nonsense", "a.b.c"] {
                println!("{name}: {token}");
                whole(ask().by(token)).to(&door).await.problem(401);
            }
        }
        if route.who == Who::Account {
            println!("{name}: a visitor");
            whole(ask().by(&visitor)).to(&door).await.problem(401);
        }
        if route.owned {
            println!("{name}: a stranger");
            // The event and the sale are drafts: a stranger is told there is nothing.
            whole(ask().by(&stranger)).to(&door).await.problem(404);
        }
        if route.body {
            println!("{name}: bodies");
            ask().by(&token).raw("application/json", "{").to(&door).await.problem(400);
            ask().by(&token).raw("application/json", "[1, 2]").to(&door).await.problem(422);
            ask().by(&token).raw("text/plain", "hello").to(&door).await.problem(415);
            ask().by(&token).to(&door).await.problem(415);
            ask().by(&token).raw("application/json", vec![b' '; 70_000]).to(&door).await.problem(413);
            let mut unknown = good.clone();
            unknown["surprise"] = json!(true);
            ask().by(&token).json(&unknown).to(&door).await.problem(422);
            ask().by(&token).raw("application/json", [b"\"\xff\"".to_vec()].concat()).to(&door).await.problem(400);
        }
        println!("{name}: method");
        let other = Ask::new("TRACE", &route.path).by(&token).to(&door).await;
        assert!(other.header("allow").is_some_and(|allow| allow.contains(route.method)), "{other:?}");
        assert_eq!(other.problem(405).code, "method-not-allowed");
    }
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/sales", "/v1/sales/x/y/z", "/nothing"] {
        assert_eq!(Ask::new("GET", path).to(&door).await.problem(404).code, "not-found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identifiers_of_another_form_name_nothing() {
    let door = door().await;
    let (token, _) = door.promoter("ada@example.org").await;
    let id = chassis::ids::new(&door.clock);
    let unknown = [OrganisationId(id).to_string(), EventId(id).to_string(), SaleId(id).to_string()];
    let wrong =
        ["x".to_owned(), "evt_x".to_owned(), "%00".to_owned(), "plc_019a7c2e5f3b7c1d8e9f0a1b2c3d4e5f".to_owned()];
    for text in unknown.iter().chain(&wrong) {
        for ask in [
            Ask::new("GET", format!("/v1/events/{text}")),
            Ask::new("GET", format!("/v1/sales/{text}")),
            Ask::new("POST", format!("/v1/events/{text}/publish")),
            Ask::new("POST", format!("/v1/sales/{text}/publish")),
            Ask::new("GET", format!("/v1/organisations/{text}/events")),
            Ask::new("GET", format!("/v1/sales/{text}/places/mine")),
            Ask::new("DELETE", format!("/v1/sales/{text}/places/mine")),
            Ask::new("POST", format!("/v1/sales/{text}/places")).json(&json!({"party": 1})),
        ] {
            ask.by(&token).to(&door).await.problem(404);
        }
    }
}

#[test]
fn the_description_has_every_route() {
    let api = queue_gateway::openapi();
    let described: usize = api
        .paths
        .paths
        .values()
        .map(|item| {
            [&item.get, &item.put, &item.post, &item.delete, &item.patch]
                .into_iter()
                .filter(|operation| operation.is_some())
                .count()
        })
        .sum();
    assert_eq!(described, 40);
    let text = api.to_json().unwrap();
    assert!(text.contains("\"/v1/sales/{sale}/places\"") && text.contains("\"Joined\""), "{text}");
}
