//! Folders that end with the test, or at the latest with the test process.

use std::{
    fs::Permissions,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

/// Waits for the end of its standard input, which is the end of the test process, and removes the folder. The
/// servers in it are ending at the same moment, so it insists.
const REMOVER: &str = r#"
cat
for _ in $(seq 100); do
    rm -rf -- "$1" 2>/dev/null
    [ -e "$1" ] || exit 0
    sleep 0.1
done
"#;

/// What the largest test run may leave in memory at one time, with room to spare.
const MEMORY_MIN_BYTES: u64 = 4 << 30;

/// A folder for one test, removed with this value.
#[derive(Debug)]
pub struct ScratchDir(TempDir);

impl ScratchDir {
    /// A new, empty folder.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir_in(root());
        Self(dir.expect("a folder for a test"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Default for ScratchDir {
    fn default() -> Self {
        Self::new()
    }
}

/// This process's folder. What is in statics is never dropped, and a killed process drops nothing, so another
/// process removes it.
fn root() -> &'static Path {
    static ROOT: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (path, _) = ROOT.get_or_init(|| {
        // Enterable by all, since Postgres may run as another user.
        let mut builder = tempfile::Builder::new();
        builder.prefix("usher-test-").permissions(Permissions::from_mode(0o755));
        let path = builder.tempdir_in(base()).expect("a folder for tests").keep();
        let remover = Command::new("sh")
            .args(["-c", REMOVER, "remover"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        (path, remover.expect("sh runs"))
    });
    path
}

/// Memory, if there is enough of it: a database is three hundred files, and making those took 0.4 s on a
/// disk, and 0.02 s here. Whoever sets TMPDIR wants that one.
fn base() -> PathBuf {
    let (memory, usual) = (Path::new("/dev/shm"), std::env::temp_dir());
    let room = rustix::fs::statvfs(memory).map_or(0, |fs| fs.f_bavail * fs.f_frsize);
    if usual == Path::new("/tmp") && room >= MEMORY_MIN_BYTES { memory.into() } else { usual }
}
