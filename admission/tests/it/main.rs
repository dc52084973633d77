//! The role against real stores.

mod draw;
mod mending;
mod operators;
mod pacing;
