-- Everything the provider knows. Nothing is ever deleted but deliveries that are done with.
-- Identifiers grow with time, so every primary key below is appended to, never scattered.

CREATE TABLE IF NOT EXISTS intents (
    id     TEXT PRIMARY KEY,
    due_ms INTEGER,          -- when it does something by itself
    doc    TEXT NOT NULL     -- machine::Intent
) STRICT;
CREATE INDEX IF NOT EXISTS intents_due ON intents (due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE IF NOT EXISTS refunds (
    id     TEXT PRIMARY KEY,
    intent TEXT NOT NULL,
    doc    TEXT NOT NULL     -- machine::Refund
) STRICT;
CREATE INDEX IF NOT EXISTS refunds_of_intent ON refunds (intent, id);

CREATE TABLE IF NOT EXISTS events (
    id   TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    body TEXT NOT NULL       -- the bytes that are sent and signed
) STRICT;

CREATE TABLE IF NOT EXISTS deliveries (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: the deliverer remembers them
    event    TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    due_ms   INTEGER NOT NULL,
    attempt  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_ms, seq);

CREATE TABLE IF NOT EXISTS idempotency (
    key    TEXT PRIMARY KEY, -- who ‖ the caller's key
    hash   TEXT NOT NULL,    -- of path and parameters
    status INTEGER NOT NULL,
    body   TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS endpoints (
    id  TEXT PRIMARY KEY,
    doc TEXT NOT NULL        -- desk::Endpoint
) STRICT;
