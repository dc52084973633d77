//! What this machine lacks, in one line each.

use std::process::ExitCode;

use rustix::process::{Resource, getrlimit};
use store::servers::Programs;

/// Sockets that one process serves; more run in further processes.
pub const SOCKETS_PER_PROCESS: u64 = 12_000;

/// Looks and says. Fails when something needed is missing.
pub fn run() -> ExitCode {
    let mut sound = true;
    match Programs::find() {
        Ok(_) => println!("ok    redis-server and postgres are installed"),
        Err(fault) => {
            sound = false;
            println!("lacks {fault}");
        }
    }
    if super::split::find_nginx().is_some() {
        println!("ok    nginx is installed (needed for --split)");
    } else {
        println!("note  nginx is not installed; only --split needs it: apt-get install nginx-light");
    }
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let enough = files >= SOCKETS_PER_PROCESS + 4_000;
    sound &= enough;
    println!(
        "{}    a process may open {files} files; {} are needed for {SOCKETS_PER_PROCESS} sockets",
        if enough { "ok" } else { "lacks" },
        SOCKETS_PER_PROCESS + 4_000
    );
    let backlog = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    println!("note  net.core.somaxconn is {}; 4096 lets a burst of joins wait to be accepted", backlog.trim());
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
