//! Stripe's forms: `amount=500&metadata[order]=42&enabled_events[]=*`.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};

use crate::error::ApiError;
use crate::store::Page;

/// Parameters that real clients send and that change nothing here.
const IGNORED: [&str; 5] = ["automatic_payment_methods", "expand", "key", "payment_method_types", "use_stripe_sdk"];

/// The parameters of one request. Each is taken once; what is left over at the end is an error, as
/// with Stripe, so that a misspelt parameter does not go unnoticed.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a form or a query.
    pub fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// A fingerprint of path and parameters, whatever their order.
    pub fn fingerprint(&self, path: &str) -> String {
        let mut pairs: Vec<&(String, String)> = self.0.iter().collect();
        pairs.sort();
        let mut hash = Context::new(&SHA256);
        hash.update(path.as_bytes());
        for (name, value) in pairs {
            for part in [name, value] {
                // Lengths keep `a=bc` apart from `ab=c`.
                hash.update(&(part.len() as u64).to_be_bytes());
                hash.update(part.as_bytes());
            }
        }
        hash.finish().as_ref().iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
    }

    /// A parameter; an empty one counts as not given.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub fn need(&mut self, name: &str) -> Result<String, ApiError> {
        self.take(name).ok_or_else(|| {
            ApiError::invalid(Some("parameter_missing"), name, format!("Missing required param: {name}."))
        })
    }

    /// A whole number.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let parsed = text.parse().map_err(|_| {
            ApiError::invalid(Some("parameter_invalid_integer"), name, format!("Invalid integer: {text}"))
        });
        parsed.map(Some)
    }

    /// One of a few words.
    pub fn one_of(&mut self, name: &str, allowed: &[&str]) -> Result<Option<String>, ApiError> {
        let Some(word) = self.take(name) else { return Ok(None) };
        if allowed.contains(&word.as_str()) {
            return Ok(Some(word));
        }
        let message = format!("Invalid {name}: must be one of {}", allowed.join(", "));
        Err(ApiError::invalid(Some("parameter_invalid"), name, message))
    }

    /// Yes or no.
    pub fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        Ok(self.one_of(name, &["true", "false"])?.as_deref() == Some("true"))
    }

    /// `metadata[key]=value`, within Stripe's limits.
    pub fn metadata(&mut self) -> Result<BTreeMap<String, String>, ApiError> {
        let mut metadata = BTreeMap::new();
        self.0.retain(|(name, value)| {
            let key = name.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']'));
            if let Some(key) = key {
                metadata.insert(key.to_owned(), value.clone());
            }
            key.is_none()
        });
        let fits = |(key, value): (&String, &String)| key.chars().count() <= 40 && value.chars().count() <= 500;
        if metadata.len() > 50 || !metadata.iter().all(fits) {
            let message = "Metadata can have 50 keys of 40 characters with values of 500 characters.";
            return Err(ApiError::invalid(Some("parameter_invalid"), "metadata", message));
        }
        Ok(metadata)
    }

    /// `name[]=a&name[]=b`, with or without numbers in the brackets.
    pub fn list(&mut self, list: &str) -> Vec<String> {
        let mut values = Vec::new();
        self.0.retain(|(name, value)| {
            let inside = name.strip_prefix(list).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            let ours = inside.is_some_and(|inside| inside.bytes().all(|byte| byte.is_ascii_digit()));
            if ours {
                values.push(value.clone());
            }
            !ours
        });
        values
    }

    /// A page of a list.
    pub fn page(&mut self) -> Result<Page, ApiError> {
        let limit = self.integer("limit")?.unwrap_or(10);
        if !(1..=100).contains(&limit) {
            let message = "This value must be between 1 and 100.";
            return Err(ApiError::invalid(Some("parameter_invalid_integer"), "limit", message));
        }
        Ok(Page {
            limit,
            starting_after: self.take("starting_after"),
            created_gte: self.integer("created[gte]")?,
            created_lt: self.integer("created[lt]")?,
        })
    }

    /// An address that a browser may be sent to: `http` or `https`, nothing that runs.
    pub fn web_address(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let Some(text) = self.take(name) else { return Ok(None) };
        match reqwest::Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text)),
            _ => Err(ApiError::invalid(Some("url_invalid"), name, "Not a valid URL.")),
        }
    }

    /// Refuses what nobody asked for.
    pub fn finish(self) -> Result<(), ApiError> {
        let unknown = self.0.iter().map(|(name, _)| name.split('[').next().unwrap_or(name));
        match unknown.into_iter().find(|name| !IGNORED.contains(name)) {
            None => Ok(()),
            Some(name) => {
                Err(ApiError::invalid(Some("parameter_unknown"), name, format!("Received unknown parameter: {name}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_brackets_and_refuses_leftovers() {
        let mut params = Params::read(b"amount=500&metadata[a+b]=1%202&events[]=x&events[1]=y&expand[]=z&empty=");
        assert_eq!(params.integer("amount").unwrap(), Some(500));
        assert_eq!(params.metadata().unwrap()["a b"], "1 2");
        assert_eq!(params.list("events"), ["x", "y"]);
        assert_eq!(params.take("empty"), None);
        params.finish().unwrap();
        assert_eq!(Params::read(b"amout=5").finish().unwrap_err().code, Some("parameter_unknown"));
    }

    #[test]
    fn the_fingerprint_ignores_order_only() {
        let print = |text: &str| Params::read(text.as_bytes()).fingerprint("/v1/x");
        assert_eq!(print("a=1&b=2"), print("b=2&a=1"));
        assert_ne!(print("a=1&b=2"), print("a=1&b=3"));
        assert_ne!(print("a=bc"), print("ab=c"));
    }

    #[test]
    fn only_web_addresses_are_returned_to() {
        let address = |text: &str| Params::read(text.as_bytes()).web_address("u");
        address("u=https://example.org/a").unwrap();
        for bad in ["u=javascript:alert(1)", "u=data:text/html,x", "u=/relative", "u=ftp://x"] {
            address(bad).unwrap_err();
        }
    }
}
