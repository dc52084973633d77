//! The role's routes: for fans, for promoters, and for the provider's webhooks.

mod exchange;
mod fan;
mod find;
mod gifts;
mod openapi;
mod pay;
mod promoter;
mod qr;
mod signature;
mod view;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chassis::clock::Clock;
use contracts::papers::{Papers, Principal};
use contracts::problem::Problem;
use contracts::ticket_code::TicketSigner;
use store::bookings::BookingRow;
use store::{Store, StoreError};
use tokio::sync::Notify;
use uuid::Uuid;

use self::find::Limiter;
pub use self::openapi::openapi;
use crate::config::Config;
use crate::provider::Provider;

/// Webhooks are never larger.
const WEBHOOK_MAX: usize = 256 * 1024;

/// What the handlers work with.
pub struct Parts {
    pub config: Config,
    pub store: Store,
    pub papers: Papers,
    pub clock: Clock,
    pub signer: TicketSigner,
    pub provider: Arc<dyn Provider>,
    pub nudge: Arc<Notify>,
}

/// The handlers' state. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    limiter: Limiter,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl FromRef<App> for Papers {
    fn from_ref(app: &App) -> Self {
        app.papers.clone()
    }
}

impl App {
    pub fn new(parts: Parts) -> Self {
        let limiter = Limiter::new(parts.config.finds_per_minute);
        Self(Arc::new(Inner { parts, limiter }))
    }

    /// Forgets addresses that have not asked for a while.
    pub fn forget_old_limits(&self) {
        self.0.limiter.forget();
    }

    /// Whose booking it is and how it stands, if it is the asker's; one of somebody else is none.
    async fn own_head(&self, principal: &Principal, booking: Uuid) -> Result<BookingRow, Refusal> {
        owned(principal, self.store.booking_head(booking).await?)
    }

    /// A booking of whoever asks, with all that belongs to it.
    async fn own(&self, principal: &Principal, booking: Uuid) -> Result<BookingRow, Refusal> {
        owned(principal, self.store.booking(booking).await?)
    }
}

impl App {
    /// What an account may do for the organisation of an event.
    async fn roles_at(&self, account: Uuid, event: Uuid) -> Result<Vec<String>, Refusal> {
        match self.store.event_owner(event).await? {
            Some(owner) => Ok(self.store.roles_in(account, owner.organisation).await?),
            None => Ok(Vec::new()),
        }
    }
}

/// The booking, if it is the asker's. A receipt whose place somebody took over is told so.
fn owned(principal: &Principal, row: Option<BookingRow>) -> Result<BookingRow, Refusal> {
    let row = row.ok_or(Refusal::NoBooking)?;
    match principal {
        principal if owns(principal, &row) => Ok(row),
        Principal::Holder(receipt) if row.place == receipt.place => Err(Problem::place_moved().into()),
        _ => Err(Refusal::NoBooking),
    }
}

/// Whether the booking came of the asker's place.
fn owns(principal: &Principal, row: &BookingRow) -> bool {
    match principal {
        Principal::Account(fan) | Principal::Visitor(fan) => row.fan == *fan,
        Principal::Holder(receipt) => row.fan == receipt.fan && row.place == receipt.place,
    }
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such booking")]
    NoBooking,
    #[error("not allowed")]
    Forbidden,
    #[error("the hold is over")]
    HoldOver,
    #[error("extended before")]
    AlreadyExtended,
    #[error("no e-mail address")]
    EmailNeeded,
    #[error("a payment is under way")]
    PaymentUnderWay,
    #[error("not paid")]
    NotPaid,
    #[error("the bank is slow")]
    BankSlow { deadline_ms: i64 },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0:?}")]
    Problem(Box<Problem>),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoBooking => Self::not_found("booking"),
            Refusal::Forbidden => Self::forbidden("this needs a promoter of the event's organisation"),
            Refusal::HoldOver => Self::conflict(
                "hold-over",
                "The hold has ended",
                "the seats are not kept for you any more; no money was taken",
            ),
            Refusal::AlreadyExtended => Self::conflict(
                "already-extended",
                "The hold was extended before",
                "a hold can be extended once, also by starting to pay",
            ),
            Refusal::EmailNeeded => Self::new(
                422,
                "email-needed",
                "We need an e-mail address",
                "say where the tickets should go: {\"email\": …}",
            ),
            Refusal::PaymentUnderWay => Self::conflict(
                "payment-under-way",
                "A payment is under way",
                "the bank has your money in hand; wait for its answer",
            ),
            Refusal::NotPaid => {
                Self::conflict("not-paid", "The booking is not paid", "only a paid booking can be refunded")
            }
            Refusal::BankSlow { deadline_ms } => {
                Self::unavailable("the bank is slow; your seats are safe until the deadline: try again in a moment")
                    .retry_after(2)
                    .at(deadline_ms)
            }
            Refusal::Store(fault) => problem(&fault),
            Refusal::Problem(problem) => *problem,
        }
    }
}

/// What a store's fault is to a client.
fn problem(fault: &StoreError) -> Problem {
    if fault.is_away() {
        tracing::debug!(%fault, "a request waits for Postgres");
        Problem::unavailable("our records cannot be reached right now; try again in a moment")
    } else {
        tracing::error!(%fault, "a request failed");
        Problem::internal()
    }
}

/// All routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/v1/bookings", get(fan::list))
        .route("/v1/bookings/find", post(find::find))
        .route("/v1/bookings/{booking}", get(fan::one))
        .route("/v1/bookings/{booking}/pay", post(pay::pay))
        .route("/v1/bookings/{booking}/extend", post(fan::extend))
        .route("/v1/bookings/{booking}/exchange", post(exchange::ask))
        .route("/v1/bookings/{booking}/give-back", post(fan::give_back))
        .route("/v1/bookings/{booking}/refund", post(promoter::refund))
        .route("/v1/events/{event}/bookings", get(promoter::bookings))
        .route("/v1/events/{event}/gifts", get(gifts::list).post(gifts::give))
        .route("/v1/gifts/find", post(gifts::find))
        .route("/v1/gifts/{gift}/revoke", post(gifts::revoke))
        .route("/v1/ticket-key", get(fan::ticket_key))
        .route("/v1/webhooks/payments", post(webhook::receive).layer(chassis::http::body_limit(WEBHOOK_MAX)))
        .with_state(app)
}
