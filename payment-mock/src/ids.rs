//! Identifiers: Stripe's prefixes on UUIDv7 bodies, strictly growing.

use rand::RngExt as _;
use uuid::Builder;

/// Makes identifiers whose order is the order in which they were made, so that every list and
/// every index is in time order and `starting_after` needs no second column. Only the writer holds
/// one, and it starts above the newest identifier in the store.
#[derive(Debug)]
pub struct Minter {
    ms: u64,
    count: u16,
}

/// The 12 bits that UUIDv7 leaves for a counter within one millisecond.
const COUNTS_PER_MS: u16 = 0x1000;

impl Minter {
    /// A minter whose identifiers are all above those made up to `floor_ms`.
    pub const fn above(floor_ms: u64) -> Self {
        Self { ms: floor_ms, count: COUNTS_PER_MS }
    }

    /// The next identifier. A clock that stands still or goes back borrows from the future.
    pub fn mint(&mut self, prefix: &str, now_ms: i64) -> String {
        let now = u64::try_from(now_ms).unwrap_or(0);
        if now > self.ms {
            (self.ms, self.count) = (now, 0);
        } else if self.count >= COUNTS_PER_MS {
            (self.ms, self.count) = (self.ms + 1, 0);
        }
        let mut tail: [u8; 10] = rand::rng().random();
        tail[..2].copy_from_slice(&self.count.to_be_bytes());
        self.count += 1;
        format!("{prefix}_{}", Builder::from_unix_timestamp_millis(self.ms, &tail).into_uuid().simple())
    }
}

/// The millisecond in which an identifier was made, if it is one of ours.
pub fn minted_ms(id: &str) -> Option<u64> {
    let (_, body) = id.split_once('_')?;
    u64::from_str_radix(body.get(..12)?, 16).ok()
}

/// 128 unguessable bits in hexadecimal: client secrets, webhook secrets.
pub fn secret() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_grow_even_when_the_clock_goes_back() {
        let mut minter = Minter::above(1_000);
        let made: Vec<String> = (0..20_000).map(|n| minter.mint("pi", 5_000 - n)).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
        assert!(minted_ms(&made[0]) > Some(1_000));
    }
}
