//! The role against real stores.

mod deadlines;
mod draw;
mod mending;
mod operators;
mod pacing;
