//! Usher: a virtual waiting room that ends with a ticket.

mod cli;
mod config;
mod doctor;
mod draw;
mod log;
mod openapi;
mod roles;
mod split;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
