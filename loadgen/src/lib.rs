//! The outsider: crowds of simulated fans over the public API, whole sales to watch and to judge, and benches.
//!
//! ```text
//! cli     what the commands take
//! stage   starts payment-mock and usher as a stranger would, and stops them
//! api     HTTP and sockets from many source addresses
//! crowd   fans: who they are (plan), what they do (fan), what they see (eyes), what they note (diary)
//! checker judges a whole sale from the diaries alone
//! demo    one whole sale, with or without something being killed;  chaos  many of them
//! up      the system with a demo sale and a crowd, for people to look at
//! bench   numbers against a limit measured in the same run
//! ```
//!
//! Nothing in here knows the stores or the rules: it judges by what fans were told.

pub mod api;
pub mod bench;
pub mod chaos;
pub mod checker;
pub mod cli;
pub mod crowd;
pub mod demo;
pub mod stage;
pub mod up;

use std::process::ExitCode;

use chassis::clock::Clock;
use clap::Parser as _;

/// The program: reads the command line, runs the command, answers with its exit code.
pub fn main() -> ExitCode {
    let command = cli::Cli::parse().command;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("loadgen: cannot start: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(run(command));
    // Simulated fans may still be asleep in their sockets; nobody waits for them.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("loadgen: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: cli::Command) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    match command {
        cli::Command::Up(args) => up::run(args, clock).await,
        cli::Command::Demo(args) => demo::run(args, clock).await,
        cli::Command::Chaos(args) => chaos::run(args).await,
        cli::Command::Bench(args) => bench::run(args, clock).await,
        cli::Command::Crowd => crowd::worker::serve(clock).await,
        cli::Command::EmptyHandler(args) => bench::empty::serve(args).await,
    }
}
