//! How a server's process is made: bound to our life, in a group and an environment of its own.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::{account::Account, programs::Programs};

/// A command for `program` that runs as `account` (`None`: as ourselves) and gets `death_signal` when the
/// *thread* that starts it ends.
///
/// The signal is set by `setpriv` after it has changed users, since changing users clears it.
pub(super) fn bound(programs: &Programs, program: &Path, account: Option<&Account>, death_signal: &str) -> Command {
    let mut command = Command::new(&programs.setpriv);
    if let Some(account) = account {
        command.arg(format!("--reuid={}", account.uid)).arg(format!("--regid={}", account.gid)).arg("--clear-groups");
    }
    command.arg("--pdeathsig").arg(death_signal).arg("--").arg(program);
    isolate(&mut command);
    command
}

/// Ctrl-C reaches a whole process group, children first: ours must end when we say so. What is in our
/// environment (`PGDATA`, `LC_ALL`, secrets) is not for them.
fn isolate(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0).current_dir("/").stdin(Stdio::null());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
}
