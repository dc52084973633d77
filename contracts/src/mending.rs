//! Finding and mending a single place: the support code a fan can read out, and what an operator sees and does with it.
//!
//! A support code is the last 40 bits of the place's identifier, which are random, in Crockford's base32, and a check
//! character after Luhn's algorithm modulo 32: `K3M9-7QXA-D`. It names a place to an operator and opens nothing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::PlaceStep;
use crate::ids::PlaceId;

/// Crockford's base32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHARS: usize = 8;

/// Why a text is no support code. The texts are safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// Of another form.
    #[error("a support code has nine letters and digits, such as K3M9-7QXA-D")]
    Form,
    /// A character was misheard or mistyped.
    #[error("the support code's last character does not fit the others: one of them is wrong")]
    Check,
}

/// The last 40 bits of a place's identifier, as ten hexadecimal digits.
#[must_use]
pub fn tail_of(place: Uuid) -> String {
    place.simple().to_string().split_off(22)
}

/// The code of a place.
#[must_use]
pub fn support_code(place: PlaceId) -> String {
    let bits = place.0.as_u128() & 0xff_ffff_ffff;
    let mut digits = [0; CHARS];
    for (nth, digit) in digits.iter_mut().rev().enumerate() {
        *digit = (bits >> (5 * nth)) as u8 & 31;
    }
    let check = (32 - luhn(digits) % 32) % 32;
    let letters: String = digits.iter().map(|digit| char::from(ALPHABET[usize::from(*digit)])).collect();
    format!("{}-{}-{}", &letters[..4], &letters[4..], char::from(ALPHABET[check as usize]))
}

/// Every second digit from the right is doubled, and its two base-32 digits added.
fn luhn(digits: [u8; CHARS]) -> u32 {
    let doubled = |digit: u8| u32::from(digit) * 2 / 32 + u32::from(digit) * 2 % 32;
    let each = digits.iter().rev().enumerate();
    each.map(|(nth, digit)| if nth % 2 == 0 { doubled(*digit) } else { u32::from(*digit) }).sum()
}

/// The end of the place's identifier that a code names, as ten hexadecimal digits. Case, hyphens and blanks do not matter; O
/// is read as 0, I and L as 1.
///
/// # Errors
/// When it is none, or its check character does not fit.
pub fn parse_code(code: &str) -> Result<String, CodeFault> {
    let mut read = Vec::with_capacity(CHARS + 1);
    for letter in code.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter => letter,
        };
        let digit = ALPHABET.iter().position(|known| char::from(*known) == letter).ok_or(CodeFault::Form)?;
        read.push(digit as u8);
        if read.len() > CHARS + 1 {
            return Err(CodeFault::Form);
        }
    }
    let (check, digits) = read.split_last().ok_or(CodeFault::Form)?;
    let digits: [u8; CHARS] = digits.try_into().map_err(|_| CodeFault::Form)?;
    if !(luhn(digits) + u32::from(*check)).is_multiple_of(32) {
        return Err(CodeFault::Check);
    }
    let bits = digits.iter().fold(0_u64, |bits, digit| bits << 5 | u64::from(*digit));
    Ok(format!("{bits:010x}"))
}

/// `GET /v1/sales/{sale}/places/by-code/{code}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundPlaces {
    /// The places of this sale that have this code: one, but for a very rare coincidence.
    pub places: Vec<FoundPlace>,
}

/// A place as an operator sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundPlace {
    /// The place.
    pub place_id: PlaceId,
    /// Its support code.
    pub support_code: String,
    /// Its entry.
    pub entry: i64,
    /// 0 at the head of the line, 10 for everybody not invited.
    pub class: u8,
    /// Tickets wanted.
    pub party: u8,
    /// Its number in the line, once that is settled: the draw's, or the entry where none was drawn for it.
    pub number: i64,
    /// Why it goes first, or what its code is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// `waiting`, `skipped`, `standing`, `holding`, or how it ended.
    pub state: String,
    /// When it joined, in milliseconds since 1970.
    pub joined_at_ms: i64,
    /// What happened to it, as its fan is told it too, and who did it: oldest first, of each kind the newest 20.
    pub steps: Vec<PlaceStep>,
}

