//! A real run's log verifies; one changed byte anywhere fails and names the place; a log that tells of unfairness is refused.

use std::time::Duration;

use chassis::clock::Clock;
use chassis::http::{HttpConfig, layers};
use contracts::ids::SaleId;
use contracts::log::{Head, Line, record_hash};
use contracts::papers::Papers;
use domain::order::Class;
use store::Store;
use store::events::{EventDraft, Ordering, SaleDraft};
use store::halls::{TierRow, UnitRow};
use store::joins::{Accepts, JoinAsk};
use store::leases::Office;
use store::pace::{Measured, PaceAsk, PassedOver};
use store::tuning::Tune;
use uuid::Uuid;

use super::{Fault, Files, Report, check};
use domain::draw::DrawStatement;

const SECRET: &str = "a secret of the tests that is long enough";

fn id() -> Uuid {
    chassis::ids::new(&Clock::system())
}

fn papers() -> Papers {
    Papers::new(&[SECRET], || 1_900_000_000_000)
}

/// A short run by the store's own operations: joins, admissions, a skip, somebody who leaves, a pause; two heads.
async fn run(store: &Store) -> anyhow::Result<SaleId> {
    let (organisation, account, event, sale) = (id(), id(), id(), id());
    sqlx::query("insert into organisation (id, name) values ($1, 'Hall')")
        .bind(organisation)
        .execute(store.pool())
        .await?;
    sqlx::query("insert into account (id, email, password_hash) values ($1, 'o@example.org', '')")
        .bind(account)
        .execute(store.pool())
        .await?;
    let draft = EventDraft {
        name: "A night".into(),
        venue: "Hall".into(),
        starts_at_ms: 1_900_000_000_000,
        time_zone: "Europe/Berlin".into(),
        currency: "EUR".into(),
        accessible_release: None,
        tickets_per_person: None,
    };
    store.create_event(event, organisation, &draft).await?;
    let tier = TierRow { code: "floor".into(), name: "floor".into(), price_minor: 1, fee_minor: 0, capacity: 20 };
    let unit = |n| UnitRow {
        tier: 0,
        stretch: 0,
        section: 0,
        row: 0,
        standing: true,
        accessible: false,
        companion: false,
        quality: None,
        label: format!("{n}"),
    };
    store.import_map(event, &serde_json::json!({}), &[tier], &(0..20).map(unit).collect::<Vec<_>>()).await?;
    store.publish_event(event, account).await?;
    let draft = SaleDraft {
        name: "First".into(),
        lobby_opens_at_ms: None,
        opens_at_ms: 1_700_000_000_000,
        closes_at_ms: 1_899_000_000_000,
        wait_ends_at_ms: None,
        ordering: Ordering::DrawThenFifo,
        entry: store::entry::Entry::Open,
        seating: store::events::Seating::Assign,
        shop_ms: 300_000,
        party_max: 8,
        rate_per_minute: 60_000,
        max_active: 10_000,
        hold_ttl_ms: 60_000,
        extension_ms: 0,
        grace_ms: 1_000,
        presence_ms: 120_000,
        gather_ms: 10_000,
        answer_ms: 20_000,
        rejoin: true,
        allotment: None,
        beacon: true,
        unprovable_after_s: None,
    };
    store.create_sale(sale, event, &draft).await?;
    store.publish_sale(sale, account).await?;
    let ask = |class| JoinAsk { place: id(), fan: id(), party: 1, tiers: 0, accepts: Accepts::default(), class };
    let fans = [ask(Class::GENERAL), ask(Class::GENERAL), ask(Class::GENERAL), ask(Class(3)), ask(Class::GENERAL)];
    store.join_batch(sale, &fans).await?;
    let lease = store.take_lease(Office::Pacing, sale, id(), 60_000).await?.expect("vacant");
    let pace = |candidates: Vec<i64>, absent: Vec<i64>| PaceAsk {
        lease,
        event,
        drawn: false,
        candidates,
        passed_over: absent.iter().map(|entry| PassedOver { entry: *entry, seen_ms: 0, before: 0 }).collect(),
        skip: absent,
        joins_seen: 1,
        measured: Measured::default(),
    };
    assert_eq!(store.pace(&pace(vec![4, 2], vec![1])).await?.admitted, [4, 2]);
    let seal = |facts: &store::log::HeadFacts| admission::seal_head(&papers(), facts);
    assert_eq!(store.write_head(sale, seal).await?.map(|head| head.seq), Some(1));
    store.leave(event, sale, fans[2].fan).await?;
    store.tune(sale, account, &Tune::Pause, "a queue at the door", None).await?;
    store.tune(sale, account, &Tune::Resume, "", None).await?;
    let seating = store.take_lease(Office::Seating, event, id(), 60_000).await?.expect("vacant");
    let reference = "R".into();
    let offer =
        store::holds::Offer { booking: id(), reference, sale, entry: 4, wished: 0, seats: vec![3], found: None };
    assert_eq!(store.offer(&seating, &[offer], &[]).await?.held.len(), 1);
    assert_eq!(store.write_head(sale, seal).await?.map(|head| head.seq), Some(2));
    store.join_batch(sale, &[ask(Class::GENERAL)]).await?;
    Ok(SaleId(sale))
}

/// The log as the gateway publishes it.
async fn published() -> anyhow::Result<Files> {
    let (db, redis) = tokio::join!(testkit::database(), testkit::redis());
    let store = Store::with_pool(db.pool.clone(), redis.url())?;
    let sale = run(&store).await?;
    let clock = Clock::system();
    let gateway =
        queue_gateway::prepare(queue_gateway::Config::default(), &[SECRET.to_owned()], store, papers(), clock.clone())
            .await?;
    let router = layers(gateway.router(), HttpConfig::default(), clock);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}/v1/sales/{sale}", listener.local_addr()?);
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::select! {
        ended = axum::serve(listener, service) => { ended?; anyhow::bail!("it serves on") }
        files = tokio::time::timeout(Duration::from_secs(30), Files::fetch(&base)) => files?,
    }
}

