//! Codes and lists at the door: who brings what, who is refused with which words, and how many tries one has.

use contracts::access::{Codes, EntryView, Imported, MadeCode};
use contracts::places::Joined;
use contracts::sales::{Entry, Ordering, Sale, SaleDraft};
use futures_util::future::join_all;
use queue_gateway::{Config, LimitsConfig, Rate};
use serde_json::{Value, json};

use crate::harness::{Answer, Ask, Door, config, door, door_with};

fn free() -> Config {
    let limits = LimitsConfig { codes_per_fan: Rate::OFF, codes_per_address: Rate::OFF, ..config().limits };
    Config { limits, ..config() }
}

async fn sale(door: &Door, entry: Entry, ordering: Ordering) -> (String, Sale) {
    door.open_sale(&SaleDraft { entry, ordering, ..door.sale_draft(1_000) }).await
}

fn join_by(token: &str, sale: &Sale, code: &str) -> Ask {
    let body = json!({"party": 1, "code": code});
    Ask::new("POST", format!("/v1/sales/{}/places", sale.sale_id)).by(token).json(&body)
}

async fn make(door: &Door, token: &str, sale: &Sale, code: &Value) -> Answer {
    Ask::new("POST", format!("/v1/sales/{}/codes", sale.sale_id)).by(token).json(code).to(door).await
}

