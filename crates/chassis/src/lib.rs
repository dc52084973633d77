//! How any process of Usher is configured, observed, started and stopped.
//!
//! A service reads its settings with [`config`], says what it does through [`logs`] and [`metrics`], answers over
//! [`serve`] behind [`http::layers`], runs its work as [`tasks`], and tells the outside how it is in [`health`]. Time
//! ([`clock`]) and identifiers ([`ids`]) are passed in, so that tests decide them. Nothing here knows what a sale is.

pub mod address;
pub mod clock;
pub mod config;
pub mod health;
pub mod http;
pub mod ids;
pub mod logs;
pub mod metrics;
pub mod retry;
pub mod secret;
pub mod serve;
pub mod sockets;
pub mod tasks;
