//! Names of this role's metrics.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// Joins answered. Label: `outcome`, one of [`JOIN_OUTCOMES`].
pub const JOINS: &str = "usher_joins_total";
/// What a join may come to.
pub const JOIN_OUTCOMES: [&str; 11] = [
    "new",
    "existing",
    "code_refused",
    "not_invited",
    "lobby_closed",
    "not_open",
    "closed",
    "sold_out",
    "no_sale",
    "away",
    "queue_full",
];
/// Groups of joins, one transaction each.
pub const JOIN_BATCHES: &str = "usher_join_batches_total";
/// How long a group's transaction took, with its copy to the feed.
pub const JOIN_BATCH_SECONDS: &str = "usher_join_batch_seconds";
/// Joins waiting for their group, over all sales.
pub const JOINS_WAITING: &str = "usher_joins_waiting";
/// Sales with a batcher at work.
pub const JOIN_BATCHERS: &str = "usher_join_batchers";
/// Requests refused by a limit. Label: `limit`.
pub const LIMITED: &str = "usher_limited_total";
/// Requests refused because a limit kept too many keys. Label: `limit`.
pub const LIMIT_KEYS_FULL: &str = "usher_limit_keys_full_total";
/// Keys kept by a limit. Label: `limit`.
pub const LIMIT_KEYS: &str = "usher_limit_keys";
/// How long a password's hash took, its wait included.
pub const PASSWORD_SECONDS: &str = "usher_password_seconds";
/// Passwords refused because too many waited.
pub const PASSWORDS_FULL: &str = "usher_passwords_full_total";
/// Sign-ins. Label: `outcome`, `ok` or `wrong`.
pub const SIGN_INS: &str = "usher_sign_ins_total";
/// Sessions ended because an old refresh token was used again.
pub const SESSIONS_REUSED: &str = "usher_sessions_reused_total";
/// Reads refused because too many waited.
pub const READS_FULL: &str = "usher_reads_full_total";

/// Describes them and makes them visible before they first happen.
pub fn describe<'a>(limits: impl Iterator<Item = &'a str>) {
    once::describe();
    describe_counter!(JOINS, "Joins answered, by outcome");
    describe_counter!(JOIN_BATCHES, "Groups of joins, one transaction each");
    describe_histogram!(JOIN_BATCH_SECONDS, "How long a group's transaction took, with its copy to the feed");
    describe_gauge!(JOINS_WAITING, "Joins waiting for their group, over all sales");
    describe_gauge!(JOIN_BATCHERS, "Sales with a batcher at work");
    describe_counter!(LIMITED, "Requests refused by a limit");
    describe_counter!(LIMIT_KEYS_FULL, "Requests refused because a limit kept too many keys");
    describe_gauge!(LIMIT_KEYS, "Keys kept by a limit");
    describe_histogram!(PASSWORD_SECONDS, "How long a password's hash took, its wait included");
    describe_counter!(PASSWORDS_FULL, "Passwords refused because too many waited");
    describe_counter!(SIGN_INS, "Sign-ins, by outcome");
    describe_counter!(SESSIONS_REUSED, "Sessions ended because an old refresh token was used again");
    describe_counter!(READS_FULL, "Reads refused because too many waited");
    for outcome in JOIN_OUTCOMES {
        counter!(JOINS, "outcome" => outcome).absolute(0);
    }
    for outcome in ["ok", "wrong"] {
        counter!(SIGN_INS, "outcome" => outcome).absolute(0);
    }
    for name in [JOIN_BATCHES, PASSWORDS_FULL, SESSIONS_REUSED, READS_FULL] {
        counter!(name).absolute(0);
    }
    for name in [JOINS_WAITING, JOIN_BATCHERS] {
        gauge!(name).set(0.0);
    }
    for limit in limits {
        let limit = limit.to_owned();
        counter!(LIMITED, "limit" => limit.clone()).absolute(0);
        counter!(LIMIT_KEYS_FULL, "limit" => limit.clone()).absolute(0);
        gauge!(LIMIT_KEYS, "limit" => limit).set(0.0);
    }
}
