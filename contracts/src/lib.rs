//! What strangers rely on: the HTTP bodies, the push messages, the signed papers a fan holds, and the seat map's format.
//!
//! A type in here is a promise. Each has a golden example under `examples/` that must decode for ever, and none of them is
//! used inside the rules (`domain`) or the stores (`store`), so that those may change freely.

pub mod access;
pub mod accounts;
pub mod announcements;
pub mod blocks;
pub mod bookings;
pub mod clock;
pub mod confirm;
pub mod consoles;
pub mod draws;
pub mod gifts;
pub mod ids;
pub mod log;
pub mod mending;
pub mod papers;
pub mod picking;
pub mod places;
pub mod problem;
pub mod push;
pub mod report;
pub mod sales;
pub mod seat_map;
#[cfg(feature = "server")]
pub mod server;
pub mod ticket_code;
