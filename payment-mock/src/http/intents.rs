//! `/v1/payment_intents`.

use axum::extract::{Path, State};
use axum::response::Response;

use super::App;
use super::call::{Call, Refused};
use super::faults::Verb;
use super::params::Params;
use super::reply;
use crate::desk::{Caller, Op};
use crate::error::ApiError;
use crate::machine::{CaptureMethod, Method, NewIntent};

/// Stripe's largest amount.
const AMOUNT_MAX: i64 = 99_999_999;

/// `POST /v1/payment_intents`
pub async fn create(State(app): State<App>, mut call: Call) -> Result<Response, Refused> {
    let caller = call.merchant(&app)?;
    let (key, params) = (call.key(&caller), &mut call.params);
    let amount = params.need("amount")?;
    let amount = amount.parse().map_err(|_| {
        ApiError::invalid(Some("parameter_invalid_integer"), "amount", format!("Invalid integer: {amount}"))
    })?;
    if !(1..=AMOUNT_MAX).contains(&amount) {
        let code = if amount < 1 { "amount_too_small" } else { "amount_too_large" };
        return Err(ApiError::invalid(Some(code), "amount", "Amount must be between 1 and 99999999.").into());
    }
    let currency = params.need("currency")?.to_ascii_lowercase();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(ApiError::invalid(None, "currency", format!("Invalid currency: {currency}.")).into());
    }
    let capture_method = match params.one_of("capture_method", &["automatic", "automatic_async", "manual"])?.as_deref()
    {
        Some("manual") => CaptureMethod::Manual,
        _ => CaptureMethod::Automatic,
    };
    let new = NewIntent {
        amount,
        currency,
        capture_method,
        metadata: params.metadata()?,
        description: params.take("description"),
        receipt_email: params.take("receipt_email"),
        method: method(params)?,
    };
    let (confirm, return_url) = (params.flag("confirm")?, params.web_address("return_url")?);
    if confirm && new.method.is_none() {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method.";
        return Err(ApiError::invalid(Some("parameter_missing"), "payment_method", message).into());
    }
    call.params.finish()?;
    Ok(app.carry_out(Verb::Create, key, Op::Create { new, confirm, return_url }).await)
}

/// `GET /v1/payment_intents`
pub async fn list(State(app): State<App>, mut call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    let page = call.params.page()?;
    call.params.finish()?;
    let limit = page.limit;
    app.read(async {
        let intents = app.reads.intents(&page.one_more()).await?;
        let data = intents.iter().map(|intent| serde_json::to_string(&intent.view(&app.rules.pay_url)));
        Ok(reply::list(&call.path, data.collect::<Result<_, _>>().map_err(anyhow::Error::from)?, limit))
    })
    .await
}

/// `GET /v1/payment_intents/{id}`, by the merchant or with the client secret.
pub async fn retrieve(State(app): State<App>, Path(id): Path<String>, mut call: Call) -> Result<Response, Refused> {
    let caller = call.anyone(&app)?;
    call.params.finish()?;
    app.read(async {
        let intent = app.reads.intent(&id).await?;
        match (&caller, intent) {
            (Caller::Merchant, Some(intent)) => Ok(reply::object(&intent.view(&app.rules.pay_url))),
            (Caller::Browser(secret), Some(intent)) if intent.opens_to(secret) => {
                Ok(reply::object(&intent.public_view(&app.rules.pay_url)))
            }
            (Caller::Merchant, None) => Err(ApiError::missing("payment_intent", "intent", &id).into()),
            (Caller::Browser(_), _) => Err(ApiError::missing("payment_intent", "client_secret", &id).into()),
        }
    })
    .await
}

/// `POST /v1/payment_intents/{id}/confirm`, by the merchant or with the client secret.
pub async fn confirm(State(app): State<App>, Path(intent): Path<String>, mut call: Call) -> Result<Response, Refused> {
    let caller = call.anyone(&app)?;
    let key = call.key(&caller);
    let (method, return_url) = (method(&mut call.params)?, call.params.web_address("return_url")?);
    call.params.finish()?;
    Ok(app.carry_out(Verb::Confirm, key, Op::Confirm { intent, caller, method, return_url }).await)
}

/// `POST /v1/payment_intents/{id}/capture`
pub async fn capture(State(app): State<App>, Path(intent): Path<String>, mut call: Call) -> Result<Response, Refused> {
    let caller = call.merchant(&app)?;
    let key = call.key(&caller);
    let amount = call.params.integer("amount_to_capture")?;
    call.params.finish()?;
    Ok(app.carry_out(Verb::Capture, key, Op::Capture { intent, amount }).await)
}

/// `POST /v1/payment_intents/{id}/cancel`
pub async fn cancel(State(app): State<App>, Path(intent): Path<String>, mut call: Call) -> Result<Response, Refused> {
    let caller = call.merchant(&app)?;
    let key = call.key(&caller);
    let reasons = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"];
    let reason = call.params.one_of("cancellation_reason", &reasons)?;
    call.params.finish()?;
    Ok(app.carry_out(Verb::Cancel, key, Op::Cancel { intent, reason }).await)
}

fn method(params: &mut Params) -> Result<Option<Method>, ApiError> {
    let Some(name) = params.take("payment_method") else { return Ok(None) };
    let method = Method::named(&name).ok_or_else(|| {
        let missing = ApiError::missing("PaymentMethod", "payment_method", &name);
        // Stripe words it so: a parameter at fault, not a path.
        ApiError { status: 400, ..missing }
    })?;
    Ok(Some(method))
}
