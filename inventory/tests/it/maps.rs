//! Maps in and out, in every format; and edits of a hall that is on sale.

use std::time::Instant;

use serde_json::{Value, json};
use store::events::SalePublished;
use uuid::Uuid;

use crate::desk::{Desk, SALE, desk, hall, problem};

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[tokio::test]
async fn a_map_goes_through_every_format_and_comes_back() {
    let desk = desk().await;
    let map = hall(2, 3, 8);
    assert_eq!(desk.put_map(&map).await.0, 204);
    let whole = desk.get("").await;
    assert_eq!(json_of(&whole), map);
    let (plan, side) = (desk.get("?format=pretix").await, desk.get("?format=pretix-side").await);
    let (_, kind, sheet) = desk.ask(Some(&desk.promoter), "?format=csv", None).await;
    assert_eq!(kind, "text/csv; charset=utf-8");
    let pair = [b"{\"plan\":", &plan[..], b",\"side\":", &side, b"}"].concat();
    // Nothing is in force but what came last.
    for (query, kind, body) in [
        ("?format=pretix", "application/json", pair),
        ("?format=pretix", "application/json; charset=utf-8", plan),
        ("", "text/csv", sheet),
    ] {
        let (status, understood) = desk
            .put(
                &format!("{}dry_run=true", if query.is_empty() { "?".into() } else { format!("{query}&") }),
                kind,
                body.clone(),
            )
            .await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&understood));
        assert_eq!(desk.get("").await, whole);
        assert_eq!(desk.put(query, kind, body).await.0, 204);
        assert_eq!(json_of(&desk.get("").await), json_of(&understood));
        let same = json_of(&understood) == map;
        assert_eq!(same, kind != "text/csv", "{kind}");
    }
    // The sheet has all but the origins of sections and rows.
    let seat = |map: &Value| map["sections"][1]["rows"][2]["seats"][7].clone();
    let told = json_of(&desk.get("").await);
    assert_eq!((&seat(&told)["x"], &seat(&told)["y"]), (&json!(10_145.5), &json!(75.0)));
    assert_eq!(desk.store.hall(desk.event).await.unwrap().capacity(), 53);
}

#[tokio::test]
async fn who_may_and_what_is_refused() {
    let desk = desk().await;
    let body = || Some(("application/json", hall(1, 1, 2).to_string().into_bytes()));
    assert_eq!(desk.ask(None, "", body()).await.0, 401);
    assert_eq!(desk.ask(Some(&desk.operator), "?dry_run=true", body()).await.0, 403);
    assert_eq!(desk.ask(None, "?format=csv", None).await.0, 404);
    assert_eq!(desk.ask(Some(&desk.operator), "?format=csv", None).await.0, 404);
    for (query, kind, body, status, code) in [
        ("", "text/plain", "x", 415, "not-a-seat-map"),
        ("?format=csv", "application/json", "{}", 415, "not-a-seat-map"),
        ("?format=pretix", "text/csv", "{}", 415, "not-a-seat-map"),
        ("?format=xml", "application/json", "{}", 422, "invalid-request"),
        ("?format=pretix-side", "application/json", "{}", 422, "invalid-request"),
        ("", "application/json", "{", 400, "malformed-json"),
        ("", "text/csv", "colour\n", 422, "seat-map-faults"),
    ] {
        let (answered, problem) = problem(desk.put(query, kind, body).await);
        assert_eq!((answered, problem.code.as_str()), (status, code), "{query} {kind} {body}");
    }
    assert_eq!(desk.put("", "application/json", vec![b' '; 40_000_001]).await.0, 413);
    assert_eq!(desk.ask(Some(&desk.promoter), "", None).await.0, 404);
}

