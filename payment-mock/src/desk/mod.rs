//! The desk: carries out operations on the intents of one batch, in memory, and notes what has to
//! be written. It knows the rules and no SQL; the writer loads before it and saves after it.

mod event;
mod ops;

use std::collections::{BTreeSet, HashMap};

use crate::error::ApiError;
use crate::ids::{self, Minter};
use crate::machine::{Callbacks, Intent, IntentView, Method, Moved, NewIntent, NewRefund, Refund, Timing};

pub use event::{Endpoint, EventRow, NewDelivery, forged_body};

/// The identifier of the command line's endpoint.
const OWN_ENDPOINT: &str = "we_command_line";

/// What the desk goes by; the same for the life of the process.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long the slow things take.
    pub timing: Timing,
    /// Where the hosted pages are: `http://…/pay`.
    pub pay_url: String,
}

/// Who asks: it decides what may be done and what is shown.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Holds the secret key.
    Merchant,
    /// Holds this client secret, which is yet to be checked.
    Browser(String),
}

/// One thing to do. Everything that changes the store is one of these; the fields are the
/// parameters of the calls they come from.
#[derive(Debug)]
pub enum Op {
    /// `POST /v1/payment_intents`; with `confirm`, also tries the card.
    Create { new: NewIntent, confirm: bool, return_url: Option<String> },
    /// `POST /v1/payment_intents/:id/confirm`
    Confirm { intent: String, caller: Caller, method: Option<Method>, return_url: Option<String> },
    /// The fan's answer to the challenge.
    Challenge { intent: String, caller: Caller, passed: bool },
    /// `POST /v1/payment_intents/:id/capture`
    Capture { intent: String, amount: Option<i64> },
    /// `POST /v1/payment_intents/:id/cancel`
    Cancel { intent: String, reason: Option<String> },
    /// `POST /v1/refunds`
    Refund { intent: String, param: &'static str, new: NewRefund },
    /// An intent's own time has come.
    Wake { intent: String },
    /// A scripted failure, kept under its key as Stripe keeps them.
    Fail,
    /// What became of webhooks sent.
    Settle(Vec<Settlement>),
    /// `POST /v1/webhook_endpoints`
    PutEndpoint { url: String, enabled: Vec<String> },
    /// The endpoint of the command line, with the secret given there.
    OwnEndpoint { url: String, secret: String },
    /// `DELETE /v1/webhook_endpoints/:id`
    DropEndpoint { id: String },
}

impl Op {
    /// The intent that has to be loaded for it.
    pub fn intent(&self) -> Option<&str> {
        match self {
            Self::Confirm { intent, .. }
            | Self::Challenge { intent, .. }
            | Self::Capture { intent, .. }
            | Self::Cancel { intent, .. }
            | Self::Refund { intent, .. }
            | Self::Wake { intent } => Some(intent),
            Self::Create { .. }
            | Self::Fail
            | Self::Settle(_)
            | Self::PutEndpoint { .. }
            | Self::OwnEndpoint { .. }
            | Self::DropEndpoint { .. } => None,
        }
    }
}

/// What became of one delivery.
#[derive(Debug, Clone, Copy)]
pub struct Settlement {
    /// The delivery.
    pub seq: i64,
    /// When to try again; without it, it is done with, delivered or given up.
    pub retry_at_ms: Option<i64>,
}

/// How a caller is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
    /// Whether execution began, so that the answer is kept under its idempotency key.
    pub begun: bool,
    /// Whether this is an earlier answer, told again.
    pub replayed: bool,
    /// How long to hold the answer back.
    pub after_ms: i64,
}

impl Reply {
    /// A success.
    pub fn ok(body: &impl serde::Serialize) -> Self {
        let body = serde_json::to_string(body).expect("a reply is plain data");
        Self { status: 200, body, begun: true, replayed: false, after_ms: 0 }
    }
}

impl From<&ApiError> for Reply {
    fn from(error: &ApiError) -> Self {
        Self { status: error.status, body: error.body(), begun: error.begun, replayed: false, after_ms: 0 }
    }
}

/// One batch at work.
#[derive(Debug)]
pub struct Desk<'a> {
    /// What it goes by.
    pub rules: &'a Rules,
    /// One time for the whole batch.
    pub now_ms: i64,
    /// Where identifiers come from.
    pub minter: &'a mut Minter,
    /// Who is told; with this batch's changes.
    pub endpoints: Vec<Endpoint>,
    /// Whether `endpoints` changed.
    pub endpoints_changed: bool,
    /// The intents loaded or made.
    pub intents: HashMap<String, Intent>,
    /// Those to be saved, in the order of their making, which is the store's order.
    pub changed: BTreeSet<String>,
    /// Refunds to be saved.
    pub refunds: Vec<Refund>,
    /// Events to be saved.
    pub events: Vec<EventRow>,
    /// Deliveries to be saved.
    pub deliveries: Vec<NewDelivery>,
    /// Deliveries to be rescheduled or removed.
    pub settled: Vec<Settlement>,
}

