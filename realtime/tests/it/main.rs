//! Realtime against a real Postgres and Redis, over real sockets.

mod announcements;
mod crowd;
mod edges;
mod heads;
mod moves;
mod oracle;
mod resume;
mod seats;
mod stage;
mod stops;
mod transfers;
mod waiting;
mod window;
