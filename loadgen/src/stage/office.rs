//! The promoter's office: accounts, an organisation, an event with its seats, a sale; all over the public API.

use anyhow::{Context as _, bail};
use chassis::clock::Clock;
use chassis::secret::Secret;
use contracts::accounts::{Me, NewAccount, NewMember, NewOrganisation, Organisation, Role, Session, SignIn};
use contracts::consoles::Availability;
use contracts::ids::{EventId, OrganisationId};
use contracts::sales::{Event, EventDraft, Sale, SaleDraft};
use contracts::seat_map::SeatMap;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::{Answer, Ask, Caller, Device};

/// The demo promoter, who is also an operator.
pub const PROMOTER: &str = "demo-promoter@usher.example";
/// The demo operator.
pub const OPERATOR: &str = "demo-operator@usher.example";
/// The password of both. It is printed at every start: it protects nothing.
pub const PASSWORD: &str = "open sesame, demo";

const HOUR_MS: i64 = 3_600_000;

/// The office, signed in.
#[derive(Debug)]
pub struct Office {
    /// Where it calls.
    pub caller: Caller,
    token: Secret,
    /// Its organisation.
    pub organisation: OrganisationId,
}

impl Office {
    /// Opens the office: makes the accounts and the organisation, or finds them.
    pub async fn open(base: &str, clock: Clock, until_ms: i64) -> anyhow::Result<Self> {
        let caller = Caller { device: Device::new(None)?, base: base.to_owned(), clock, until_ms };
        account(&caller, OPERATOR).await?;
        let token = account(&caller, PROMOTER).await?;
        let mut office = Self { caller, token: token.into(), organisation: OrganisationId(uuid::Uuid::nil()) };
        let me: Me = office.get("/v1/me").await?;
        office.organisation = match me.memberships.first() {
            Some(membership) => membership.organisation_id,
            None => office.found().await?,
        };
        Ok(office)
    }

    async fn found(&self) -> anyhow::Result<OrganisationId> {
        let made: Organisation =
            self.post("/v1/organisations", &NewOrganisation { name: "Demo Concerts".to_owned() }).await?;
        let id = made.organisation_id;
        let member = NewMember { email: OPERATOR.to_owned(), role: Role::Operator };
        let () = self.post(&format!("/v1/organisations/{id}/members"), &member).await?;
        Ok(id)
    }

    /// Makes an event with its seats and publishes it.
    pub async fn event(&self, name: &str, map: &SeatMap) -> anyhow::Result<Event> {
        let draft = EventDraft {
            name: name.to_owned(),
            venue: map.name.clone(),
            starts_at_ms: self.caller.clock.now_ms() + 30 * 24 * HOUR_MS,
            time_zone: "Europe/Berlin".to_owned(),
            currency: "EUR".to_owned(),
            accessible_release: None,
            tickets_per_person: None,
        };
        let event: Event = self.post(&format!("/v1/organisations/{}/events", self.organisation), &draft).await?;
        let id = event.event_id;
        let url = self.caller.url(&format!("/v1/events/{id}/seat-map"));
        let ask = Ask::new("seat map", Method::PUT, url).bearer(self.token.expose()).json(map);
        self.must::<()>(ask).await?;
        self.post(&format!("/v1/events/{id}/publish"), &serde_json::json!({})).await
    }

    /// Makes a sale and publishes it.
    pub async fn sale(&self, event: EventId, draft: &SaleDraft) -> anyhow::Result<Sale> {
        let sale: Sale = self.post(&format!("/v1/events/{event}/sales"), draft).await?;
        self.post(&format!("/v1/sales/{}/publish", sale.sale_id), &serde_json::json!({})).await
    }

    /// The organisation's events, newest first.
    pub async fn events(&self) -> anyhow::Result<Vec<Event>> {
        self.get(&format!("/v1/organisations/{}/events", self.organisation)).await
    }

    /// How many seats of an event are free.
    pub async fn free(&self, event: EventId) -> anyhow::Result<u32> {
        let now: Availability = self.get(&format!("/v1/events/{event}/availability")).await?;
        Ok(now.tiers.iter().map(|tier| tier.free).sum())
    }

    /// Reads something that must be there.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.must(Ask::new("read", Method::GET, self.caller.url(path)).bearer(self.token.expose())).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        // A lost answer must not make two of a thing.
        let key = chassis::ids::new(&self.caller.clock).simple().to_string();
        let ask = Ask::new("make", Method::POST, self.caller.url(path)).bearer(self.token.expose()).json(body).key(key);
        self.must(ask).await
    }

    /// Does what operators do; what is dangerous is asked for once more, with the code that the first answer gave.
    pub async fn operate<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        mut body: serde_json::Value,
    ) -> anyhow::Result<T> {
        for _ in 0..2 {
            let url = self.caller.url(path);
            let ask =
                Ask::new("operate", method.clone(), url).bearer(self.token.expose()).json(&body).expecting(&[409]);
            match self.caller.send(ask, &Told).await {
                Answer::Ok(_, answer) => return Ok(answer),
                Answer::Refused(problem) if problem.confirm.is_some() => body["confirm"] = problem.confirm.into(),
                Answer::Refused(problem) => bail!("{} ({}): {}", problem.title, problem.code, problem.detail),
                Answer::GaveUp => bail!("no usable answer"),
            }
        }
        bail!("its confirmation was not taken")
    }

    async fn must<T: DeserializeOwned>(&self, ask: Ask<'_>) -> anyhow::Result<T> {
        must(&self.caller, ask).await
    }
}

/// Makes an account, or signs in where it is already there.
async fn account(caller: &Caller, email: &str) -> anyhow::Result<String> {
    let sign_in = SignIn { email: email.to_owned(), password: PASSWORD.to_owned() };
    let ask = Ask::new("sign in", Method::POST, caller.url("/v1/sessions")).json(&sign_in);
    if let Answer::Ok(_, session) = caller.send::<Session>(ask, &()).await {
        return Ok(session.access_token);
    }
    let new = NewAccount { email: email.to_owned(), password: PASSWORD.to_owned() };
    let ask = Ask::new("account", Method::POST, caller.url("/v1/accounts")).json(&new);
    Ok(must::<Session>(caller, ask).await.with_context(|| format!("cannot make the account {email}"))?.access_token)
}

async fn must<T: DeserializeOwned>(caller: &Caller, ask: Ask<'_>) -> anyhow::Result<T> {
    let what = ask.to_string();
    match caller.send(ask, &Told).await {
        Answer::Ok(_, body) => Ok(body),
        Answer::Refused(problem) => {
            bail!("{} ({}): {} {}\n  {what}", problem.title, problem.code, problem.detail, problem.faults.join("; "))
        }
        Answer::GaveUp => bail!("no usable answer to {what}"),
    }
}

/// Prints what goes wrong on the way.
struct Told;

impl crate::api::caller::Ears for Told {
    fn refused(&self, refusal: crate::api::Refusal) {
        if refusal.status == 0 || refusal.status >= 500 || refusal.status < 300 {
            eprintln!("loadgen: {}: {} {}", refusal.what, refusal.status, refusal.code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_prints_without_its_token() {
        let clock = Clock::system();
        let caller = Caller { device: Device::new(None).unwrap(), base: String::new(), clock, until_ms: 0 };
        let office = Office { caller, token: "hidden".into(), organisation: OrganisationId(uuid::Uuid::nil()) };
        assert!(!format!("{office:?}").contains("hidden"), "{office:?}");
    }
}
