//! Where the database lives: in the folder given, unless the account that Postgres runs as cannot enter it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::servers::{
    account::Account,
    error::{At as _, ServerError},
    folder,
};

/// Where homes go that cannot be in the folder given. Only root needs one, so it can be made there.
const ELSEWHERE: &str = "/var/lib/usher";

/// The folder of a database, and who runs it.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) path: PathBuf,
    /// `None`: ourselves.
    pub(super) account: Option<Account>,
}

impl Home {
    /// Finds the home that belongs to `dir`, or decides where it is to be.
    pub(super) fn find(dir: &Path) -> Result<Self, ServerError> {
        let location = location_file(dir);
        if let Ok(path) = fs::read_to_string(&location) {
            return Ok(Self::at(path.trim_end_matches('\n').into()));
        }
        let home = Self::at(dir.join("postgres"));
        if home.account.as_ref().is_none_or(|account| account.can_enter(dir)) {
            return Ok(home);
        }
        let path = unused(&Path::new(ELSEWHERE).join(format!("{:016x}", folder::hash(dir))));
        tracing::info!(
            dir = %dir.display(), database = %path.display(),
            "Postgres runs as another user, who cannot enter the data folder: the database is kept elsewhere"
        );
        let line = format!("{}\n", path.display());
        fs::write(&location, line).at(location)?;
        Ok(Self::at(path))
    }

    fn at(path: PathBuf) -> Self {
        let account = Account::for_postgres(&path.join("data"));
        Self { path, account }
    }

    /// Makes the folder. Only what is in it belongs to the account.
    pub(super) fn make(&self) -> Result<(), ServerError> {
        use std::os::unix::fs::PermissionsExt as _;
        fs::create_dir_all(&self.path).at(&self.path)?;
        let parts = self.path.parent().into_iter().filter(|parent| *parent == Path::new(ELSEWHERE));
        for part in parts.chain([self.path.as_path()]) {
            fs::set_permissions(part, fs::Permissions::from_mode(0o755)).at(part)?; // whatever the umask
        }
        Ok(())
    }

    /// Postgres's data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }
}

/// Records where the database of `dir` is, if not in it.
pub(super) fn location_file(dir: &Path) -> PathBuf {
    dir.join("postgres.location")
}

/// `path`, or the first of `path-1`, `path-2`, … that is free: another folder's database may be there, whose
/// folder has since been moved, or removed.
fn unused(path: &Path) -> PathBuf {
    let numbered = (1_u32..).map(|n| PathBuf::from(format!("{}-{n}", path.display())));
    std::iter::once(path.to_path_buf()).chain(numbered).find(|path| !path.exists()).unwrap_or_else(|| path.into())
}
