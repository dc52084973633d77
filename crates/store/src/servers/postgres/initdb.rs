//! Makes a new database.

use std::{fs, path::Path};

use super::{NAME, home::Home};
use crate::servers::{
    command,
    error::{At as _, ServerError},
    folder,
    log::telling_line,
    programs::Programs,
};

/// Runs `initdb`, unless there is a database.
///
/// It works in a folder that gets its name only when it is complete, so that being killed half-way leaves
/// nothing that looks like a database.
pub(super) async fn unless_done(programs: &Programs, home: &Home, fsync: bool) -> Result<(), ServerError> {
    let (data, half_made) = (home.data(), home.path.join("data.new"));
    if data.join("PG_VERSION").exists() {
        return Ok(());
    }
    if half_made.exists() {
        fs::remove_dir_all(&half_made).at(&half_made)?;
    }
    folder::private(&half_made, home.account.as_ref())?;

    let program = programs.postgres_bin.join("initdb");
    let mut command = command::bound(programs, &program, home.account.as_ref(), "KILL");
    command.args(["--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", "--username", NAME, "--pgdata"]);
    command.arg(&half_made);
    if !fsync {
        command.arg("--no-sync");
    }
    // On a thread that waits for it, and so lives as long as it does.
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(|cause| ServerError::Spawn { program, cause })?;
    if !output.status.success() {
        let reason = telling_line(&String::from_utf8_lossy(&output.stderr));
        return Err(ServerError::Initdb { dir: home.path.clone(), reason });
    }
    fs::rename(&half_made, &data).at(&data)?;
    if fsync {
        sync(&home.path)?;
    }
    Ok(())
}

fn sync(folder: &Path) -> Result<(), ServerError> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).at(folder)
}
