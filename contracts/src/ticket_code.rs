//! The code on a ticket: `ver(1) key(1) event(16) ticket(16) seat(4) signature(64)`, base64url without padding.
//!
//! The signature is Ed25519 over `"usher ticket 1"` and the first 38 bytes. All fields have a fixed size and big-endian
//! order. A scanner with the public key can tell a genuine code without a network. It cannot tell a second scan, nor a ticket that
//! was refunded or taken back: the code of such a one stays genuine.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use uuid::Uuid;

use crate::papers::derive;

const CONTEXT: &[u8] = b"usher ticket 1";
const BODY: usize = 38;
const SIGNATURE: usize = 64;

/// What a genuine code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketClaim {
    /// The event.
    pub event: Uuid,
    /// The ticket.
    pub ticket: Uuid,
    /// The seat's ordinal.
    pub seat: u32,
}

/// Signs ticket codes.
pub struct TicketSigner {
    pair: Ed25519KeyPair,
    key_id: u8,
}

impl std::fmt::Debug for TicketSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketSigner").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl TicketSigner {
    /// From the installation's secret.
    ///
    /// # Panics
    /// Never: any 32 bytes are an Ed25519 seed.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&derive(secret, "usher ticket 1")).expect("32 bytes are a seed");
        Self { pair, key_id: derive(secret, "usher key id")[0] }
    }

    /// The public key that verifies this signer's codes.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// The code for a ticket.
    #[must_use]
    pub fn code(&self, claim: &TicketClaim) -> String {
        let mut bytes = Vec::with_capacity(BODY + SIGNATURE);
        bytes.extend([1, self.key_id]);
        bytes.extend(claim.event.as_bytes());
        bytes.extend(claim.ticket.as_bytes());
        bytes.extend(claim.seat.to_be_bytes());
        let signature = self.pair.sign(&[CONTEXT, &bytes].concat());
        bytes.extend(signature.as_ref());
        B64.encode(bytes)
    }
}

/// What the code says, if `public_key` signed it.
#[must_use]
pub fn verify(public_key: &[u8], code: &str) -> Option<TicketClaim> {
    let bytes = B64.decode(code).ok().filter(|b| b.len() == BODY + SIGNATURE && b[0] == 1)?;
    let (body, signature) = bytes.split_at(BODY);
    UnparsedPublicKey::new(&ED25519, public_key).verify(&[CONTEXT, body].concat(), signature).ok()?;
    Some(TicketClaim {
        event: Uuid::from_slice(&body[2..18]).ok()?,
        ticket: Uuid::from_slice(&body[18..34]).ok()?,
        seat: u32::from_be_bytes(body[34..38].try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_verifies_and_any_change_is_noticed() {
        let signer = TicketSigner::new("a secret of more than thirty-two bytes!!");
        let claim = TicketClaim { event: Uuid::from_u128(1), ticket: Uuid::from_u128(2), seat: 3 };
        let code = signer.code(&claim);
        assert_eq!(verify(&signer.public_key(), &code), Some(claim));
        let other = TicketSigner::new("another secret of more than thirty-two bytes");
        assert_eq!(verify(&other.public_key(), &code), None);
        let mut changed = B64.decode(&code).unwrap();
        changed[37] ^= 1;
        assert_eq!(verify(&signer.public_key(), &B64.encode(changed)), None);
    }
}
