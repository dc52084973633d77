//! Whether a webhook comes from the provider: `Stripe-Signature: t=…,v1=…`.

use aws_lc_rs::hmac;

/// How old, or how far ahead, a signature may be, in seconds.
const TOLERANCE_S: i64 = 300;
/// Signatures in one header, at most: two while a secret is rotated.
const SIGNATURES_MAX: usize = 8;

/// Why a webhook is not believed. The texts are safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    #[error("the Stripe-Signature header is missing or cannot be read")]
    Unreadable,
    #[error("the signature is too old, or of the future")]
    Stale,
    #[error("no signature fits")]
    Wrong,
}

/// Checks the header against the exact body.
pub fn check(secret: &str, header: Option<&str>, body: &[u8], now_ms: i64) -> Result<(), Forged> {
    // An empty secret would let everybody sign.
    if secret.is_empty() {
        return Err(Forged::Wrong);
    }
    let (mut at_s, mut signatures) = (None, Vec::new());
    for part in header.ok_or(Forged::Unreadable)?.split(',') {
        match part.trim().split_once('=') {
            Some(("t", time)) => at_s = time.parse::<i64>().ok().or(at_s),
            Some(("v1", hex)) if signatures.len() < SIGNATURES_MAX => signatures.extend(unhex(hex)),
            _ => {}
        }
    }
    let at_s = at_s.ok_or(Forged::Unreadable)?;
    if signatures.is_empty() {
        return Err(Forged::Unreadable);
    }
    if now_ms.div_euclid(1_000).abs_diff(at_s) > TOLERANCE_S.unsigned_abs() {
        return Err(Forged::Stale);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [at_s.to_string().as_bytes(), b".", body].concat();
    // The comparison takes as long wherever the first difference is.
    let genuine = signatures.iter().any(|signature| hmac::verify(&key, &signed, signature).is_ok());
    if genuine { Ok(()) } else { Err(Forged::Wrong) }
}

/// 32 bytes from 64 hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_of_this_test";
    const NOW_MS: i64 = 1_700_000_000_000;

    fn sign(secret: &str, at_s: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{at_s}.{body}").as_bytes());
        tag.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    fn judged(header: &str) -> Result<(), Forged> {
        check(SECRET, Some(header), b"{}", NOW_MS)
    }

    #[test]
    fn one_fitting_signature_of_several_is_enough() {
        let now_s = NOW_MS / 1_000;
        let (good, bad) = (sign(SECRET, now_s, "{}"), sign("whsec_old", now_s, "{}"));
        assert_eq!(judged(&format!("t={now_s},v1={good}")), Ok(()));
        assert_eq!(judged(&format!("t={now_s}, v1={bad}, v0=x, v1={good}")), Ok(()));
        assert_eq!(judged(&format!("t={now_s},v1={bad}")), Err(Forged::Wrong));
        assert_eq!(check(SECRET, Some(&format!("t={now_s},v1={good}")), b"{} ", NOW_MS), Err(Forged::Wrong));
        assert_eq!(
            check("", Some(&format!("t={now_s},v1={}", sign("", now_s, "{}"))), b"{}", NOW_MS),
            Err(Forged::Wrong)
        );
    }

    #[test]
    fn old_and_future_signatures_are_refused() {
        for (at_s, expected) in [(-301, Err(Forged::Stale)), (-300, Ok(())), (300, Ok(())), (301, Err(Forged::Stale))] {
            let at_s = NOW_MS / 1_000 + at_s;
            assert_eq!(judged(&format!("t={at_s},v1={}", sign(SECRET, at_s, "{}"))), expected);
        }
    }

    #[test]
    fn nonsense_is_unreadable() {
        assert_eq!(check(SECRET, None, b"{}", NOW_MS), Err(Forged::Unreadable));
        for header in ["", "t=1", "v1=00", "t=x,v1=00", "t=1700000000,v1=é", "t=9223372036854775807,v1="] {
            assert_eq!(judged(header), Err(Forged::Unreadable), "{header}");
        }
    }
}
