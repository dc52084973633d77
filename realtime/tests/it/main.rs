//! Realtime against a real Postgres and Redis, over real sockets.

mod announcements;
mod crowd;
mod edges;
mod moves;
mod oracle;
mod resume;
mod stage;
mod stops;
mod waiting;
mod window;
