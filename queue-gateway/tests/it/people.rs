//! Accounts and sessions.

use contracts::accounts::{Me, NewAccount, RefreshSession, Session, SignIn};
use futures_util::future::join_all;
use queue_gateway::{Config, PasswordConfig};

use crate::harness::{Answer, Ask, Door, PASSWORD, config, door, door_with};

async fn refresh(door: &Door, token: &str) -> Answer {
    Ask::new("POST", "/v1/sessions/refresh").json(&RefreshSession { refresh_token: token.to_owned() }).to(door).await
}

async fn sign_in(door: &Door, email: &str, password: &str) -> Answer {
    let body = SignIn { email: email.to_owned(), password: password.to_owned() };
    Ask::new("POST", "/v1/sessions").json(&body).to(door).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_signs_in_with_its_address_in_any_form() {
    let door = door().await;
    let made = door.account("Ada@Example.org").await;
    let session: Session = sign_in(&door, "  ada@example.ORG ", PASSWORD).await.ok(200);
    assert_eq!(session.account_id, made.account_id);
    assert_eq!(session.expires_in_ms, 600_000);
    let me: Me = Ask::new("GET", "/v1/me").by(&session.access_token).to(&door).await.ok(200);
    assert_eq!((me.email.as_str(), me.memberships.len()), ("ada@example.org", 0));
    assert_eq!(sign_in(&door, "ada@example.org", "not the pass phrase").await.problem(401).code, "unauthorised");
    let (known, unknown) = (
        sign_in(&door, "ada@example.org", "not the pass phrase").await.problem(401),
        sign_in(&door, "nobody@example.org", "not the pass phrase").await.problem(401),
    );
    assert_eq!(known, unknown, "nothing tells whether there is an account");

    let again = NewAccount { email: "ADA@example.org".to_owned(), password: PASSWORD.to_owned() };
    assert_eq!(Ask::new("POST", "/v1/accounts").json(&again).to(&door).await.problem(409).code, "email-taken");
    for (email, password) in [("ada", PASSWORD), ("new@example.org", "short"), ("new@example.org", "Password123")] {
        let new = NewAccount { email: email.to_owned(), password: password.to_owned() };
        Ask::new("POST", "/v1/accounts").json(&new).to(&door).await.problem(422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renewing_twice_within_a_minute_is_the_same_and_later_ends_the_session() {
    let door = door().await;
    let first = door.account("ada@example.org").await.refresh_token;
    // Two tabs at once.
    let renewed: Vec<Session> = join_all([refresh(&door, &first), refresh(&door, &first)])
        .await
        .into_iter()
        .map(|answer| answer.ok(200))
        .collect();
    let second = renewed[0].refresh_token.clone();
    assert_eq!(second, renewed[1].refresh_token);
    assert_ne!(second, first);
    let third = refresh(&door, &second).await.ok::<Session>(200).refresh_token;
    assert_eq!(refresh(&door, &first).await.ok::<Session>(200).refresh_token, second, "still within the minute");

    let rows: i64 =
        sqlx::query_scalar("select count(*) from session_token").fetch_one(door.store.pool()).await.unwrap();
    assert_eq!(rows, 3);
    let age = "update session_token set replaced_at = replaced_at - interval '61 seconds'";
    sqlx::query(age).execute(door.store.pool()).await.unwrap();
    let fourth = refresh(&door, &third).await.ok::<Session>(200).refresh_token;
    assert_eq!(refresh(&door, &first).await.problem(401).code, "unauthorised");
    for token in [&first, &second, &third, &fourth] {
        refresh(&door, token).await.problem(401);
    }
    // Another session of the same account goes on.
    let other: Session = sign_in(&door, "ada@example.org", PASSWORD).await.ok(200);
    let _: Session = refresh(&door, &other.refresh_token).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_and_nothing_else() {
    let door = door().await;
    let session = door.account("ada@example.org").await;
    let second: Session = refresh(&door, &session.refresh_token).await.ok(200);
    let elsewhere: Session = sign_in(&door, "ada@example.org", PASSWORD).await.ok(200);
    let stranger = door.account("eve@example.org").await;
    let sign_out =
        |token: &str| Ask::new("DELETE", "/v1/sessions").json(&RefreshSession { refresh_token: token.to_owned() });
    sign_out("ref_nonsense").to(&door).await.empty(204);
    let second: Session = refresh(&door, &second.refresh_token).await.ok(200);
    sign_out(&session.refresh_token).to(&door).await.empty(204);
    sign_out(&session.refresh_token).to(&door).await.empty(204);
    refresh(&door, &second.refresh_token).await.problem(401);
    for token in ["", "ref_", "ref_AAAA", second.access_token.as_str()] {
        refresh(&door, token).await.problem(401);
    }
    for other in [elsewhere, stranger] {
        let _: Session = refresh(&door, &other.refresh_token).await.ok(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_refresh_token_renews_nothing() {
    let door = door().await;
    let session = door.account("ada@example.org").await;
    sqlx::query("update session_token set expires_at = now()").execute(door.store.pool()).await.unwrap();
    refresh(&door, &session.refresh_token).await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_passwords_at_once_are_told_when_to_come_back() {
    let passwords = PasswordConfig { at_once: 1, waiting_max: 1, ..PasswordConfig::default() };
    let door = door_with(Config { passwords, ..config() }).await;
    let answers = join_all((0..12).map(|_| sign_in(&door, "nobody@example.org", PASSWORD))).await;
    let refused: Vec<_> = answers.into_iter().filter(|answer| answer.status.as_u16() == 503).collect();
    assert!(refused.len() >= 5, "{}", refused.len());
    for answer in refused {
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.problem(503).code, "try-again");
    }
}
