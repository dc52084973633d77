//! Chores for developers: `xtask tidy` checks what the compiler cannot.

mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores for developers.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Chore {
    /// Check the dependency law and the house rules.
    Tidy,
}

fn main() -> ExitCode {
    let Chore::Tidy = Cli::parse().chore;
    match tidy::faults() {
        Ok(faults) if faults.is_empty() => {
            println!("tidy");
            ExitCode::SUCCESS
        }
        Ok(faults) => {
            for fault in &faults {
                eprintln!("{fault}");
            }
            eprintln!("{} faults", faults.len());
            ExitCode::FAILURE
        }
        Err(fault) => {
            eprintln!("xtask: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
