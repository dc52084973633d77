//! The draw's secret, what is published of it beforehand, and the seed that it makes with the roster and the beacon.

use std::fmt;

use super::hash::{hmac_sha256, sha256};

/// Stands before the secret in its commitment, so that this hash is no other hash.
const COMMITMENT: &[u8] = b"usher-draw-commitment/1\n";

/// 32 random bytes, unknown to all until the draw is published.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// What is published of a secret before the lobby fills: `SHA-256("usher-draw-commitment/1\n" ‖ secret)`.
pub fn commitment(secret: &Secret) -> [u8; 32] {
    sha256(&[COMMITMENT, &secret.0])
}

/// The seed of a draw: `HMAC-SHA256(secret, root ‖ size ‖ randomness)`.
///
/// `root` is the roster's Merkle root, `size` its entries (8 bytes, big-endian), `randomness` the beacon's 32 bytes; a draw
/// without a beacon has none.
pub fn seed(secret: &Secret, root: &[u8; 32], size: u64, randomness: Option<&[u8; 32]>) -> [u8; 32] {
    hmac_sha256(&secret.0, &[root, &size.to_be_bytes(), randomness.map_or(&[], |bytes| bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Hex;

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", Secret([7; 32])), "Secret([redacted])");
    }

    #[test]
    fn everything_that_goes_in_changes_the_seed() {
        let root = [1; 32];
        let seeds = [
            seed(&Secret([0; 32]), &root, 5, None),
            seed(&Secret([1; 32]), &root, 5, None),
            seed(&Secret([0; 32]), &[2; 32], 5, None),
            seed(&Secret([0; 32]), &root, 6, None),
            seed(&Secret([0; 32]), &root, 5, Some(&[0; 32])),
            seed(&Secret([0; 32]), &root, 5, Some(&[1; 32])),
        ];
        for (nth, one) in seeds.iter().enumerate() {
            assert!(seeds.iter().skip(nth + 1).all(|other| other != one));
        }
    }

    // Computed with Python's hashlib and hmac.
    #[test]
    fn commitment_and_seed_are_the_documented_ones() {
        let secret = Secret(std::array::from_fn(|nth| nth as u8));
        assert_eq!(
            Hex(commitment(&secret)).to_string(),
            "2e4e02359bea5ae3eb097855d23af2881993d06d56d30fbe90722163b0225491"
        );
        let root = [0xab; 32];
        assert_eq!(
            Hex(seed(&secret, &root, 1_000_000, Some(&[0xcd; 32]))).to_string(),
            "7359f2e9ac5f4f7a22b430f8acce4f7e3385d98b4d4ba3c091973ee188bd7808"
        );
        assert_eq!(
            Hex(seed(&secret, &root, 1_000_000, None)).to_string(),
            "542a73e5b7065b7a38c573d44bf48074240f54fb667773d1ea822fcc69d44a3a"
        );
    }
}
