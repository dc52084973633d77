//! A server's pid file: who owns the folder, and which process serves it.

use std::{
    fs::{File, TryLockError},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::error::{At as _, ServerError};

/// A lock may outlive its owner for a moment: in a child that another thread of the owner was just starting.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// The file `DIR/run/SERVER.pid`, locked for as long as this value lives; the lock goes with our process,
/// however it ends.
#[derive(Debug)]
pub(super) struct PidFile {
    file: File,
    path: PathBuf,
}

impl PidFile {
    /// Takes the folder `dir` for `server`.
    pub(super) async fn claim(dir: &Path, server: &str) -> Result<Self, ServerError> {
        let path = dir.join("run").join(format!("{server}.pid"));
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).at(&path)?;
        let give_up = Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file, path }),
                Err(TryLockError::WouldBlock) if Instant::now() < give_up => sleep(Duration::from_millis(20)).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(ServerError::InUse { dir: dir.into(), pid: recorded(&mut file) });
                }
                Err(TryLockError::Error(cause)) => return Err(ServerError::Folder { path, cause }),
            }
        }
    }

    /// Records who serves now: `None`, nobody.
    ///
    /// A failure is logged only: the record helps a later start, the server itself runs without it.
    pub(super) fn record(&mut self, pid: Option<u32>) {
        let line = pid.map_or_else(String::new, |pid| format!("{pid}\n"));
        let written = self.file.set_len(0).and_then(|()| {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(line.as_bytes())
        });
        if let Err(error) = written {
            tracing::warn!(path = %self.path.display(), %error, "cannot record a private server's process id");
        }
    }
}

fn recorded(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
