//! Organisations, events and sales: roles, edits, publishing, idempotency keys.

use contracts::accounts::{NewMember, NewOrganisation, Organisation, Role};
use contracts::sales::{AccessibleRelease, Event, Ordering, Publication, Sale, SaleDraft, SaleState};
use futures_util::future::join_all;
use serde_json::json;
use store::draw::Published;
use store::feed::{Change, Lane, LaneKind};
use store::leases::Office;
use uuid::Uuid;

use crate::harness::{Ask, HOUR_MS, door};

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_an_older_version_changes_nothing() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let event = door.event(&token, &organisation).await;
    let path = format!("/v1/events/{}", event.event_id);
    let read = Ask::new("GET", &path).by(&token).to(&door).await;
    assert_eq!(read.header("etag"), Some("\"1\""));
    let mut draft = event.draft.clone();
    draft.name = "Another evening".to_owned();
    let put = |tag: &str| Ask::new("PUT", &path).by(&token).with("if-match", tag).json(&draft);
    let edited = put("\"1\"").to(&door).await;
    assert_eq!(edited.header("etag"), Some("\"2\""));
    assert_eq!(edited.ok::<Event>(200).draft.name, "Another evening");
    let problem = put("\"1\"").to(&door).await.problem(412);
    assert_eq!(problem.code, "version-moved");
    assert!(problem.detail.contains("version 2"), "{problem:?}");
    Ask::new("PUT", &path).by(&token).json(&draft).to(&door).await.problem(428);
    put("nonsense").to(&door).await.problem(422);

    // Of two at once, one.
    let answers = join_all([put("\"2\"").to(&door), put("\"2\"").to(&door)]).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_does_not_name_the_rule_for_kept_seats_leaves_it() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let event = door.event(&token, &organisation).await;
    assert_eq!(event.draft.accessible_release, Some(AccessibleRelease::House));
    let mut body = json!(door.event_draft());
    assert!(body.get("accessible_release").is_none(), "left out: {body}");
    let mut version = event.version;
    for (named, rule) in [
        (json!("never"), AccessibleRelease::Never),
        (json!(null), AccessibleRelease::Never),
        (json!("tier"), AccessibleRelease::Tier),
    ] {
        for left_out in [false, true] {
            body["accessible_release"] = named.clone();
            if left_out {
                body.as_object_mut().unwrap().remove("accessible_release");
            }
            let put = Ask::new("PUT", format!("/v1/events/{}", event.event_id)).by(&token).json(&body);
            let edited: Event = put.with("if-match", format!("\"{version}\"")).to(&door).await.ok(200);
            assert_eq!(edited.draft.accessible_release, Some(rule));
            version = edited.version;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_goes_from_draft_to_open_and_its_opening_stays() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let event = door.event(&token, &organisation).await.event_id;
    let sale = door.sale(&token, event, &door.sale_draft(1_000)).await;
    assert_eq!((sale.state, sale.publication), (SaleState::Draft, Publication::Draft));
    let publish = || Ask::new("POST", format!("/v1/sales/{}/publish", sale.sale_id)).by(&token);
    assert_eq!(publish().to(&door).await.problem(409).code, "event-is-draft");
    let _: Event = Ask::new("POST", format!("/v1/events/{event}/publish")).by(&token).to(&door).await.ok(200);
    assert_eq!(publish().to(&door).await.problem(409).code, "no-seats");
    let sale = door.publish(&token, event, sale.sale_id).await;
    assert_eq!((sale.state, sale.publication), (SaleState::Open, Publication::Published));
    let again: Sale = publish().to(&door).await.ok(200);
    assert_eq!(again.version, sale.version, "publishing again does nothing");

    let mut draft = sale.draft.clone();
    let put = |draft: &contracts::sales::SaleDraft, version: i64| {
        let tag = format!("\"{version}\"");
        Ask::new("PUT", format!("/v1/sales/{}", sale.sale_id)).by(&token).with("if-match", tag).json(draft)
    };
    draft.opens_at_ms -= 1;
    assert_eq!(put(&draft, sale.version).to(&door).await.problem(409).code, "sale-has-opened");
    draft.opens_at_ms += 1;
    draft.rate_per_minute = 1_200;
    let problem = put(&draft, sale.version).to(&door).await.problem(409);
    assert_eq!(problem.code, "tune-instead");
    assert!(problem.detail.contains(&format!("/v1/sales/{}/admission", sale.sale_id)), "{problem:?}");
    draft.rate_per_minute = 600;
    draft.closes_at_ms += HOUR_MS;
    let edited: Sale = put(&draft, sale.version).to(&door).await.ok(200);
    assert!(edited.version > sale.version && edited.draft == draft);
    assert_eq!(put(&draft, sale.version).to(&door).await.problem(412).code, "version-moved");

    // Followers were told twice, the operators' log has both, and the door has its lanes.
    let lane = Lane { scope: sale.sale_id.0, kind: LaneKind::Pace };
    let records = door.store.records_after(lane, 0, 10).await.unwrap();
    let rates: Vec<u32> = records
        .iter()
        .flat_map(|record| &record.changes)
        .map(|change| match change {
            Change::Sale(now) => now.rate_per_minute,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(rates, [600, 600]);
    let audit = door.store.audit_of(sale.sale_id.0, 10).await.unwrap();
    let actions: Vec<_> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["sale.edit", "sale.publish", "event.publish"]);
    assert_eq!(door.store.lane_ends(event.0).await.unwrap().len(), 3);

    // An operator's change of the knobs that the promoter has not seen is not undone.
    let tune = store::tuning::Tune::Knobs(store::tuning::KnobChange::rate(60));
    door.store.tune(sale.sale_id.0, event.0, &tune, "calm", None).await.unwrap();
    put(&draft, edited.version).to(&door).await.problem(412);

    // In an emergency nobody joins, and everybody is told why.
    let stop = store::tuning::Tune::Stop;
    door.store.tune(sale.sale_id.0, event.0, &stop, "smoke in the hall", None).await.unwrap();
    let problem = door.join(&door.visitor().await.token, sale.sale_id).await.problem(503);
    assert_eq!((problem.code.as_str(), problem.detail.as_str()), ("stopped", "smoke in the hall"));
    assert!(problem.retry_after_s.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_see_what_is_published_and_only_that() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let stranger = door.account("eve@example.org").await.access_token;
    let event = door.event(&token, &organisation).await.event_id;
    let sale = door.sale(&token, event, &door.sale_draft(-HOUR_MS)).await.sale_id;
    for path in [format!("/v1/events/{event}"), format!("/v1/sales/{sale}")] {
        Ask::new("GET", &path).to(&door).await.problem(404);
        Ask::new("GET", &path).by(&stranger).to(&door).await.problem(404);
        assert_eq!(Ask::new("GET", &path).by(&token).to(&door).await.status.as_u16(), 200);
    }
    assert!(Ask::new("GET", "/v1/events").to(&door).await.ok::<Vec<Event>>(200).is_empty());
    let listed = format!("/v1/organisations/{}/events", organisation.organisation_id);
    Ask::new("GET", &listed).by(&stranger).to(&door).await.problem(404);

    let sale = door.publish(&token, event, sale).await;
    assert_eq!(sale.state, SaleState::Scheduled);
    door.sale(&token, event, &door.sale_draft(-HOUR_MS)).await;
    let seen: Vec<Event> = Ask::new("GET", "/v1/events").to(&door).await.ok(200);
    assert_eq!((seen.len(), seen[0].sales.len(), seen[0].capacity), (1, 1, 10));
    assert_eq!(seen[0].tiers.iter().map(|tier| tier.id.as_str()).collect::<Vec<_>>(), ["gold", "silver"]);
    let own: Vec<Event> = Ask::new("GET", &listed).by(&token).to(&door).await.ok(200);
    assert_eq!(own[0].sales.len(), 2, "members see drafts of sales");
    let read: Sale = Ask::new("GET", format!("/v1/sales/{}", sale.sale_id)).to(&door).await.ok(200);
    assert_eq!(read.draft, sale.draft);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_needed_and_given() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let operator = door.account("otto@example.org").await.access_token;
    let stranger = door.account("eve@example.org").await.access_token;
    let members = format!("/v1/organisations/{}/members", organisation.organisation_id);
    let member = |email: &str, role| NewMember { email: email.to_owned(), role };
    let add = |by: &str, new: &NewMember| Ask::new("POST", &members).by(by).json(new);
    add(&token, &member("Otto@example.org", Role::Operator)).to(&door).await.empty(204);
    add(&token, &member("otto@example.org", Role::Operator)).to(&door).await.empty(204);
    add(&token, &member("nobody@example.org", Role::Operator)).to(&door).await.problem(404);
    add(&operator, &member("eve@example.org", Role::Promoter)).to(&door).await.problem(403);
    add(&stranger, &member("eve@example.org", Role::Promoter)).to(&door).await.problem(404);

    let event = door.event(&token, &organisation).await;
    let path = format!("/v1/events/{}", event.event_id);
    let put = |by: &str| Ask::new("PUT", &path).by(by).with("if-match", "\"1\"").json(&event.draft);
    put(&operator).to(&door).await.problem(403);
    put(&stranger).to(&door).await.problem(404);
    assert_eq!(Ask::new("GET", &path).by(&operator).to(&door).await.status.as_u16(), 200, "members see drafts");
    let _: Event = Ask::new("POST", format!("{path}/publish")).by(&token).to(&door).await.ok(200);
    put(&stranger).to(&door).await.problem(403);
    let mut draft = event.draft.clone();
    draft.currency = "USD".to_owned();
    let ask = Ask::new("PUT", &path).by(&token).with("if-match", "\"2\"").json(&draft);
    assert_eq!(ask.to(&door).await.problem(409).code, "currency-fixed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_gives_the_first_answer_and_another_body_is_refused() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let other = door.account("eve@example.org").await.access_token;
    let path = format!("/v1/organisations/{}/events", organisation.organisation_id);
    let draft = door.event_draft();
    let make = || Ask::new("POST", &path).by(&token).with("idempotency-key", "one").json(&draft);
    let first = make().to(&door).await;
    assert_eq!(first.header("etag"), Some("\"1\""));
    assert!(first.header("idempotent-replayed").is_none());
    let first: Event = first.ok(201);
    let again = make().to(&door).await;
    assert_eq!((again.header("etag"), again.header("idempotent-replayed")), (Some("\"1\""), Some("true")));
    assert_eq!(again.ok::<Event>(201), first);
    let mut different = draft.clone();
    different.name = "Another".to_owned();
    let ask = Ask::new("POST", &path).by(&token).with("idempotency-key", "one").json(&different);
    assert_eq!(ask.to(&door).await.problem(422).code, "idempotency-key-reused");
    // A key belongs to who used it.
    let named = NewOrganisation { name: "Eve's".to_owned() };
    let ask = Ask::new("POST", "/v1/organisations").by(&other).with("idempotency-key", "one").json(&named);
    let _: Organisation = ask.to(&door).await.ok(201);
    // What was refused was not made: the key is free again.
    let mut wrong = draft.clone();
    wrong.currency = "euro".to_owned();
    let ask = |body: &contracts::sales::EventDraft| {
        Ask::new("POST", &path).by(&token).with("idempotency-key", "two").json(body)
    };
    ask(&wrong).to(&door).await.problem(422);
    let _: Event = ask(&draft).to(&door).await.ok(201);
    Ask::new("POST", &path)
        .by(&token)
        .with("idempotency-key", "k".repeat(201))
        .json(&draft)
        .to(&door)
        .await
        .problem(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_answered_is_taken_over_and_makes_one_thing() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let path = format!("/v1/organisations/{}/events", organisation.organisation_id);
    let draft = door.event_draft();
    let make = || Ask::new("POST", &path).by(&token).with("idempotency-key", "one").json(&draft);
    let first: Event = make().to(&door).await.ok(201);
    // As if the process had died between the making and the answer.
    let lost = "update idempotency set status = null, body = jsonb_build_object('made', $1::text)";
    sqlx::query(lost).bind(first.event_id.0).execute(door.store.pool()).await.unwrap();
    let waits = make().to(&door).await;
    assert_eq!(waits.header("retry-after"), Some("1"));
    assert_eq!(waits.problem(409).code, "idempotency-key-in-use");
    sqlx::query("update idempotency set created_at = now() - interval '1 minute'")
        .execute(door.store.pool())
        .await
        .unwrap();
    assert_eq!(make().to(&door).await.ok::<Event>(201).event_id, first.event_id);
    // After a day the key means nothing any more.
    sqlx::query("update idempotency set created_at = now() - interval '25 hours'")
        .execute(door.store.pool())
        .await
        .unwrap();
    assert_ne!(make().to(&door).await.ok::<Event>(201).event_id, first.event_id);
    // At once, and many times: one thing.
    let at_once = join_all(
        (0..8).map(|_| Ask::new("POST", &path).by(&token).with("idempotency-key", "two").json(&draft).to(&door)),
    );
    let made: Vec<_> = at_once
        .await
        .into_iter()
        .filter(|answer| answer.status.as_u16() == 201)
        .map(|a| a.ok::<Event>(201).event_id)
        .collect();
    assert!(!made.is_empty() && made.iter().all(|event| *event == made[0]), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_with_faults_are_refused_by_field() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let event = door.event(&token, &organisation).await.event_id;
    let (events, sales) =
        (format!("/v1/organisations/{}/events", organisation.organisation_id), format!("/v1/events/{event}/sales"));
    let (good_event, good_sale) = (json!(door.event_draft()), json!(door.sale_draft(0)));
    let cases = [
        (&events, &good_event, "name", json!("")),
        (&events, &good_event, "name", json!("x".repeat(201))),
        (&events, &good_event, "venue", json!("two\nlines")),
        (&events, &good_event, "starts_at_ms", json!(1_700_000_000)),
        (&events, &good_event, "time_zone", json!("+02:00")),
        (&events, &good_event, "currency", json!("euro")),
        (&sales, &good_sale, "name", json!(" ")),
        (&sales, &good_sale, "closes_at_ms", good_sale["opens_at_ms"].clone()),
        (&sales, &good_sale, "party_max", json!(9)),
        (&sales, &good_sale, "rate_per_minute", json!(0)),
        (&sales, &good_sale, "max_active", json!(1_000_001)),
        (&sales, &good_sale, "hold_ttl_ms", json!(1_999)),
        (&sales, &good_sale, "extension_ms", json!(-1)),
        (&sales, &good_sale, "grace_ms", json!(3_600_001)),
        (&sales, &good_sale, "presence_ms", json!(4_999)),
        (&sales, &good_sale, "allotment", json!(0)),
        (&sales, &good_sale, "unprovable_after_s", json!(59)),
        (&sales, &good_sale, "entry", json!("anybody")),
    ];
    for (path, good, field, value) in cases {
        let mut draft = good.clone();
        draft[field] = value.clone();
        let problem = Ask::new("POST", path).by(&token).json(&draft).to(&door).await.problem(422);
        assert!(problem.detail.contains(field) || field == "entry", "{field} = {value}: {problem:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gets_worse_for_those_in_line_is_asked_twice_and_sales_do_not_overlap() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let event = door.event(&token, &organisation).await.event_id;
    let presale = door.sale(&token, event, &door.sale_draft(1_000)).await.sale_id;
    door.seats(event).await;
    let presale = door.publish(&token, event, presale).await;
    door.join(&door.visitor().await.token, presale.sale_id).await;
    let path = format!("/v1/sales/{}", presale.sale_id);
    let put = |draft: &SaleDraft| {
        Ask::new("PUT", &path).by(&token).with("if-match", format!("\"{}\"", presale.version)).json(draft)
    };
    let earlier = SaleDraft { closes_at_ms: presale.draft.closes_at_ms - HOUR_MS, ..presale.draft.clone() };
    let problem = put(&earlier).to(&door).await.problem(409);
    assert_eq!((problem.code.as_str(), problem.faults.len()), ("confirm-needed", 3), "{problem:?}");
    let code = problem.confirm.expect("a code");
    let worse = SaleDraft { closes_at_ms: earlier.closes_at_ms - 1, ..earlier.clone() };
    assert_eq!(put(&worse).with("confirm", &code).to(&door).await.problem(409).code, "confirm-needed");
    let edited: Sale = put(&earlier).with("confirm", &code).to(&door).await.ok(200);
    assert_eq!(edited.draft, earlier);

    let general = SaleDraft { opens_at_ms: earlier.closes_at_ms - 1, ..presale.draft.clone() };
    let general = door.sale(&token, event, &general).await;
    let publish = || Ask::new("POST", format!("/v1/sales/{}/publish", general.sale_id)).by(&token);
    let problem = publish().to(&door).await.problem(409);
    assert_eq!(problem.code, "sales-overlap");
    assert!(problem.detail.contains("General sale") && problem.detail.contains("allotment"), "{problem:?}");
    let after = SaleDraft { opens_at_ms: earlier.closes_at_ms, ..general.draft.clone() };
    let tag = format!("\"{}\"", general.version);
    let moved = Ask::new("PUT", format!("/v1/sales/{}", general.sale_id)).by(&token).with("if-match", tag).json(&after);
    let _: Sale = moved.to(&door).await.ok(200);
    assert_eq!(publish().to(&door).await.ok::<Sale>(200).state, SaleState::Scheduled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promised_draw_stays_however_often_its_end_is_confirmed() {
    let door = door().await;
    let (token, organisation) = door.promoter("ada@example.org").await;
    let event = door.event(&token, &organisation).await.event_id;
    door.seats(event).await;
    let now_ms = door.clock.now_ms();
    let draft =
        SaleDraft { lobby_opens_at_ms: Some(now_ms - 1_000), opens_at_ms: now_ms + HOUR_MS, ..door.sale_draft(0) };
    let sale = door.sale(&token, event, &draft).await.sale_id;
    let sale = door.publish(&token, event, sale).await;
    door.join(&door.visitor().await.token, sale.sale_id).await;
    let lease =
        door.store.take_lease(Office::Pacing, sale.sale_id.0, Uuid::from_u128(1), 60_000).await.unwrap().unwrap();
    let paper = Published { json: b"{}".to_vec(), sig: b"-".to_vec() };
    door.store.commit_draw(&lease, &[1; 32], &paper).await.unwrap();
    let told = async |draft: SaleDraft| {
        let tag = format!("\"{}\"", sale.version);
        let put = Ask::new("PUT", format!("/v1/sales/{}", sale.sale_id)).by(&token).with("if-match", tag).json(&draft);
        put.to(&door).await.problem(409)
    };
    let fifo = told(SaleDraft { ordering: Ordering::Fifo, ..sale.draft.clone() }).await;
    assert_eq!(fifo.code, "draw-committed", "{fifo:?}");
    assert!(fifo.detail.contains("move opens_at_ms later"), "{fifo:?}");
    assert_eq!(told(SaleDraft { lobby_opens_at_ms: None, ..sale.draft.clone() }).await.code, "draw-committed");
    let past =
        SaleDraft { lobby_opens_at_ms: sale.draft.lobby_opens_at_ms, opens_at_ms: now_ms - 500, ..sale.draft.clone() };
    assert_eq!(told(past).await.code, "opens-in-past");
    let soon = told(SaleDraft { opens_at_ms: door.clock.now_ms() + 20_000, ..sale.draft.clone() }).await;
    assert!(soon.code == "confirm-needed" && soon.faults.iter().any(|fault| fault.contains("unprovable")), "{soon:?}");
}
