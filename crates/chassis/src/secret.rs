//! Text that must not reach a log, an error or a dump of the settings.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::error::Category;

const SHOWN: &str = "[redacted]";

/// A key, a password or a URL with one in it. Only [`Secret::expose`] gives the text away.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself. Each caller is a place to look at when asking where secrets go.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Why JSON from elsewhere could not be read, without what stood there: serde's own messages quote it, secrets included.
pub fn unreadable_json(fault: &serde_json::Error) -> String {
    let why = match fault.classify() {
        Category::Io => "it broke off".to_owned(),
        Category::Syntax => "no JSON".to_owned(),
        Category::Eof => "it ends too early".to_owned(),
        // The name is one that was looked for, not one that was found.
        Category::Data => Some(fault.to_string())
            .and_then(|text| Some(text.strip_prefix("missing field `")?.split_once('`')?.0.to_owned()))
            .map_or_else(|| "another form than expected".to_owned(), |field| format!("no `{field}`")),
    };
    format!("{why}, line {} column {}", fault.line(), fault.column())
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SHOWN)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asking for text would let the format quote a number that it found instead.
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Takes text only, and keeps what it was given instead out of the error: a secret written as a number is still one.
struct SecretVisitor;

impl serde::de::Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret in quotes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom("a secret is text: put it in quotes"))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom("a secret is text: put it in quotes"))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom("a secret is text: put it in quotes"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, unreadable_json};

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::from("hunter2".to_owned());
        let told = format!("{secret} {secret:?} {secret:#?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!told.contains("hunter2"), "{told}");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_secret_of_the_wrong_type_stays_out_of_the_error() {
        let error = serde_json::from_str::<Secret>("123456").unwrap_err().to_string();
        assert!(!error.contains("123456"), "{error}");
        assert!(error.contains("quotes"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_place_alone() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Answer {
            #[serde(rename = "n")]
            _n: u32,
        }
        let told = |text: &str| unreadable_json(&serde_json::from_str::<Answer>(text).unwrap_err());
        for text in
            [r#"{"n": "hunter2"}"#, r#"{"hunter2": 1}"#, r#"["hunter2"]"#, "hunter2", r#"{"n": 1, "a": "hunter2"#]
        {
            let told = told(text);
            assert!(!told.contains("hunter") && told.contains("line 1"), "{told}");
        }
        assert_eq!(told("{}"), "no `n`, line 1 column 2");
    }

    #[test]
    fn a_secret_is_read_from_text() {
        assert_eq!(serde_json::from_str::<Secret>("\"a b\"").unwrap().expose(), "a b");
    }
}
