//! Who asks: an anonymous visitor, or an account made in advance. Accounts cost the server a slow hash each, so the crowd makes
//! them a few at a time, before the doors open.

use std::sync::Arc;

use contracts::accounts::{NewAccount, Session, Visitor};
use reqwest::Method;
use tokio::sync::Semaphore;

use super::diary::Diary;
use super::order::CrowdOrder;
use crate::api::{Ask, Caller};

/// How many of the crowd may be at the desk at once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Doors {
    accounts: Arc<Semaphore>,
    visitors: Arc<Semaphore>,
    stamp: u64,
}

impl Doors {
    /// For a crowd.
    pub fn new(order: &CrowdOrder) -> Self {
        // The opening's time keeps the addresses of crowds apart that come to the same data with the same seed.
        let stamp = order.opens_at_ms.unsigned_abs();
        Self { accounts: Arc::new(Semaphore::new(4)), visitors: Arc::new(Semaphore::new(64)), stamp }
    }

    /// The fan's address.
    pub fn email(&self, fan: u32) -> String {
        format!("fan-{fan}-{}@crowd.example", self.stamp)
    }

    /// A token, or nothing if the server never gave one.
    pub async fn token(&self, caller: &Caller, fan: u32, account: bool, diary: &Diary) -> Option<String> {
        if account {
            let _turn = self.accounts.acquire().await.ok()?;
            let new = NewAccount { email: self.email(fan), password: format!("a long password of fan {fan}") };
            let ask = Ask::new("account", Method::POST, caller.url("/v1/accounts")).json(&new).key(new.email.clone());
            let session: Session = caller.send(ask, diary).await.ok()?;
            Some(session.access_token)
        } else {
            let _turn = self.visitors.acquire().await.ok()?;
            let ask = Ask::new("visitor", Method::POST, caller.url("/v1/visitors"));
            let visitor: Visitor = caller.send(ask, diary).await.ok()?;
            Some(visitor.token)
        }
    }
}
