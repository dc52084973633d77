//! Starting to pay.

use std::time::{Duration, Instant};

use axum::extract::State;
use contracts::bookings::{Booking, Pay};
use contracts::ids::BookingId;
use contracts::papers::Principal;
use contracts::problem::Problem;
use contracts::server::{Id, Json};
use store::StoreError;
use store::payments::{Begun, PaymentRow};
use uuid::Uuid;

use super::view::{self, For};
use super::{App, Refusal};
use crate::payments::{key, new_intent};
use crate::provider::{Fault, Intent};

/// The longest address there is (RFC 5321).
const EMAIL_MAX: usize = 254;
/// How long one of several who ask for the same intent waits for the others.
const TOGETHER: Duration = Duration::from_millis(50);

/// Starts to pay: a payment attempt, or the one that is open. Extends the hold, unless it was extended before.
#[utoipa::path(post, path = "/v1/bookings/{booking}/pay", tag = "bookings", security(("bearer" = [])),
    params(("booking" = BookingId, Path)), request_body = Pay,
    responses((status = 200, body = Booking, description = "With the attempt and what lets the fan's page confirm it")))]
pub async fn pay(
    State(app): State<App>,
    principal: Principal,
    Id(id): Id<BookingId>,
    Json(ask): Json<Pay>,
) -> Result<Json<Booking>, Refusal> {
    let row = app.own_head(&principal, id.0).await?;
    let email = match ask.email {
        Some(given) => Some(email(&given)?),
        // Accounts have one.
        None if row.email.is_none() => app.store.email_of(row.fan).await?,
        None => None,
    };
    let payment = chassis::ids::new(&app.clock);
    let mut whom = For::Owner;
    match app.store.begin_payment(row.id, row.fan, email.as_deref(), payment).await? {
        Begun::Attempt(attempt) if attempt.amount_minor == 0 => {
            let new_id = || chassis::ids::new(&app.clock);
            app.store.payment_captured(attempt.id, 0, &attempt.currency, new_id).await?;
        }
        Begun::Attempt(attempt) => {
            open(&app, row.id, attempt).await?;
            whom = For::Payer;
        }
        Begun::Paid => {}
        Begun::Over => return Err(Refusal::HoldOver),
        Begun::EmailNeeded => return Err(Refusal::EmailNeeded),
        Begun::NoSeats => {
            let detail = "pick the seats that you want first; your time goes on";
            return Err(Problem::conflict("no-seats", "There is nothing to pay for", detail).into());
        }
        Begun::TooMany { most } => {
            return Err(Problem::conflict(
                "too-many-tickets",
                "Too many tickets for one e-mail address",
                format!("email: one person may have {most} tickets of this event, over all its sales; use another address, or give the seats back"),
            )
            .into());
        }
        Begun::NotFound => return Err(Refusal::NoBooking),
    }
    let row = app.own(&principal, row.id).await?;
    Ok(Json(view::booking(&app, row, whom)?))
}

/// Has the provider make the attempt's intent, if nobody has yet.
async fn open(app: &App, booking: Uuid, attempt: PaymentRow) -> Result<(), Refusal> {
    if attempt.intent.is_some() {
        return Ok(());
    }
    let intent = match create(app, &attempt).await {
        Ok(Some(intent)) => intent,
        Ok(None) => return Ok(()),
        Err(Unmade::Store(fault)) => return Err(fault.into()),
        Err(Unmade::Provider(fault @ (Fault::Refused { .. } | Fault::Declined { .. } | Fault::NotFound))) => {
            tracing::error!(payment = %attempt.id, %fault, "the provider makes no intent");
            app.store.payment_cancelled(attempt.id, false).await?;
            return Err(Problem::internal().into());
        }
        Err(Unmade::Provider(fault)) => {
            // The attempt stays: a worker goes on with it, and so does the fan's next try.
            tracing::debug!(payment = %attempt.id, %fault, "no intent yet");
            if fault.spends_key() {
                app.store.new_payment_key(attempt.id).await?;
            }
            app.store.look_again(attempt.id, Some(1_000)).await?;
            let deadline_ms = app.store.booking_head(booking).await?.map_or(0, |row| row.deadline_ms);
            return Err(Refusal::BankSlow { deadline_ms });
        }
    };
    let secret = intent.client_secret.as_deref().ok_or_else(|| {
        tracing::error!(payment = %attempt.id, "the provider's intent has no client secret");
        Problem::internal()
    })?;
    let opened = app.store.payment_opened(attempt.id, &intent.id, secret, app.config.look_ms).await?;
    if opened.is_open() {
        Ok(())
    } else {
        // It ended while the provider was asked: its secret stays with us, and a worker cancels the intent.
        app.nudge.notify_one();
        Err(Refusal::HoldOver)
    }
}

enum Unmade {
    Provider(Fault),
    Store(StoreError),
}

/// Asks for the intent. None if somebody else who asked at the same time, as with a double click, has got it.
async fn create(app: &App, attempt: &PaymentRow) -> Result<Option<Intent>, Unmade> {
    let until = Instant::now() + app.config.pay_timeout();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match app.provider.create(&new_intent(attempt), &key(attempt, "create"), left).await {
            Ok(intent) => return Ok(Some(intent)),
            Err(Fault::InProgress) if !left.is_zero() => {}
            Err(fault) => return Err(Unmade::Provider(fault)),
        }
        tokio::time::sleep(TOGETHER).await;
        let due = app.store.booking(attempt.booking).await.map_err(Unmade::Store)?;
        let newest = due.and_then(|row| row.payment);
        if newest.is_some_and(|payment| payment.id == attempt.id && payment.intent.is_some()) {
            return Ok(None);
        }
    }
}

/// Something that can be an address: who owns it is known when the tickets arrive.
pub fn email(given: &str) -> Result<String, Problem> {
    let given = given.trim();
    let sound = given.len() <= EMAIL_MAX
        && !given.chars().any(|it| it.is_whitespace() || it.is_control() || matches!(it, '<' | '>' | '"' | ',' | ';'))
        && given.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty()
                && user.len() <= 64
                && !host.contains('@')
                && host.split('.').all(|part| !part.is_empty())
                && host.contains('.')
        });
    if sound { Ok(given.to_owned()) } else { Err(Problem::invalid("email: this is no e-mail address")) }
}

#[cfg(test)]
mod tests {
    use super::email;

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for good in ["a@b.example", " Ada.Lovelace+x@mail.example.org ", "ü@exämple.de"] {
            assert!(email(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "@b.c", "a@b", "a@b..c", "a@b.c@d.e", "a b@c.d", "a@b.c\r\nBcc: x@y.z", "<a@b.c>"] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
