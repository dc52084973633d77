//! Webhooks: signed as Stripe signs them, at least once, retried for three days.

mod deliver;

use std::fmt::Write as _;

use aws_lc_rs::hmac;

pub use deliver::Deliverer;

/// The `Stripe-Signature` header: HMAC-SHA256 over the time and the exact body.
pub fn signature(secret: &str, at_s: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(at_s.to_string().as_bytes());
    context.update(b".");
    context.update(body.as_bytes());
    let mut header = format!("t={at_s},v1=");
    for byte in context.sign().as_ref() {
        write!(header, "{byte:02x}").expect("text takes any text");
    }
    header
}

/// Sends one webhook and says how it was answered.
pub async fn post(
    client: &reqwest::Client,
    url: &str,
    signature: Option<String>,
    body: String,
) -> Result<u16, reqwest::Error> {
    let mut request = client.post(url).header("content-type", "application/json; charset=utf-8");
    if let Some(signature) = signature {
        request = request.header("stripe-signature", signature);
    }
    Ok(request.body(body).send().await?.status().as_u16())
}
