//! The role against real stores.

mod draw;
mod operators;
