//! Booking references: short, read out over the phone, hard to guess.

/// Crockford's base 32: no I, L, O or U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 40 bits: with a million bookings, a new one meets an old one once in a million times, and is then drawn again.
const LENGTH: usize = 8;

/// A new reference, by chance.
pub fn new() -> String {
    let bits: u64 = rand::random();
    (0..LENGTH).map(|at| char::from(LETTERS[(bits >> (5 * at) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn references_are_eight_plain_letters_and_differ() {
        let all: std::collections::HashSet<String> = (0..1_000).map(|_| super::new()).collect();
        assert!(all.len() > 990);
        assert!(all.iter().all(|it| it.len() == 8 && it.bytes().all(|letter| super::LETTERS.contains(&letter))));
    }
}
