//! Each operation, step by step.

use super::{Caller, Desk, Op, Reply};
use crate::error::ApiError;
use crate::ids;
use crate::machine::Intent;

impl Desk<'_> {
    pub(super) fn try_out(&mut self, op: Op, key: Option<&str>) -> Result<Reply, ApiError> {
        match op {
            Op::Create { new, confirm, return_url } => {
                let id = self.minter.mint("pi", self.now_ms);
                let intent = Intent::new(id.clone(), &ids::secret(), new, self.now_ms);
                self.intents.insert(id.clone(), intent);
                self.changed.insert(id.clone());
                if confirm {
                    return self.confirm(&id, &Caller::Merchant, None, return_url, key);
                }
                Ok(Reply::ok(&self.intents[&id].view(&self.rules.pay_url)))
            }
            Op::Confirm { intent, caller, method, return_url } => {
                self.admit(&intent, &caller)?;
                self.confirm(&intent, &caller, method, return_url, key)
            }
            Op::Challenge { intent, caller, passed } => {
                self.admit(&intent, &caller)?;
                self.moving(&intent, "intent", key, |it, timing, now_ms| it.challenged(passed, timing, now_ms))?;
                Ok(Reply::ok(&self.shown(&self.intents[&intent], &caller)))
            }
            Op::Capture { intent, amount } => {
                self.moving(&intent, "intent", key, |it, _, _| it.capture(amount))?;
                Ok(Reply::ok(&self.intents[&intent].view(&self.rules.pay_url)))
            }
            Op::Cancel { intent, reason } => {
                self.moving(&intent, "intent", key, |it, timing, now_ms| it.cancel(reason, timing, now_ms))?;
                Ok(Reply::ok(&self.intents[&intent].view(&self.rules.pay_url)))
            }
            Op::Refund { intent: id, param, new } => {
                let refund = self.minter.mint("re", self.now_ms);
                let intent =
                    self.intents.get_mut(&id).ok_or_else(|| ApiError::missing("payment_intent", param, &id))?;
                let refund = intent.refund(refund, new, self.now_ms)?;
                let charge = intent.charge_view();
                self.changed.insert(id.clone());
                self.tell(&id, "charge.refunded", &charge, key);
                self.tell(&id, "refund.updated", &refund, key);
                let reply = Reply::ok(&refund);
                self.refunds.push(refund);
                Ok(reply)
            }
            Op::Wake { intent: id } => {
                if let Some(intent) = self.intents.get_mut(&id) {
                    // Even a wake-up that does nothing is saved: it must not come round again.
                    let moved = intent.wake(&self.rules.timing, self.now_ms);
                    self.changed.insert(id.clone());
                    if let Some(told) = moved.and_then(|moved| moved.told) {
                        let view = self.intents[&id].view(&self.rules.pay_url);
                        self.tell(&id, told.event(), &view, None);
                    }
                }
                Ok(Reply::ok(&()))
            }
            Op::Fail => Err(ApiError::internal().kept()),
            Op::Settle(settled) => {
                self.settled.extend(settled);
                Ok(Reply::ok(&()))
            }
            Op::PutEndpoint { url, enabled } => Ok(Reply::ok(&self.put_endpoint(url, enabled).view(true))),
            Op::OwnEndpoint { url, secret } => {
                self.own_endpoint(url, secret);
                Ok(Reply::ok(&()))
            }
            Op::DropEndpoint { id } => {
                let before = self.endpoints.len();
                self.endpoints.retain(|endpoint| endpoint.id != id);
                if self.endpoints.len() == before {
                    return Err(ApiError::missing("webhook endpoint", "id", &id));
                }
                self.endpoints_changed = true;
                Ok(Reply::ok(&serde_json::json!({ "id": id, "object": "webhook_endpoint", "deleted": true })))
            }
        }
    }

    fn confirm(
        &mut self,
        id: &str,
        caller: &Caller,
        method: Option<crate::machine::Method>,
        return_url: Option<String>,
        key: Option<&str>,
    ) -> Result<Reply, ApiError> {
        let (_, moved) =
            self.moving(id, "intent", key, |it, timing, now_ms| it.confirm(method, return_url, timing, now_ms))?;
        let view = self.shown(&self.intents[id], caller);
        Ok(match moved.refused {
            Some(error) => Reply::from(&error.about(view)),
            None => Reply { after_ms: moved.reply_after_ms, ..Reply::ok(&view) },
        })
    }
}
