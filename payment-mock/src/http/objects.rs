//! `/v1/refunds`, `/v1/events`, `/v1/charges`, `/v1/webhook_endpoints`.

use axum::extract::{Path, State};
use axum::response::Response;

use super::App;
use super::call::{Call, Refused};
use super::faults::Verb;
use super::reply;
use crate::desk::Op;
use crate::error::ApiError;
use crate::machine::{Intent, NewRefund};

/// `POST /v1/refunds`
pub async fn refund(State(app): State<App>, mut call: Call) -> Result<Response, Refused> {
    let caller = call.merchant(&app)?;
    let (key, params) = (call.key(&caller), &mut call.params);
    let (intent, param) = match (params.take("payment_intent"), params.take("charge")) {
        (Some(intent), None) => (intent, "payment_intent"),
        (None, Some(charge)) => {
            let intent = Intent::of_charge(&charge).ok_or_else(|| ApiError::missing("charge", "charge", &charge))?;
            (intent, "charge")
        }
        _ => {
            let message = "Exactly one of payment_intent and charge is needed.";
            return Err(ApiError::invalid(Some("parameter_missing"), "payment_intent", message).into());
        }
    };
    let reason = params.one_of("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let new = NewRefund { amount: params.integer("amount")?, reason, metadata: params.metadata()? };
    call.params.finish()?;
    Ok(app.carry_out(Verb::Refund, key, Op::Refund { intent, param, new }).await)
}

/// `GET /v1/refunds/{id}`
pub async fn one_refund(State(app): State<App>, Path(id): Path<String>, call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    call.params.finish()?;
    app.read(async {
        let refund = app.reads.refund(&id).await?.ok_or_else(|| ApiError::missing("refund", "refund", &id))?;
        Ok(reply::json(200, refund))
    })
    .await
}

/// `GET /v1/refunds`
pub async fn refunds(State(app): State<App>, mut call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    let (page, intent) = (call.params.page()?, call.params.take("payment_intent"));
    call.params.finish()?;
    app.read(async {
        let refunds = app.reads.refunds(intent.as_deref(), &page.one_more()).await?;
        Ok(reply::list(&call.path, refunds, page.limit))
    })
    .await
}

/// `GET /v1/charges/{id}`: the last charge of an intent.
pub async fn charge(State(app): State<App>, Path(id): Path<String>, call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    call.params.finish()?;
    app.read(async {
        let intent = match Intent::of_charge(&id) {
            Some(intent) => app.reads.intent(&intent).await?,
            None => None,
        };
        let charge = intent.and_then(|intent| intent.charge_view()).filter(|charge| charge.id == id);
        Ok(reply::object(&charge.ok_or_else(|| ApiError::missing("charge", "charge", &id))?))
    })
    .await
}

/// `GET /v1/events/{id}`
pub async fn one_event(State(app): State<App>, Path(id): Path<String>, call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    call.params.finish()?;
    let event = app.reads.event(&id).await?.ok_or_else(|| ApiError::missing("event", "id", &id))?;
    Ok(reply::json(200, event))
}

/// `GET /v1/events`
pub async fn events(State(app): State<App>, mut call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    let (page, kind) = (call.params.page()?, call.params.take("type"));
    call.params.finish()?;
    let events = app.reads.events(kind.as_deref(), &page.one_more()).await?;
    Ok(reply::list(&call.path, events, page.limit))
}

/// `POST /v1/webhook_endpoints`
pub async fn add_endpoint(State(app): State<App>, mut call: Call) -> Result<Response, Refused> {
    let caller = call.merchant(&app)?;
    let (key, params) = (call.key(&caller), &mut call.params);
    let url = params
        .web_address("url")?
        .ok_or_else(|| ApiError::invalid(Some("parameter_missing"), "url", "Missing required param: url."))?;
    let enabled = params.list("enabled_events");
    if enabled.is_empty() {
        let message = "Missing required param: enabled_events.";
        return Err(ApiError::invalid(Some("parameter_missing"), "enabled_events", message).into());
    }
    call.params.finish()?;
    Ok(app.carry_out(Verb::Any, key, Op::PutEndpoint { url, enabled }).await)
}

/// `GET /v1/webhook_endpoints`
pub async fn endpoints(State(app): State<App>, call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    call.params.finish()?;
    let endpoints = app.endpoints.read().expect("nobody panics while holding it").clone();
    let data = endpoints.iter().map(|endpoint| endpoint.view(false).to_string()).collect();
    Ok(reply::list(&call.path, data, i64::MAX))
}

/// `DELETE /v1/webhook_endpoints/{id}`
pub async fn drop_endpoint(State(app): State<App>, Path(id): Path<String>, call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    call.params.finish()?;
    Ok(reply::told(app.ledger.ask(Op::DropEndpoint { id }, None).await))
}
