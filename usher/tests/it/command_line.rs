//! Settings, help and one-line errors.

use std::process::{Command, Output};

fn usher(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin")
        .envs(variables.iter().copied())
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const SECRET: &str = r#"["a secret that is long enough to be one"]"#;

#[test]
fn the_help_names_every_command() {
    let output = usher(&["--help"], &[]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for command in ["up", "migrate", "config", "openapi", "verify", "log", "rebuild", "doctor", "draw", "--role"] {
        assert!(help.contains(command), "{command} is missing from:\n{help}");
    }
}

#[test]
fn a_checked_configuration_is_printed_without_its_secrets() {
    let output = usher(
        &["config", "check"],
        &[
            ("USHER_SECRETS", SECRET),
            ("DATABASE_URL", "postgres://u:hidden@h/d"),
            ("USHER_PAYMENT__SECRET_KEY", "sk_hidden"),
        ],
    );
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(printed.contains("[redacted]"), "{printed}");
    assert!(!printed.contains("hidden") && !printed.contains("long enough"), "{printed}");
}

#[test]
fn unknown_settings_are_errors_that_name_them() {
    let output = usher(&["config", "check"], &[("USHER_SECRETS", SECRET), ("USHER_ADMISSION__TIKC_MS", "100")]);
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.to_lowercase().contains("tikc_ms"), "{said}");
}

#[test]
fn short_or_missing_secrets_and_missing_stores_say_what_to_do() {
    let short = text(&usher(&["config", "check"], &[("USHER_SECRETS", r#"["short"]"#)]).stderr);
    assert!(short.contains("USHER_SECRETS") && short.contains("32"), "{short}");
    let missing = text(&usher(&["config", "check"], &[]).stderr);
    assert!(missing.contains("USHER_SECRETS"), "{missing}");
    let stores = usher(&["--role", "admission"], &[("USHER_SECRETS", SECRET), ("USHER_LISTEN", "127.0.0.1:0")]);
    assert!(!stores.status.success());
    assert!(text(&stores.stderr).contains("DATABASE_URL"), "{}", text(&stores.stderr));
}

#[test]
fn a_port_in_use_is_said_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a spare port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let data = tempfile::tempdir().expect("a folder");
    let output = usher(&["up", "--port", &port, "--data", &data.path().display().to_string()], &[]);
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("already in use") && said.contains(&port), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_postgres_that_is_away_is_said_in_one_line() {
    let output = usher(
        &["verify"],
        &[
            ("USHER_SECRETS", SECRET),
            ("DATABASE_URL", "postgres://u@127.0.0.1:1/d"),
            ("REDIS_URL", "redis://127.0.0.1:1"),
        ],
    );
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("usher: "), "{said}");
}
