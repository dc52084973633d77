//! Refresh tokens: 32 bytes, of which the store keeps the hash. A token's successor is derived from it, so that the same
//! renewal, sent twice because an answer was lost, gives the same session.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

const PREFIX: &str = "ref_";

/// One refresh token.
pub struct RefreshToken([u8; 32]);

impl RefreshToken {
    /// A new one; nothing if the machine gives no random bytes.
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// As it travels.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = B64.decode(text.strip_prefix(PREFIX)?).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// As it travels.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", B64.encode(self.0))
    }

    /// What the store keeps.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &self.0).as_ref());
        hash
    }

    /// The token that replaces this one; only the holder of the server's key can tell it.
    pub fn successor(&self, key: &[u8; 32]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &self.0);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::RefreshToken;

    #[test]
    fn a_token_survives_the_wire_and_has_one_successor_per_key() {
        let token = RefreshToken::random().unwrap();
        let again = RefreshToken::parse(&token.to_text()).unwrap();
        assert_eq!(again.hash(), token.hash());
        assert_eq!(again.successor(&[1; 32]).to_text(), token.successor(&[1; 32]).to_text());
        assert_ne!(again.successor(&[2; 32]).to_text(), token.successor(&[1; 32]).to_text());
        for wrong in ["", "ref_", "ref_AAAA", &token.to_text()[4..], &format!("{}A", token.to_text())] {
            assert!(RefreshToken::parse(wrong).is_none(), "{wrong}");
        }
    }
}
