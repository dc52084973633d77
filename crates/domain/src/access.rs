//! Access codes as people type them: one normal form for all ways of writing the same code.

/// Letters and digits of codes that we make: Crockford's base 32, without the letters that look like others.
pub const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a normal form, at least: shorter ones are found by trying.
pub const LENGTH_MIN: usize = 6;
/// Characters of a normal form, at most.
pub const LENGTH_MAX: usize = 64;

/// The normal form of a code: capital letters and digits, with `O` as `0`, `I` and `L` as `1`, without spaces, dashes, dots and
/// underscores. Nothing where it has other characters or not 6 to 64 of these.
#[must_use]
pub fn normal_code(typed: &str) -> Option<String> {
    let mut normal = String::with_capacity(typed.len().min(LENGTH_MAX));
    for letter in typed.trim().chars() {
        let letter = match letter.to_ascii_uppercase() {
            ' ' | '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{a0}' => continue,
            'O' => '0',
            'I' | 'L' => '1',
            letter if letter.is_ascii_alphanumeric() => letter,
            _ => return None,
        };
        if normal.len() == LENGTH_MAX {
            return None;
        }
        normal.push(letter);
    }
    (normal.len() >= LENGTH_MIN).then_some(normal)
}

/// A code of these random bytes, in groups of four: five bits of each byte count.
#[must_use]
pub fn code_of(random: &[u8]) -> String {
    let mut code = String::with_capacity(random.len() + random.len() / 4);
    for (nth, byte) in random.iter().enumerate() {
        if nth > 0 && nth % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    code
}

/// What may be shown of a normal form, so that its owners tell codes apart: the first four characters, or two of a short one.
#[must_use]
pub fn visible_prefix(normal: &str) -> &str {
    let shown = if normal.len() >= 10 { 4 } else { 2 };
    normal.get(..shown).unwrap_or(normal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ways_of_writing_a_code_are_one() {
        for typed in ["B0LD-1CE-2026", " bold ice 2026 ", "b0ld_lce.2o26", "BOLD\u{2013}ICE\u{a0}2026"] {
            assert_eq!(normal_code(typed).as_deref(), Some("B01D1CE2026"), "{typed}");
        }
        for wrong in ["", "ABCDE", "A-B-C-D-E", "ABCDEF\u{e9}", "ABC'DEF", "ABCDEF\n1;", &"A".repeat(65)] {
            assert_eq!(normal_code(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        /// A code we made survives being read out and typed: small letters, other gaps, letters that look alike.
        #[test]
        fn made_codes_survive_people(random in prop::collection::vec(any::<u8>(), 6..40), small in any::<bool>(), gap in "[ _.-]?") {
            let code = code_of(&random);
            let normal = normal_code(&code).unwrap();
            prop_assert_eq!(normal.len(), random.len());
            prop_assert!(normal.bytes().all(|letter| ALPHABET.contains(&letter)));
            let mut typed = code.replace('-', &gap).replace('0', "o").replace('1', "L");
            if small {
                typed = typed.to_lowercase();
            }
            prop_assert_eq!(normal_code(&typed), Some(normal.clone()));
            prop_assert_eq!(normal_code(&normal), Some(normal.clone()));
            prop_assert!(visible_prefix(&normal).len() <= normal.len() - 4);
        }
    }
}