/// `POST /v1/sales/{sale}/places/{place}/remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovePlace {
    /// Why, for the audit log and for the fan; 1 to 500 characters.
    pub reason: String,
}

/// `POST /v1/sales/{sale}/places/{place}/put-back`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutBack {
    /// Why, for the audit log and for the fan; 1 to 500 characters.
    pub reason: String,
    /// Where to.
    #[serde(default)]
    pub to: PutTo,
}

/// `POST /v1/sales/{sale}/places/insert`: a place for a fan who has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InsertPlace {
    /// The address of the fan's account; capitals do not matter.
    pub email: String,
    /// How many tickets: 1 to 8, and no more than the sale allows. The fan may change it until the place is let in.
    #[serde(default = "one")]
    pub party: u8,
    /// Where to.
    #[serde(default)]
    pub to: InsertTo,
    /// Why, for the audit log and for the fan; 1 to 500 characters.
    pub reason: String,
}

const fn one() -> u8 {
    1
}

/// Where a new place goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InsertTo {
    /// Behind everybody, as a join.
    #[default]
    Back,
    /// The head of the line: before everybody but those put there with smaller numbers.
    Front,
}

/// The place that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InsertedPlace {
    /// The place.
    pub place_id: PlaceId,
    /// Its support code.
    pub support_code: String,
    /// Its entry.
    pub entry: i64,
}

/// Where a place is put back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PutTo {
    /// Where its class and number were.
    #[default]
    OwnPlace,
    /// The head of the line: before everybody but those put there with smaller numbers.
    Front,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_leads_back_to_its_place_however_it_is_read_out() {
        let place = PlaceId(Uuid::from_u128(0x019a_7c2e_5f3b_7c1d_8e9f_0a1b_2c3d_4e5f));
        let code = support_code(place);
        assert_eq!(code, "3CP3-TKJZ-Q");
        assert_eq!(parse_code(&code).unwrap(), tail_of(place.0));
        assert_eq!(tail_of(place.0), "1b2c3d4e5f");
        assert_eq!(parse_code(&code.to_lowercase().replace('-', " ")).unwrap(), tail_of(place.0));
        assert_eq!(parse_code("0000-0000-O").unwrap(), "0000000000");
    }

    #[test]
    fn every_single_misheard_character_and_neighbours_swapped_are_noticed() {
        for seed in 1..200_u128 {
            let code = support_code(PlaceId(Uuid::from_u128(seed * 0x9e37_79b9_7f4a_7c15))).replace('-', "");
            for at in 0..code.len() {
                for other in ALPHABET.iter().map(|letter| char::from(*letter)) {
                    let mut wrong: Vec<char> = code.chars().collect();
                    if std::mem::replace(&mut wrong[at], other) != other {
                        assert_eq!(parse_code(&wrong.iter().collect::<String>()), Err(CodeFault::Check), "{code}");
                    }
                }
            }
            for at in 1..code.len() {
                let mut wrong: Vec<char> = code.chars().collect();
                wrong.swap(at - 1, at);
                let blind = [('0', 'Z'), ('Z', '0')].contains(&(wrong[at - 1], wrong[at]));
                if wrong[at - 1] != wrong[at] && !blind {
                    assert_eq!(parse_code(&wrong.iter().collect::<String>()), Err(CodeFault::Check), "{code}");
                }
            }
        }
        for none in ["", "K3M9", "K3M9-7QXA-DD", "K3M9-7QXA-?", "K3M9-7QXU-D"] {
            assert_eq!(parse_code(none), Err(CodeFault::Form), "{none:?}");
        }
    }
}
