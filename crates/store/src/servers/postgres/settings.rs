//! Postgres's settings, given on its command line so that a data folder has none of its own to go stale.

/// For a machine of two cores and 24 GiB that also carries everything else of ours.
const ALWAYS: &[(&str, &str)] = &[
    // Reached through the socket alone, by whoever may enter its folder.
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("max_connections", "200"),
    // Memory: the tables that matter are small and hot; the system caches the rest.
    ("shared_buffers", "256MB"),
    ("effective_cache_size", "4GB"),
    ("work_mem", "8MB"),
    ("maintenance_work_mem", "256MB"),
    ("huge_pages", "off"),
    // A commit is durable before it is answered; checkpoints are rare and spread, and full pages short.
    ("synchronous_commit", "on"),
    ("wal_buffers", "16MB"),
    ("wal_compression", "on"),
    ("checkpoint_timeout", "15min"),
    ("max_wal_size", "4GB"),
    // After a crash every file is flushed first: a thousand one by one take seconds, all in one call do not.
    ("recovery_init_sync_method", "syncfs"),
    // Statements are short and many: compiling them costs more than it gives. Disks have no arms any more.
    ("jit", "off"),
    ("random_page_cost", "1.1"),
    // A client that hangs in a transaction holds locks that everyone waits for.
    ("idle_in_transaction_session_timeout", "60s"),
    // Into the file that its standard error is. Statements and values may carry personal data: left out.
    ("logging_collector", "off"),
    ("log_min_messages", "warning"),
    ("log_checkpoints", "off"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
];

/// For tests: nobody misses the data of a machine that lost its power.
const WITHOUT_FSYNC: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    // Most of what tests write is copies of a database.
    ("wal_compression", "off"),
    // In the data folder, so that removing that leaves nothing of a killed server.
    ("dynamic_shared_memory_type", "mmap"),
];

/// The settings, each as `name=value`.
pub(super) fn settings(fsync: bool) -> impl Iterator<Item = String> {
    let rest = if fsync { &[][..] } else { WITHOUT_FSYNC };
    ALWAYS.iter().chain(rest).map(|(name, value)| format!("{name}={value}"))
}
