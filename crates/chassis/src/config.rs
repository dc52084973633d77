//! Settings: defaults in the types, then one TOML file, then the environment. What is not known is an error.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use figment::error::{Kind, OneOf};
use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::de::DeserializeOwned;

/// Settings that cannot be used. Displays as one line that names the key and where it came from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key is unknown, is missing, or has a value that cannot be used.
    #[error("{place}: {fault}")]
    Invalid {
        /// The file and key, or the environment variable.
        place: String,
        /// What is wrong with it.
        fault: String,
    },
}

/// Reads settings of type `T`: its serde defaults, overridden by the TOML `file` if one is given, overridden by the
/// environment's variables that begin with `prefix` and `_`.
///
/// `USHER_HTTP__BODY_LIMIT_BYTES=1024` sets `body_limit_bytes` in `[http]` where the prefix is `USHER`. A variable's text is taken
/// as it stands for text, and read as a number or a boolean where one is wanted; lists and tables are written as
/// `[a, b]` and `{k=v}`. An empty variable counts as not set.
///
/// # Errors
/// [`ConfigError`], if the file cannot be read or anything in it or in the environment is unknown (where `T` denies
/// unknown fields, as it must) or has the wrong type.
pub fn load<T: DeserializeOwned>(file: Option<&Path>, prefix: &str) -> Result<T, ConfigError> {
    load_from(file, prefix, std::env::vars_os())
}

/// [`load`] with the environment passed in, for tests.
pub fn load_from<T: DeserializeOwned>(
    file: Option<&Path>,
    prefix: &str,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<T, ConfigError> {
    let mut figment = Figment::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        figment = figment.merge(Toml::string(&text));
    }
    let environment = Environment::read(prefix, environment)?;
    let figment = figment.merge(&environment);
    figment.extract_lossy().map_err(|error| explain(&error, &figment, &environment, file))
}

/// The value of one environment variable, if it is set and is valid Unicode. Settings come from [`load`]; this is for
/// the few variables that others define, as `REDIS_URL`.
#[expect(clippy::disallowed_methods, reason = "the one place that reads a variable by name")]
pub fn env_var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The environment's settings. Unlike figment's own, it keeps text as text (a password `0123` is not the number 123)
/// and knows which variable each key came from.
#[derive(Debug)]
struct Environment {
    values: Dict,
    /// Variable names by dotted key.
    names: BTreeMap<String, String>,
}

const ENVIRONMENT: &str = "environment";

impl Environment {
    fn read(prefix: &str, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        let prefix = format!("{prefix}_");
        let mut read = Self { values: Dict::new(), names: BTreeMap::new() };
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            let Some(key) = name.strip_prefix(&prefix) else {
                continue;
            };
            let invalid = |fault: &str| ConfigError::Invalid { place: name.to_owned(), fault: fault.to_owned() };
            let value = value.to_str().ok_or_else(|| invalid("is not valid Unicode"))?;
            if value.is_empty() {
                continue;
            }
            let path: Vec<String> = key.split("__").map(str::to_lowercase).collect();
            if path.iter().any(String::is_empty) {
                return Err(invalid("names no setting"));
            }
            let value = if value.starts_with(['[', '{']) {
                value.parse().unwrap_or_else(|never| match never {})
            } else {
                Value::from(value)
            };
            if !insert(&mut read.values, &path, value) {
                return Err(invalid("is set both as a value and as a table"));
            }
            read.names.insert(path.join("."), name.to_owned());
        }
        Ok(read)
    }

    /// The variable that set `key` or something around it.
    fn name_of(&self, key: &str) -> Option<&str> {
        let around = |set: &str| key.strip_prefix(set).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let found = self.names.keys().filter(|set| around(set)).max_by_key(|set| set.len())?;
        self.names.get(found).map(String::as_str)
    }
}

/// Puts `value` at `path`; false if something else stands in the way.
fn insert(values: &mut Dict, path: &[String], value: Value) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    if rest.is_empty() {
        return values.insert(first.clone(), value).is_none();
    }
    match values.entry(first.clone()).or_insert_with(|| Value::from(Dict::new())) {
        Value::Dict(_, inner) => insert(inner, rest, value),
        _ => false,
    }
}

impl Provider for &Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT)
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// One line that names the key and its place, from figment's first error.
fn explain(error: &figment::Error, figment: &Figment, environment: &Environment, file: Option<&Path>) -> ConfigError {
    let mut path = error.path.clone();
    let fault = match &error.kind {
        Kind::UnknownField(name, known) => {
            // figment gives the table's path here; the field is what the reader looks for.
            if path.last() != Some(name) {
                path.push(name.clone());
            }
            format!("unknown setting `{}`, expected {}", path.join("."), OneOf(known))
        }
        Kind::MissingField(name) => {
            format!("`{}` must be set", path.iter().map(String::as_str).chain([&**name]).collect::<Vec<_>>().join("."))
        }
        kind if path.is_empty() => one_line(kind),
        kind => format!("`{}`: {}", path.join("."), one_line(kind)),
    };
    let key = path.join(".");
    let from_environment =
        figment.find_metadata(&key).or(error.metadata.as_ref()).is_some_and(|from| from.name == ENVIRONMENT);
    let place = match (environment.name_of(&key), file) {
        (Some(variable), _) if from_environment => variable.to_owned(),
        (_, Some(file)) => file.display().to_string(),
        (_, None) => "settings".to_owned(),
    };
    ConfigError::Invalid { place, fault }
}

/// TOML's own errors draw a picture of several lines; logs want one.
fn one_line(fault: &impl fmt::Display) -> String {
    fault.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
