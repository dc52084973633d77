//! Finds the servers' programs on this machine.

use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Where Debian and Ubuntu keep each version of Postgres, off PATH.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// A program the private servers need is not installed.
#[derive(Debug, thiserror::Error)]
#[error("{program} is not installed: run `apt-get install {package}`, or `./dev up`, which does it")]
pub struct MissingProgram {
    program: &'static str,
    package: &'static str,
}

/// The programs that private servers are made of.
#[derive(Debug, Clone)]
pub struct Programs {
    pub(super) redis_server: PathBuf,
    /// Starts a program as another user, and bound to our life, without `unsafe`.
    pub(super) setpriv: PathBuf,
    /// Postgres's folder of programs; `postgres` and `initdb` must be of one version.
    pub(super) postgres_bin: PathBuf,
}

impl Programs {
    /// Looks on PATH, in `/usr/bin`, and where Debian keeps Postgres (the newest version there is).
    pub fn find() -> Result<Self, MissingProgram> {
        // PATH describes the machine; it is not one of our settings, which come from the configuration.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        folders.push("/usr/bin".into());
        Self::find_in(&folders, Path::new(POSTGRES_VERSIONS))
    }

    /// The same, with the Postgres that wrote `data`, if that is another version than the newest and still there:
    /// no version reads another's files.
    pub(super) fn for_data(&self, data: &Path) -> Self {
        let version = std::fs::read_to_string(data.join("PG_VERSION")).unwrap_or_default();
        let sibling = self.postgres_bin.ancestors().nth(2).map(|versions| versions.join(version.trim()).join("bin"));
        match sibling {
            Some(bin) if !version.is_empty() && holds_postgres(&bin) => Self { postgres_bin: bin, ..self.clone() },
            _ => self.clone(),
        }
    }

    fn find_in(folders: &[PathBuf], versions: &Path) -> Result<Self, MissingProgram> {
        let both = "redis-server postgresql";
        Ok(Self {
            redis_server: program(folders, "redis-server", both)?,
            setpriv: program(folders, "setpriv", "util-linux")?,
            postgres_bin: newest_postgres(versions)
                .or_else(|| folders.iter().find(|folder| holds_postgres(folder)).cloned())
                .ok_or(MissingProgram { program: "postgres", package: both })?,
        })
    }
}

fn program(folders: &[PathBuf], name: &'static str, package: &'static str) -> Result<PathBuf, MissingProgram> {
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| is_executable(path))
        .ok_or(MissingProgram { program: name, package })
}

fn newest_postgres(versions: &Path) -> Option<PathBuf> {
    let number = |name: OsString| name.to_str()?.parse::<u32>().ok();
    let mut found: Vec<u32> =
        std::fs::read_dir(versions).ok()?.filter_map(|entry| number(entry.ok()?.file_name())).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|version| versions.join(version.to_string()).join("bin")).find(|bin| holds_postgres(bin))
}

fn holds_postgres(folder: &Path) -> bool {
    is_executable(&folder.join("postgres")) && is_executable(&folder.join("initdb"))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(programs: &[&str]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("usher-programs-{}-{}", std::process::id(), programs.len()));
        for name in programs {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    #[test]
    fn a_missing_program_says_in_one_line_what_to_install() {
        let empty = folder_with(&["setpriv"]);
        let missing = Programs::find_in(std::slice::from_ref(&empty), Path::new("/nowhere")).unwrap_err().to_string();
        std::fs::remove_dir_all(empty).unwrap();
        assert_eq!(
            missing,
            "redis-server is not installed: run `apt-get install redis-server postgresql`, or `./dev up`, which does it"
        );
    }

    #[test]
    fn the_newest_postgres_is_taken_and_a_half_installed_one_is_not() {
        let folder = folder_with(&[
            "redis-server",
            "setpriv",
            "9/bin/postgres",
            "9/bin/initdb",
            "15/bin/postgres",
            "15/bin/initdb",
            "17/bin/initdb",
        ]);
        let programs = Programs::find_in(std::slice::from_ref(&folder), &folder).unwrap();
        std::fs::write(folder.join("PG_VERSION"), "9\n").unwrap();
        assert_eq!(programs.for_data(&folder).postgres_bin, folder.join("9/bin"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(programs.postgres_bin, folder.join("15/bin"));
        assert_eq!(programs.redis_server, folder.join("redis-server"));
    }
}
