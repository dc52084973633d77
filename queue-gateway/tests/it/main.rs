//! The door, driven over HTTP with real stores behind it.

mod acknowledged;
mod entry;
mod harness;
mod joins;
mod limits;
mod log;
mod pages;
mod papers;
mod people;
mod promoters;
mod refusals;
mod transfers;
mod undrawn;