impl<'a> Desk<'a> {
    /// A desk with the intents that its operations will ask for.
    pub fn new(
        rules: &'a Rules,
        now_ms: i64,
        minter: &'a mut Minter,
        endpoints: Vec<Endpoint>,
        loaded: impl IntoIterator<Item = Intent>,
    ) -> Self {
        Self {
            rules,
            now_ms,
            minter,
            endpoints,
            endpoints_changed: false,
            intents: loaded.into_iter().map(|intent| (intent.id.clone(), intent)).collect(),
            changed: BTreeSet::new(),
            refunds: Vec::new(),
            events: Vec::new(),
            deliveries: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// The earliest time at which an intent of this batch does something by itself.
    pub fn earliest_due_ms(&self) -> Option<i64> {
        self.changed.iter().filter_map(|id| self.intents[id].later.map(|(at_ms, _)| at_ms)).min()
    }

    /// Carries out one operation and says how its caller is answered.
    pub fn carry_out(&mut self, op: Op, key: Option<&str>) -> Reply {
        self.try_out(op, key).unwrap_or_else(|error| Reply::from(&error))
    }

    /// Moves an intent, notes it for saving and its webhook for sending.
    fn moving(
        &mut self,
        id: &str,
        param: &str,
        key: Option<&str>,
        act: impl FnOnce(&mut Intent, &Timing, i64) -> Result<Moved, ApiError>,
    ) -> Result<(&Intent, Moved), ApiError> {
        let intent = self.intents.get_mut(id).ok_or_else(|| ApiError::missing("payment_intent", param, id))?;
        let moved = act(intent, &self.rules.timing, self.now_ms)
            .map_err(|error| error.about(intent.view(&self.rules.pay_url)))?;
        self.changed.insert(id.to_owned());
        if let Some(told) = moved.told {
            let view = self.intents[id].view(&self.rules.pay_url);
            self.tell(id, told.event(), &view, key);
        }
        Ok((&self.intents[id], moved))
    }

    /// Notes an event and its deliveries.
    fn tell(&mut self, intent: &str, kind: &'static str, object: &impl serde::Serialize, key: Option<&str>) {
        let listening: Vec<String> = self.endpoints.iter().filter(|e| e.wants(kind)).map(|e| e.id.clone()).collect();
        let id = self.minter.mint("evt", self.now_ms);
        let body = event::body(&id, kind, object, self.now_ms, listening.len(), key);
        let intent = self.intents.get_mut(intent).expect("an event is told of a loaded intent");
        let callbacks = intent.method.map_or(Callbacks::Normal, Method::callbacks);
        let (copies, delay_ms) = match callbacks {
            Callbacks::Normal => (1, 0),
            Callbacks::Never => (0, 0),
            Callbacks::Thrice => (3, 0),
            // The first waits longest, so later ones overtake it.
            Callbacks::Reversed => (1, self.rules.timing.out_of_order_ms >> intent.told.min(62)),
        };
        intent.told += 1;
        for endpoint in listening {
            for _ in 0..copies {
                self.deliveries.push(NewDelivery {
                    event: id.clone(),
                    endpoint: endpoint.clone(),
                    due_ms: self.now_ms + delay_ms,
                });
            }
        }
        self.events.push(EventRow { id, kind, body });
    }

    /// Whether this caller may act on this intent. A wrong secret and an unknown intent look the
    /// same, so that nobody can find out which intents exist.
    fn admit(&self, id: &str, caller: &Caller) -> Result<(), ApiError> {
        let Caller::Browser(secret) = caller else { return Ok(()) };
        match self.intents.get(id) {
            Some(intent) if intent.opens_to(secret) => Ok(()),
            _ => Err(ApiError::missing("payment_intent", "client_secret", id)),
        }
    }

    fn shown(&self, intent: &Intent, caller: &Caller) -> IntentView {
        match caller {
            Caller::Merchant => intent.view(&self.rules.pay_url),
            Caller::Browser(_) => intent.public_view(&self.rules.pay_url),
        }
    }

    /// Keeps the command line's endpoint under one identifier, so that what is pending for it goes
    /// to its new address after a restart.
    fn own_endpoint(&mut self, url: String, secret: String) {
        self.endpoints_changed = true;
        self.endpoints.retain(|endpoint| endpoint.id != OWN_ENDPOINT && endpoint.url != url);
        let (id, created_ms) = (OWN_ENDPOINT.to_owned(), self.now_ms);
        self.endpoints.push(Endpoint { id, url, secret, enabled: vec!["*".to_owned()], created_ms });
    }

    fn put_endpoint(&mut self, url: String, enabled: Vec<String>) -> Endpoint {
        self.endpoints_changed = true;
        // The same address twice would be told everything twice.
        if let Some(known) = self.endpoints.iter_mut().find(|endpoint| endpoint.url == url) {
            known.enabled = enabled;
            return known.clone();
        }
        let endpoint = Endpoint {
            id: self.minter.mint("we", self.now_ms),
            url,
            secret: format!("whsec_{}", ids::secret()),
            enabled,
            created_ms: self.now_ms,
        };
        self.endpoints.push(endpoint.clone());
        endpoint
    }
}