/// Gives somebody a place, as far as the judgement of edits looks.
async fn has(desk: &Desk, n: u128, seat: i32, state: &str, live: bool) {
    sqlx::query(
        "with b as (insert into booking (id, event, sale, place, entry, fan, reference, state, amount_minor, currency, held_at, deadline, term)
                    values ($1, $2, $3, $1, 1, $1, $1::text, $4, 1, 'EUR', now(), now(), 1) returning id)
         insert into hold_seat (booking, seat, event, tier, price_minor, fee_minor, live)
         select b.id, $5, $2, s.tier, 1, 0, $6 from b join seat s on s.event = $2 and s.seat = $5",
    )
    .bind(Uuid::from_u128(n))
    .bind(desk.event)
    .bind(SALE)
    .bind(state)
    .bind(seat)
    .bind(live)
    .execute(desk.store.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn an_edit_on_sale_is_judged_by_who_has_what() {
    let desk = desk().await;
    let map = hall(2, 3, 8);
    assert_eq!(desk.put_map(&map).await.0, 204);
    desk.store.publish_event(desk.event, Uuid::from_u128(4)).await.unwrap();
    assert_eq!(desk.store.publish_sale(SALE, Uuid::from_u128(4)).await.unwrap(), SalePublished::Done);
    has(&desk, 11, 0, "paid", true).await;
    has(&desk, 12, 9, "held", true).await;
    has(&desk, 13, 30, "lapsed", false).await;
    // Prices, words, pictures, and whatever nobody has.
    let mut edited = map.clone();
    edited["name"] = "The hall".into();
    edited["tiers"][1]["price_minor"] = 6_500.into();
    edited["sections"][0]["x"] = json!(1.25);
    edited["sections"][0]["rows"][0]["seats"][1]["restricted_view"] = "a pillar".into();
    edited["sections"][0]["rows"][2]["seats"][3]["tier"] = "gold".into();
    assert_eq!(desk.put_map(&edited).await.0, 204);
    assert_eq!(json_of(&desk.get("").await), edited);
    let (counts, _) = desk.store.tier_counts(desk.event).await.unwrap();
    assert_eq!(counts.iter().map(|tier| tier.capacity).collect::<Vec<_>>(), [17, 36]);
    // What somebody has or had.
    let mut bad = edited.clone();
    bad["sections"][0]["name"] = "Stalls".into();
    for query in ["", "?dry_run=true"] {
        let (status, problem) = problem(desk.put(query, "application/json", bad.to_string()).await);
        assert_eq!((status, problem.code.as_str()), (409, "seat-map-strands"));
        assert_eq!(
            problem.faults,
            [
                "A, row 1, seat 1 (sold): the map has no place of this name",
                "A, row 2, seat 2 (held): the map has no place of this name"
            ]
        );
    }
    let mut bad = edited.clone();
    bad["sections"][0]["rows"][0]["seats"][0]["restricted_view"] = "a camera".into();
    let (_, other_view) = problem(desk.put_map(&bad).await);
    assert_eq!(other_view.faults, ["A, row 1, seat 1 (sold): the map has no place of this name"]);
    let mut bad = edited.clone();
    bad["sections"][1]["rows"].as_array_mut().unwrap().remove(0);
    let (_, problem_of_a_row) = problem(desk.put_map(&bad).await);
    assert_eq!(problem_of_a_row.faults, ["B, row 1, seat 7 (held once): the map has no place of this name"]);
    let mut bad = edited.clone();
    bad["standing"][0]["capacity"] = 6.into();
    let (status, in_use) = problem(desk.put_map(&bad).await);
    assert_eq!((status, in_use.code.as_str()), (409, "seat-map-in-use"));
    assert!(in_use.detail.contains("it has 53 places, and the map 54"), "{}", in_use.detail);
    let mut bad = edited.clone();
    bad["tiers"].as_array_mut().unwrap().reverse();
    assert_eq!(problem(desk.put_map(&bad).await).1.code, "seat-map-in-use");
    // In pretix's format, too, with what the plan cannot say from the map in force.
    let mut plan = json_of(&desk.get("?format=pretix").await);
    plan["zones"][0]["rows"][1]["position"]["y"] = json!(27.5);
    assert_eq!(desk.put("?format=pretix", "application/json", plan.to_string()).await.0, 204);
    edited["sections"][0]["rows"][1]["y"] = json!(27.5);
    assert_eq!(json_of(&desk.get("").await), edited);
}

/// How long the largest maps take, printed for `--nocapture`.
#[tokio::test]
async fn a_hundred_thousand_seats_are_stored_in_every_format() {
    let desk = desk().await;
    let map = hall(20, 50, 100);
    let mut bodies = vec![("", "application/json", map.to_string().into_bytes())];
    assert_eq!(desk.put("", "application/json", bodies[0].2.clone()).await.0, 204);
    bodies.push(("?format=pretix", "application/json", desk.get("?format=pretix").await));
    bodies.push(("?format=csv", "text/csv", desk.get("?format=csv").await));
    for (query, kind, body) in bodies {
        let (bytes, begun) = (body.len(), Instant::now());
        assert_eq!(desk.put(query, kind, body).await.0, 204);
        eprintln!("PUT seat-map{query}: 100,005 places of {bytes} bytes in {:?}", begun.elapsed());
    }
    assert_eq!(desk.store.hall(desk.event).await.unwrap().capacity(), 100_005);
}
