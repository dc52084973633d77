//! What the provider sends, checked before anybody believes it.

use chassis::secret::unreadable_json;
use serde::Deserialize;

use super::{Fault, Intent, Refund, RefundStatus, Status};

/// The longest identifier or secret taken from outside.
const TEXT_MAX: usize = 255;
/// The longest reason kept.
const REASON_MAX: usize = 300;

#[derive(Deserialize)]
struct IntentBody {
    id: String,
    object: String,
    client_secret: Option<String>,
    status: String,
    amount: i64,
    #[serde(default)]
    amount_received: i64,
    currency: String,
    last_payment_error: Option<ErrorBody>,
}

#[derive(Deserialize)]
struct RefundBody {
    id: String,
    object: String,
    status: String,
}

#[derive(Deserialize)]
struct ErrorAround {
    error: ErrorBody,
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default, rename = "type")]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    #[serde(default)]
    message: String,
}

fn unreadable(what: &str) -> Fault {
    Fault::Away { why: format!("its answer cannot be understood: {what}"), answered: false }
}

/// An identifier such as `pi_1abc`: what is put into addresses and compared later.
pub fn is_id(text: &str, prefix: &str) -> bool {
    text.len() <= TEXT_MAX
        && text
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

pub fn intent(bytes: &[u8]) -> Result<Intent, Fault> {
    let body: IntentBody = serde_json::from_slice(bytes).map_err(|fault| unreadable(&unreadable_json(&fault)))?;
    let (status, processing) = match body.status.as_str() {
        "requires_payment_method" | "requires_confirmation" => (Status::NeedsCard, false),
        "requires_action" => (Status::UnderWay, false),
        "processing" => (Status::UnderWay, true),
        "requires_capture" => (Status::Authorised, false),
        "succeeded" => (Status::Captured, false),
        "canceled" => (Status::Cancelled, false),
        other => return Err(unreadable(&format!("status {:?}", shorten(other, 40)))),
    };
    let sound = body.object == "payment_intent"
        && is_id(&body.id, "pi_")
        && body.amount >= 0
        && (0..=body.amount).contains(&body.amount_received)
        && body.currency.len() == 3
        && body.client_secret.as_ref().is_none_or(|secret| !secret.is_empty() && secret.len() <= TEXT_MAX);
    if !sound {
        return Err(unreadable("no sound payment intent"));
    }
    Ok(Intent {
        id: body.id,
        client_secret: body.client_secret,
        status,
        processing,
        amount_minor: body.amount,
        received_minor: body.amount_received,
        currency: body.currency,
        decline: body.last_payment_error.map(|error| error.reason()),
    })
}

pub fn refund(bytes: &[u8]) -> Result<Refund, Fault> {
    let body: RefundBody = serde_json::from_slice(bytes).map_err(|fault| unreadable(&unreadable_json(&fault)))?;
    let status = match body.status.as_str() {
        "pending" | "requires_action" => RefundStatus::Pending,
        "succeeded" => RefundStatus::Succeeded,
        "failed" | "canceled" => RefundStatus::Failed,
        other => return Err(unreadable(&format!("refund status {:?}", shorten(other, 40)))),
    };
    if body.object != "refund" || !is_id(&body.id, "re_") {
        return Err(unreadable("no sound refund"));
    }
    Ok(Refund { id: body.id, status })
}

/// An answer that is not a success, by its status.
pub fn fault(status: u16, retry_after_s: Option<u64>, bytes: &[u8]) -> Fault {
    let error = serde_json::from_slice::<ErrorAround>(bytes).map(|around| around.error).unwrap_or_default();
    match status {
        // Our key is refused: nothing is known of the payment, and nothing may be concluded.
        401 | 403 => Fault::Away { why: format!("it does not accept our key ({status})"), answered: false },
        404 => Fault::NotFound,
        409 => Fault::InProgress,
        429 => Fault::RateLimited { retry_after: retry_after_s.map(std::time::Duration::from_secs) },
        400..=499 if error.kind == "card_error" || status == 402 => {
            Fault::Declined { code: error.code(), message: shorten(&error.message, REASON_MAX) }
        }
        400..=499 => Fault::Refused { code: error.code(), message: shorten(&error.message, REASON_MAX) },
        _ => Fault::Away { why: format!("it answered {status}"), answered: status >= 500 },
    }
}

impl ErrorBody {
    fn code(&self) -> String {
        let code = self.decline_code.as_deref().or(self.code.as_deref()).unwrap_or("unknown");
        shorten(code, 100)
    }

    /// For people and programs: `insufficient_funds: Your card has insufficient funds.`
    fn reason(&self) -> String {
        shorten(&format!("{}: {}", self.code(), self.message), REASON_MAX)
    }
}

fn shorten(text: &str, most: usize) -> String {
    text.chars().filter(|it| !it.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut body = json!({
            "id": "pi_1", "object": "payment_intent", "client_secret": "pi_1_secret_2", "status": "requires_capture",
            "amount": 500, "amount_received": 0, "currency": "eur", "last_payment_error": null,
        });
        change(&mut body);
        body.to_string().into_bytes()
    }

    #[test]
    fn an_intent_is_read_and_shows_no_secret() {
        let read = intent(&body(|_| ())).unwrap();
        assert_eq!((read.status, read.amount_minor), (Status::Authorised, 500));
        assert!(!format!("{read:?}").contains("secret"));
        let declined = intent(&body(|it| {
            it["last_payment_error"] =
                json!({"type": "card_error", "code": "card_declined", "decline_code": "lost", "message": "No."});
        }));
        assert_eq!(declined.unwrap().decline.as_deref(), Some("lost: No."));
    }

    #[test]
    fn an_answer_of_another_form_shows_no_secret() {
        let wrong = intent(&body(|it| it["amount"] = it["client_secret"].clone())).unwrap_err().to_string();
        assert!(wrong.contains("another form") && !wrong.contains("pi_1_secret_2"), "{wrong}");
    }

    #[test]
    fn nonsense_is_an_unknown_outcome() {
        let changes: [fn(&mut Value); 6] = [
            |it| it["status"] = json!("exploded"),
            |it| it["amount"] = json!(-1),
            |it| it["amount_received"] = json!(501),
            |it| it["id"] = json!("../refunds"),
            |it| it["object"] = json!("charge"),
            |it| it["currency"] = json!("euro"),
        ];
        for change in changes {
            assert!(intent(&body(change)).is_err_and(|fault| fault.is_away() && !fault.spends_key()));
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let card = json!({"error": {"type": "card_error", "code": "card_declined", "message": "No."}}).to_string();
        assert!(matches!(fault(402, None, card.as_bytes()), Fault::Declined { code, .. } if code == "card_declined"));
        assert!(matches!(fault(400, None, b"{}"), Fault::Refused { code, .. } if code == "unknown"));
        assert_eq!(fault(404, None, b""), Fault::NotFound);
        assert_eq!(fault(409, None, b""), Fault::InProgress);
        assert!(fault(500, None, b"<html>").spends_key());
        assert!(fault(401, None, b"").is_away() && !fault(401, None, b"").spends_key());
    }
}
