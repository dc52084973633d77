//! The public log and the report: what everybody gets, what only members do, and what is refused.

use contracts::log::{Head, Line, LogKeys, record_hash};
use contracts::report::FairnessReport;
use store::log::Seal;
use store::mending::{Mend, Mended};

use crate::harness::{Ask, HOUR_MS, door};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_paged_as_it_was_hashed_and_full_pages_keep_for_ever() {
    let door = door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(HOUR_MS)).await;
    for _ in 0..3 {
        let fan = door.visitor().await.token;
        door.joined(&fan, sale.sale_id).await;
    }
    let path = format!("/v1/sales/{}/log", sale.sale_id);
    let page = Ask::new("GET", format!("{path}/joins?limit=2")).to(&door).await;
    assert_eq!(page.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(page.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let rest = Ask::new("GET", format!("{path}/joins?after=2&limit=2")).to(&door).await;
    assert_eq!((rest.status.as_u16(), rest.header("cache-control")), (200, Some("public, max-age=1")));
    let text = String::from_utf8([page.body, rest.body].concat()).unwrap();
    let mut previous = String::new();
    for (line, version) in text.lines().zip(1..) {
        let line: Line = serde_json::from_str(line).unwrap();
        let hash = record_hash(&previous, sale.sale_id.0, "joins", line.version, line.at_ms, line.changes.get());
        assert_eq!((line.version, &line.hash), (version, &hash));
        previous = hash;
    }
    assert_eq!(text.lines().count(), 3);

    assert!(Ask::new("GET", format!("{path}/heads")).to(&door).await.body.is_empty());
    let seal = |_: &_| Seal { key_id: "k".into(), hash: vec![1; 32], signature: vec![2; 64] };
    door.store.write_head(sale.sale_id.0, seal).await.unwrap().unwrap();
    let head: Head = Ask::new("GET", format!("{path}/heads")).to(&door).await.ok(200);
    assert_eq!((head.sale_id, head.seq, head.joins.hash), (sale.sale_id, 1, previous));
    let keys: LogKeys = Ask::new("GET", "/v1/log-key").to(&door).await.ok(200);
    assert_eq!(keys, door.papers.log_keys());

    for bad in ["joins?limit=0", "joins?limit=1001", "joins?after=-1", "joins?after=x", "heads?before=1"] {
        Ask::new("GET", format!("{path}/{bad}")).to(&door).await.problem(422);
    }
    Ask::new("GET", format!("{path}/places")).to(&door).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_has_no_log_and_no_report() {
    let door = door().await;
    let (token, organisation) = door.promoter("promoter@example.org").await;
    let event = door.event(&token, &organisation).await.event_id;
    let sale = door.sale(&token, event, &door.sale_draft(0)).await.sale_id;
    for part in ["log/heads", "log/joins", "report"] {
        Ask::new("GET", format!("/v1/sales/{sale}/{part}")).to(&door).await.problem(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_for_members_until_the_sale_is_over() {
    let door = door().await;
    let (token, sale) = door.open_sale(&door.sale_draft(HOUR_MS)).await;
    let mut places = Vec::new();
    for _ in 0..3 {
        let fan = door.visitor().await.token;
        places.push(door.joined(&fan, sale.sale_id).await.place);
    }
    let account: contracts::accounts::Me = Ask::new("GET", "/v1/me").by(&token).to(&door).await.ok(200);
    let mend = Mend {
        sale: sale.sale_id.0,
        place: places[2].place_id.0,
        account: account.account_id.0,
        reason: "the fan named Somebody called",
    };
    assert_eq!(door.store.put_back(&mend, true).await.unwrap(), Mended::Done);
    let path = format!("/v1/sales/{}/report", sale.sale_id);
    assert_eq!(Ask::new("GET", &path).to(&door).await.problem(409).code, "sale-not-over");
    let report: FairnessReport = Ask::new("GET", &path).by(&token).to(&door).await.ok(200);
    assert!(!report.over && report.longest_wait_ms.is_none() && report.draw.is_none(), "{report:?}");
    assert_eq!(report.waits.iter().map(|minute| minute.joined).sum::<u64>(), 3);
    let classes: Vec<_> = report.classes.iter().map(|class| (class.class, class.joined, class.inserted)).collect();
    assert_eq!(classes, [(0, 1, 1), (10, 2, 0)]);
    assert_eq!(report.exceptions[0].reason.as_deref(), Some("the fan named Somebody called"));

    assert_eq!(report.estimates, None);

    // Two servers of sockets told of waits: one came true, one did not.
    for (node, waited_s) in [(1, 60), (2, 600)] {
        let mut record = domain::estimate::Record::default();
        record.note(50, domain::estimate::Range { low_s: 30, high_s: 90 }, waited_s);
        let counts = [(sale.sale_id.0, record.counts().to_vec())];
        door.store.keep_estimates(uuid::Uuid::from_u128(node), &counts).await.unwrap();
    }
    sqlx::query("update sale set sold_out_at = clock_timestamp()").execute(door.store.pool()).await.unwrap();
    let answer = Ask::new("GET", &path).to(&door).await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=10"));
    let report: FairnessReport = answer.ok(200);
    assert!(report.over);
    let told = report.estimates.expect("waits were compared");
    assert_eq!((told.count, told.within, told.sooner, told.later), (2, 1, 0, 1));
    assert_eq!((report.exceptions[0].entry, &report.exceptions[0].reason), (3, &None));
}