fn places(report: &Report) -> Vec<(&'static str, i64)> {
    report.faults.iter().map(|fault| (fault.part, fault.version)).collect()
}

#[tokio::test]
async fn a_runs_log_verifies_and_one_changed_byte_anywhere_is_named() -> anyhow::Result<()> {
    let files = published().await?;
    let report = check(&files, None, None);
    assert_eq!(report.faults, [], "{report:#?}");
    assert_eq!((report.records, report.heads, report.unsigned, report.admitted), ([2, 5, 1], 2, 1, 2), "{report:#?}");
    let named = |what: &str| report.exceptions.iter().any(|exception| exception.what.contains(what));
    assert!(!named("entry 1,"), "it was skipped in the same decision, before anybody went past: {report:#?}");

    let folder = tempfile::tempdir()?;
    files.write(folder.path())?;
    assert_eq!(Files::read(folder.path())?, files);
    let pin = contracts::log::HeadSigner::new(SECRET).key().key_id.clone();
    assert_eq!(check(&files, Some(&pin), None).faults, []);
    assert_eq!(places(&check(&files, Some("0000000000000000"), None)), [("heads", 1), ("heads", 2)]);

    let parts: [fn(&mut Files) -> &mut String; 5] = [
        |files| &mut files.keys,
        |files| &mut files.heads,
        |files| &mut files.lanes[0],
        |files| &mut files.lanes[1],
        |files| &mut files.lanes[2],
    ];
    for (part, name) in parts.into_iter().zip(["keys", "heads", "joins", "pace", "seats"]) {
        for at in 0..part(&mut files.clone()).len() {
            let mut changed = files.clone();
            let mut bytes = std::mem::take(part(&mut changed)).into_bytes();
            let line = bytes[..at].split(|byte| *byte == b'\n').count() as i64;
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            *part(&mut changed) = String::from_utf8(bytes)?;
            let found = check(&changed, None, None).faults;
            let here = |fault: &Fault| fault.part == name && (fault.version == line || fault.version == line + 1);
            assert!(found.iter().any(here), "byte {at} of {name}, line {line}: {found:#?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_log_that_tells_of_unfairness_is_refused() -> anyhow::Result<()> {
    let files = published().await?;
    let told = |from: &str, to: &str| {
        let report = check(&rewritten(&files, from, to), None, None);
        report.faults.into_iter().map(|fault| (fault.part, fault.version, fault.what)).collect::<Vec<_>>()
    };
    // The twin: rewriting without a change finds nothing.
    assert_eq!(told("no such word", ""), []);
    let faults = told(r#""entries":[4,2]"#, r#""entries":[2,4]"#);
    assert!(matches!(&faults[..], [("pace", 2, what)] if what.contains("in this order")), "{faults:?}");
    let faults = told(r#""entries":[4,2]"#, r#""entries":[4,9]"#);
    assert!(
        matches!(&faults[..], [("pace", 2, what)] if what.contains("entry 9") && what.contains("joined")),
        "{faults:?}"
    );
    let faults = told(r#""entries":[4,2]"#, r#""entries":[4,4]"#);
    assert!(matches!(&faults[..], [("pace", 2, what)] if what.contains("entry 4")), "{faults:?}");
    let faults = told(r#""rate_per_minute":60000"#, r#""rate_per_minute":1"#);
    assert!(matches!(&faults[..], [("pace", 2, what)] if what.contains("2 were let in")), "{faults:?}");
    let ramp = r#""ramp":{"steps":[{"at_ms":1600000000000,"rate_per_minute":1}],"linear":false}"#;
    let faults = told(r#""ramp":null"#, ramp);
    assert!(matches!(&faults[..], [("pace", 2, what)] if what.contains("at a rate of 1")), "{faults:?}");
    let other: DrawStatement =
        serde_json::from_str(include_str!("../../../contracts/examples/draw/draw.json")).unwrap();
    let faults = check(&files, None, Some(&other)).faults;
    assert!(matches!(&faults[..], [Fault { what, .. }] if what.contains("not drawn")), "{faults:?}");
    let faults = told(r#""opens_at_ms":1700000000000"#, r#""opens_at_ms":1898000000000"#);
    assert!(matches!(&faults[..], [("pace", 2, what)] if what.contains("nobody was to be")), "{faults:?}");
    Ok(())
}

/// The log with another word in its pace lane, hashed and signed anew: what a lying server would publish.
fn rewritten(files: &Files, from: &str, to: &str) -> Files {
    let mut files = files.clone();
    let mut heads: Vec<Head> = files.heads.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut hashes, mut lane) = (vec![String::new()], String::new());
    for line in files.lanes[1].replace(from, to).lines() {
        let mut line: Line = serde_json::from_str(line).unwrap();
        let previous = hashes.last().cloned().unwrap_or_default();
        line.hash = record_hash(&previous, heads[0].sale_id.0, "pace", line.version, line.at_ms, line.changes.get());
        hashes.push(line.hash.clone());
        lane += &(serde_json::to_string(&line).unwrap() + "\n");
    }
    files.lanes[1] = lane;
    let (mut previous, mut text) = (String::new(), String::new());
    for head in &mut heads {
        head.pace.hash.clone_from(&hashes[head.pace.version as usize]);
        head.previous = previous;
        *head = papers().head_signer().seal(head.clone());
        previous = head.hash.clone();
        text += &(serde_json::to_string(&head).unwrap() + "\n");
    }
    files.heads = text;
    files
}
