//! Limits: told in time, per person and per address, and never for somebody else's doing.

use std::time::Duration;

use contracts::accounts::SignIn;
use contracts::ids::SaleId;
use queue_gateway::{Config, LimitsConfig, Rate};

use crate::harness::{Ask, ask_join, config, door_with, mine};

fn limited(limits: LimitsConfig) -> Config {
    Config { limits, ..config() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_answers_429_and_when_to_come_back() {
    let limits = config().limits;
    let door = door_with(limited(LimitsConfig { visitors_per_address: Rate::new(1, 3), ..limits })).await;
    let ask = |address: &'static str| Ask::new("POST", "/v1/visitors").from(&door.router, address);
    for _ in 0..3 {
        assert_eq!(ask("192.0.2.1:1").await.status.as_u16(), 200);
    }
    let refused = ask("192.0.2.1:2").await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    let problem = refused.problem(429);
    assert_eq!((problem.code.as_str(), problem.retry_after_s), ("too-many-requests", Some(1)));
    assert_eq!(ask("192.0.2.2:1").await.status.as_u16(), 200, "another address is another client");
    // One IPv6 /64 is one client.
    for last in ["[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::ffff:3]:1"] {
        assert_eq!(ask(last).await.status.as_u16(), 200);
    }
    ask("[2001:db8::4]:1").await.problem(429);
    assert_eq!(ask("[2001:db8:0:1::4]:1").await.status.as_u16(), 200);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(ask("192.0.2.1:1").await.status.as_u16(), 200, "one more each second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_48_full_of_64s_is_limited_as_one_network() {
    let limits = LimitsConfig { visitors_per_address: Rate::new(1, 2), network_times: 3, ..config().limits };
    let door = door_with(limited(limits.clone())).await;
    let ask = async |router: &axum::Router, address: String| {
        Ask::new("POST", "/v1/visitors").from(router, &address).await.status.as_u16()
    };
    let mut taken = 0;
    while ask(&door.router, format!("[2001:db8:0:{taken:x}::1]:1")).await == 200 {
        taken += 1;
        assert!(taken < 500, "no limit");
    }
    assert!(taken >= 6, "three times a burst of two, and was {taken}");
    assert_eq!(ask(&door.router, "[2001:db8:1::1]:1".to_owned()).await, 200, "another network");
    for n in 1..=20 {
        assert_eq!(ask(&door.router, format!("192.0.2.{n}:1")).await, 200, "IPv4 has no wider network");
    }
    let open = door_with(limited(LimitsConfig { network_times: 0, ..limits })).await;
    for n in 0..20 {
        assert_eq!(ask(&open.router, format!("[2001:db8:0:{n}::1]:1")).await, 200, "switched off");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_impatient_fan_is_limited_and_the_others_are_not() {
    let limits = LimitsConfig { joins_per_fan: Rate::new(1, 2), ..config().limits };
    let door = door_with(limited(limits)).await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let (fan, other) = (door.visitor().await, door.visitor().await);
    door.joined(&fan.token, sale.sale_id).await;
    assert_eq!(door.join(&fan.token, sale.sale_id).await.status.as_u16(), 200);
    assert!(door.join(&fan.token, sale.sale_id).await.problem(429).retry_after_s.is_some());
    door.joined(&other.token, sale.sale_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_password_is_limited_per_account_from_wherever() {
    let limits = LimitsConfig { sign_ins_per_email: Rate::new(1, 2), ..config().limits };
    let door = door_with(limited(limits)).await;
    let guess = |email: &str, address: String| {
        let body = SignIn { email: email.to_owned(), password: "a guess at the phrase".to_owned() };
        let router = door.router.clone();
        async move { Ask::new("POST", "/v1/sessions").json(&body).from(&router, &address).await }
    };
    for n in 1..=2 {
        guess("ada@example.org", format!("192.0.2.{n}:1")).await.problem(401);
    }
    guess(" ADA@example.org", "192.0.2.3:1".to_owned()).await.problem(429);
    guess("eve@example.org", "192.0.2.3:1".to_owned()).await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_family_of_routes_has_its_limit() {
    let one = Rate::new(1, 1);
    let limits = LimitsConfig {
        joins_per_address: one,
        accounts_per_address: one,
        sign_ins_per_address: one,
        sessions_per_address: one,
        reads_per_address: one,
        writes_per_address: one,
        ..config().limits
    };
    let door = door_with(limited(limits)).await;
    let sale = SaleId(chassis::ids::new(&door.clock));
    let families: [fn(SaleId) -> Ask; 6] = [
        |sale| ask_join("x", sale),
        |_| Ask::new("POST", "/v1/accounts"),
        |_| Ask::new("POST", "/v1/sessions"),
        |_| Ask::new("POST", "/v1/sessions/refresh"),
        |sale| mine("x", sale),
        |_| Ask::new("POST", "/v1/organisations"),
    ];
    for family in families {
        assert_ne!(family(sale).to(&door).await.status.as_u16(), 429);
        family(sale).to(&door).await.problem(429);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_of_everybody_together_can_be_limited() {
    let limits = LimitsConfig { joins: Rate::new(1, 3), ..config().limits };
    let door = door_with(limited(limits)).await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    for _ in 0..3 {
        let fan = door.visitor().await;
        door.joined(&fan.token, sale.sale_id).await;
    }
    let fan = door.visitor().await;
    assert!(door.join(&fan.token, sale.sale_id).await.problem(429).retry_after_s.is_some());
}
