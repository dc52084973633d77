//! Settings from a file and the environment, and what is told when they are wrong.

use std::ffi::OsString;
use std::fs;

use chassis::config::{ConfigError, load_from};
use chassis::http::HttpConfig;
use chassis::logs::{LogConfig, LogFormat};
use chassis::secret::Secret;
use chassis::serve::ListenerConfig;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    port: u16,
    name: String,
    draw: bool,
    grace_ms: Option<u64>,
    signing_key: Option<Secret>,
    listener: ListenerConfig,
    http: HttpConfig,
    logs: LogConfig,
}

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.toml");
    fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    load_from(Some(&path), "USHER", environment)
}

/// The error, which must be one line.
fn fault(file: &str, environment: &[(&str, &str)]) -> String {
    let error = load(file, environment).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let file = "port = 1\nname = 'file'\n[listener]\nmax_connections = 5\nmax_connections_per_address = 6\n";
    let environment = [
        ("USHER_PORT", "8080"),
        ("USHER_DRAW", "true"),
        ("USHER_GRACE_MS", "250"),
        ("USHER_SIGNING_KEY", "0123"),
        ("USHER_LISTENER__MAX_CONNECTIONS", "7"),
        ("USHER_HTTP__TRUSTED_PROXIES", "[10.0.0.0/8, \"::1\"]"),
        ("USHER_LOGS__FORMAT", "json"),
        ("USHER_NAME", ""),
        ("USHERETTE_PORT", "9"),
        ("HOME", "/nowhere"),
    ];
    let read = load(file, &environment).unwrap();
    assert_eq!((read.port, read.name.as_str(), read.draw, read.grace_ms), (8080, "file", true, Some(250)));
    // Text stays as it was written: the key is not the number 123.
    assert_eq!(read.signing_key.unwrap().expose(), "0123");
    assert_eq!((read.listener.max_connections, read.listener.max_connections_per_address), (7, 6));
    assert_eq!(read.listener.header_read_timeout_ms, 10_000);
    assert!(read.http.trusted_proxies[0].contains("10.1.2.3".parse().unwrap()));
    assert!(read.http.trusted_proxies[1].contains("::1".parse().unwrap()));
    assert_eq!(read.logs.format, LogFormat::Json);
}

#[test]
fn a_number_in_the_environment_may_be_text() {
    assert_eq!(load("", &[("USHER_NAME", "42")]).unwrap().name, "42");
}

#[test]
fn unknown_keys_in_the_file_are_named() {
    let error = fault("prot = 1", &[("USHER_PORT", "1")]);
    assert!(error.contains("usher.toml: unknown setting `prot`") && error.contains("`port`"), "{error}");
    let error = fault("[listener]\nmax_conections = 1", &[("USHER_LISTENER__MAX_CONNECTIONS", "1")]);
    assert!(error.contains("usher.toml: unknown setting `listener.max_conections`"), "{error}");
}

#[test]
fn unknown_keys_in_the_environment_are_named() {
    let error = fault("port = 1", &[("USHER_PROT", "1")]);
    assert!(error.starts_with("USHER_PROT: unknown setting `prot`"), "{error}");
    let error = fault("[listener]\nmax_connections = 1", &[("USHER_LISTENER__MAX_CONECTIONS", "1")]);
    assert!(error.starts_with("USHER_LISTENER__MAX_CONECTIONS: unknown setting `listener.max_conections`"), "{error}");
    let error = fault("", &[("USHER_", "1")]);
    assert!(error.starts_with("USHER_: names no setting"), "{error}");
    let error = fault("", &[("USHER_HTTP", "x"), ("USHER_HTTP__BODY_LIMIT_BYTES", "1")]);
    assert!(error.contains("both as a value and as a table"), "{error}");
}

#[test]
fn wrong_values_are_named() {
    let error = fault("", &[("USHER_LISTENER__MAX_CONNECTIONS", "many")]);
    assert!(error.starts_with("USHER_LISTENER__MAX_CONNECTIONS: `listener.max_connections`"), "{error}");
    let error = fault("[http]\ntrusted_proxies = ['10.0.0.0/99']", &[]);
    assert!(error.contains("usher.toml: `http.trusted_proxies") && error.contains("`10.0.0.0/99`"), "{error}");
    let error = fault("[logs]\nformat = 'xml'", &[]);
    assert!(error.contains("`logs.format`") && error.contains("xml"), "{error}");
    let error = fault("signing_key = 123456", &[]);
    assert!(error.contains("`signing_key`") && !error.contains("123456"), "{error}");
    let error = fault("port = = 1", &[]);
    assert!(error.contains("usher.toml"), "{error}");
}

#[test]
fn a_missing_file_and_a_missing_setting_are_named() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Needy {
        #[expect(dead_code, reason = "it is only asked for")]
        database_url: Secret,
    }
    let missing = std::path::Path::new("no-such-folder/usher.toml");
    let error = load_from::<Settings>(Some(missing), "USHER", []).unwrap_err().to_string();
    assert!(error.starts_with("no-such-folder/usher.toml: "), "{error}");
    let error = load_from::<Needy>(None, "USHER", []).unwrap_err().to_string();
    assert_eq!(error, "settings: `database_url` must be set");
}
