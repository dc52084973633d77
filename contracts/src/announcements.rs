//! What an operator tells everybody in a sale's line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Languages of one announcement, at most.
pub const LANGUAGES_MAX: usize = 12;
/// Characters of one text, at most.
pub const TEXT_MAX: usize = 400;

/// `POST /v1/sales/{sale}/admission/announcement`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Announce {
    /// Plain texts of 1 to 400 characters by language tag (`en`, `de`, `pt-BR`), 1 to 12 of them.
    pub texts: BTreeMap<String, String>,
}

impl Announce {
    /// What is wrong with it, one line each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(1..=LANGUAGES_MAX).contains(&self.texts.len()) {
            faults.push(format!("texts: must be 1 to {LANGUAGES_MAX}, by language"));
        }
        for (language, text) in &self.texts {
            if !is_language(language) {
                faults.push(format!("texts: {language:?} is no language tag; write for example en, de or pt-BR"));
            }
            let blank = text.trim().is_empty() || text.chars().count() > TEXT_MAX;
            if blank || text.chars().any(|c| c.is_control() && c != '\n') {
                faults.push(format!("texts.{language}: must be plain text of 1 to {TEXT_MAX} characters"));
            }
        }
        faults
    }
}

/// An announcement in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Announcement {
    /// Since when, in milliseconds since 1970; also tells announcements of a sale apart.
    pub at_ms: i64,
    /// Plain texts by language tag. Left out where this page was told them before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, String>,
}

/// A primary language of two or three small letters, and at most three parts of two to eight letters or digits behind it.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_lowercase())
        && tag.split('-').count() <= 4
        && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_texts_and_tags_are_named() {
        let faults = |texts: &[(&str, &str)]| {
            let texts = texts.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned())).collect();
            Announce { texts }.faults().len()
        };
        assert_eq!(faults(&[("en", "Doors open late.\nSorry."), ("pt-BR", "Já"), ("zh-Hant-TW", "好")]), 0);
        assert_eq!(faults(&[]), 1);
        assert_eq!(faults(&[("en", " "), ("de", &"x".repeat(401)), ("fr", "a\u{7}")]), 3);
        assert_eq!(faults(&[("EN", "a"), ("e", "a"), ("en-", "a"), ("en_GB", "a")]), 4);
    }
}
