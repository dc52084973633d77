//! Simulated crowds, the demo, the outsider's checker and the benches. See the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    loadgen::main()
}