async fn import(door: &Door, token: &str, sale: &Sale, what: &str, lines: impl Into<Vec<u8>>) -> Answer {
    Ask::new("POST", format!("/v1/sales/{}/{what}", sale.sale_id)).by(token).raw("text/csv", lines).to(door).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_opens_a_sale_as_often_as_it_is_good_for() {
    let door = door_with(free()).await;
    let (promoter, sale) = sale(&door, Entry::Code, Ordering::Fifo).await;
    assert_eq!(sale.draft.entry, Entry::Code);
    let made: MadeCode = make(&door, &promoter, &sale, &json!({"label": "friends"})).await.ok(201);
    let code = made.code.0.clone();
    assert!(!format!("{made:?}").contains(&code), "a code is not for logs");
    let fan = door.visitor().await;
    assert_eq!(door.join(&fan.token, sale.sale_id).await.problem(403).code, "code-needed");
    assert_eq!(join_by(&fan.token, &sale, "another-code").to(&door).await.problem(403).code, "code-unknown");
    assert_eq!(join_by(&fan.token, &sale, "?").to(&door).await.problem(403).code, "code-unknown");
    // Typed in small letters with other gaps, by twenty at once through two gateways.
    let typed = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    let twin = door.twin(free()).await;
    let fans = join_all((0..20).map(|_| door.visitor())).await;
    let answers = join_all(fans.iter().enumerate().map(|(nth, fan)| {
        let router = if nth % 2 == 0 { &door.router } else { &twin };
        join_by(&fan.token, &sale, &typed).from(router, "192.0.2.1:1")
    }))
    .await;
    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(placed.len(), 1, "good once");
    for answer in refused {
        assert_eq!(answer.problem(403).code, "code-used-up");
    }
    // Whoever has the place keeps it with whatever code; on another device too.
    let kept = placed.into_iter().next().unwrap().ok::<Joined>(201);
    let mut same = 0;
    for fan in &fans {
        let again = join_by(&fan.token, &sale, "nonsense!").to(&door).await;
        same += usize::from(again.status == 200 && again.ok::<Joined>(200).place == kept.place);
    }
    assert_eq!(same, 1);
    make(&door, &promoter, &sale, &json!({"code": "LONG AGO 99", "expires_at_ms": 1_600_000_000_000_i64}))
        .await
        .ok::<MadeCode>(201);
    assert_eq!(join_by(&fan.token, &sale, "longago99").to(&door).await.problem(403).code, "code-expired");
    // Members see how it goes, without the code; nobody else sees anything.
    let listed: Codes =
        Ask::new("GET", format!("/v1/sales/{}/codes", sale.sale_id)).by(&promoter).to(&door).await.ok(200);
    assert_eq!((listed.codes[0].uses, listed.codes[0].label.as_str(), listed.codes[0].prefix.len()), (1, "friends", 4));
    let stranger = door.account("stranger@example.org").await.access_token;
    for path in ["codes", "entry"] {
        Ask::new("GET", format!("/v1/sales/{}/{path}", sale.sale_id)).by(&stranger).to(&door).await.problem(403);
    }
    make(&door, &stranger, &sale, &json!({})).await.problem(403);
    let dump: Vec<String> =
        sqlx::query_scalar("select access_code::text from access_code").fetch_all(door.store.pool()).await.unwrap();
    assert!(dump.iter().all(|row| !row.contains(&code.replace('-', ""))), "the store does not know it");
    // Ended.
    let path = format!("/v1/sales/{}/codes/{}", sale.sale_id, made.code_id);
    Ask::new("DELETE", path).by(&promoter).to(&door).await.empty(204);
    assert_eq!(join_by(&fan.token, &sale, &code).to(&door).await.problem(403).code, "code-expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_checked_field_by_field_and_are_one_each() {
    let door = door().await;
    let (promoter, sale) = sale(&door, Entry::Code, Ordering::Fifo).await;
    let bad = json!({"code": "AB-C", "uses_max": 0, "expires_at_ms": 12, "class": 10, "label": "a\nb"});
    let problem = make(&door, &promoter, &sale, &bad).await.problem(422);
    let fields: Vec<&str> = problem.faults.iter().filter_map(|fault| fault.split(':').next()).collect();
    assert_eq!(fields, ["code", "uses_max", "expires_at_ms", "class", "label"], "{problem:?}");
    assert!(!problem.detail.contains("AB-C"));
    make(&door, &promoter, &sale, &json!({"code": "summer 2026"})).await.ok::<MadeCode>(201);
    assert_eq!(make(&door, &promoter, &sale, &json!({"code": "SUMMER-2O26"})).await.problem(409).code, "code-exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_of_codes_are_few() {
    let tight = |codes_per_fan, codes_per_address| Config {
        limits: LimitsConfig { codes_per_fan, codes_per_address, ..config().limits },
        ..config()
    };
    let door = door_with(tight(Rate::new(1, 3), Rate::OFF)).await;
    let twin = door.twin(tight(Rate::OFF, Rate::new(1, 3))).await;
    let (_, sale) = sale(&door, Entry::Code, Ordering::Fifo).await;
    let fan = door.visitor().await;
    let answers = join_all((0..6).map(|_| join_by(&fan.token, &sale, "guess-it").to(&door))).await;
    assert!(answers.iter().filter(|answer| answer.status == 429).count() >= 2, "one fan's tries");
    let fans = join_all((0..6).map(|_| door.visitor())).await;
    let answers =
        join_all(fans.iter().map(|fan| join_by(&fan.token, &sale, "guess-it").from(&twin, "192.0.2.9:1"))).await;
    assert!(answers.iter().filter(|answer| answer.status == 429).count() >= 2, "one address's tries");
    // Who tries no code is not concerned.
    assert_eq!(door.join(&fan.token, sale.sale_id).await.problem(403).code, "code-needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_as_csv_all_or_nothing_and_say_what_is_wrong_where() {
    let door = door_with(free()).await;
    let (promoter, sale) = sale(&door, Entry::Code, Ordering::Fifo).await;
    let lines =
        "code,uses_max,class,label\nSPRING-1,2,,\nSP,1,,\nspring 1,1,,\nSPRING-2,0,11,x\nSPRING-3,,9,\"a, b\"\n";
    let problem = import(&door, &promoter, &sale, "codes/import", lines).await.problem(422);
    assert_eq!(problem.code, "bad-lines");
    assert_eq!(problem.detail, "3 lines have faults; nothing was imported");
    let one = import(&door, &promoter, &sale, "codes/import", "code,uses_max,class,label\nSP,1,,\n").await.problem(422);
    assert_eq!(one.detail, "1 line has a fault; nothing was imported");
    let told = ["line 3, code: ", "line 4, code: ", "line 5, uses_max: "];
    assert!(problem.faults.iter().zip(told).all(|(fault, told)| fault.starts_with(told)), "{:?}", problem.faults);
    assert!(problem.faults.iter().all(|fault| !fault.contains("SP,") && !fault.contains("SPRING")));
    let none: Codes =
        Ask::new("GET", format!("/v1/sales/{}/codes", sale.sale_id)).by(&promoter).to(&door).await.ok(200);
    assert_eq!(none.codes, []);
    let some: Imported = import(&door, &promoter, &sale, "codes/import?partial=true", lines).await.ok(200);
    assert_eq!((some.imported, some.refused, some.faults.len()), (2, 3, problem.faults.len()));
    let fan = door.visitor().await;
    let _: Joined = join_by(&fan.token, &sale, "Spring.3").to(&door).await.ok(201);
    // Again: the sale has them.
    let again = import(&door, &promoter, &sale, "codes/import", "code\nSPRING-9\nSPRING-3\n").await.problem(422);
    assert_eq!(again.faults, ["line 3, code: the sale has it already"]);
    assert_eq!(import(&door, &promoter, &sale, "codes/import", "name\nx\n").await.problem(422).code, "bad-header");
    Ask::new("POST", format!("/v1/sales/{}/codes/import", sale.sale_id))
        .by(&promoter)
        .json(&json!({}))
        .to(&door)
        .await
        .problem(415);
    // Many.
    let many: String =
        std::iter::once("code,uses_max\n".to_owned()).chain((0..100_000).map(|n| format!("MANY-{n:06},1\n"))).collect();
    let began = std::time::Instant::now();
    let done: Imported = import(&door, &promoter, &sale, "codes/import", many).await.ok(200);
    println!("100,000 lines in {:?}", began.elapsed());
    assert_eq!((done.imported, done.refused), (100_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn invited_accounts_come_in_and_go_first() {
    let door = door_with(free()).await;
    let (promoter, sale) = sale(&door, Entry::Invited, Ordering::InvitedFirst).await;
    let list = "email,class,reason\n Ada@Example.org ,2,member\nbea@example.org,1,\"press, radio\"\n";
    let done: Imported = import(&door, &promoter, &sale, "invitations/import", list).await.ok(200);
    assert_eq!(done.imported, 2);
    let bad =
        import(&door, &promoter, &sale, "invitations/import", "email,class,reason\nnobody,0,\n").await.problem(422);
    assert_eq!(bad.faults.len(), 3, "{:?}", bad.faults);
    let visitor = door.visitor().await;
    assert_eq!(door.join(&visitor.token, sale.sale_id).await.problem(403).code, "account-needed");
    let stranger = door.account("eve@example.org").await.access_token;
    assert_eq!(door.join(&stranger, sale.sale_id).await.problem(403).code, "not-invited");
    let ada = door.account("ada@example.org").await.access_token;
    let first = door.joined(&ada, sale.sale_id).await;
    // Signing in on another device is the same account, so it is the same place.
    let sign_in = json!({"email": "ada@example.org", "password": crate::harness::PASSWORD});
    let elsewhere: contracts::accounts::Session =
        Ask::new("POST", "/v1/sessions").json(&sign_in).to(&door).await.ok(200);
    assert_ne!(elsewhere.access_token, "");
    let same: Joined = door.join(&elsewhere.access_token, sale.sale_id).await.ok(200);
    assert_eq!(same.place, first.place);
    let bea = door.account("BEA@example.org").await.access_token;
    door.joined(&bea, sale.sale_id).await;
    let view: EntryView =
        Ask::new("GET", format!("/v1/sales/{}/entry", sale.sale_id)).by(&promoter).to(&door).await.ok(200);
    let told: Vec<_> =
        view.classes.iter().map(|row| (row.class, row.reason.as_str(), row.joined, row.admitted)).collect();
    assert_eq!((view.invited, told), (2, vec![(1, "press, radio", 1, 0), (2, "member", 1, 0)]));
    let uninvite = async |token: &str, email: &str| {
        let path = format!("/v1/sales/{}/invitations", sale.sale_id);
        Ask::new("DELETE", path).by(token).json(&json!({"email": email})).to(&door).await
    };
    uninvite(&stranger, "bea@example.org").await.problem(403);
    uninvite(&promoter, " BEA@example.org ").await.empty(204);
    assert_eq!(uninvite(&promoter, "bea@example.org").await.problem(404).code, "not-found");
    let _stays: Joined = door.join(&bea, sale.sale_id).await.ok(200);
    let emails: Vec<String> =
        sqlx::query_scalar("select invitation::text from invitation").fetch_all(door.store.pool()).await.unwrap();
    assert!(emails.iter().all(|row| !row.contains("example")), "the store knows no address");
}
