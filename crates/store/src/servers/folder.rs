//! Where servers keep things: data folders, and folders short enough for a unix socket.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::{
    account::Account,
    error::{At as _, ServerError},
};

/// The longest path of a unix socket, without the zero byte that ends it.
const SOCKET_PATH_MAX: usize = 107;

/// Opens the data folder: made if need be, with the `run` folder that only we may enter. Returns its one
/// true path, since paths are compared with what a process was told.
pub(super) fn open(dir: &Path) -> Result<PathBuf, ServerError> {
    fs::create_dir_all(dir).at(dir)?;
    let dir = dir.canonicalize().at(dir)?;
    private(&dir.join("run"), None)?;
    Ok(dir)
}

/// Makes `folder`, if need be, for `account` alone (`None`: ourselves).
pub(super) fn private(folder: &Path, account: Option<&Account>) -> Result<(), ServerError> {
    fs::create_dir_all(folder).at(folder)?;
    let meta = fs::symlink_metadata(folder).at(folder)?;
    let us = rustix::process::getuid().as_raw();
    let owner = account.map_or(us, |account| account.uid);
    // Where everyone may make folders, one with a name that can be guessed may be someone else's trap.
    if !meta.is_dir() || ![us, owner].contains(&meta.uid()) {
        let cause = std::io::Error::other("it belongs to someone else");
        return Err(ServerError::Folder { path: folder.into(), cause });
    }
    if let Some(account) = account {
        chown(folder, Some(account.uid), Some(account.gid)).at(folder)?;
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700)).at(folder)
}

/// The folder for the socket `name`: `preferred` if the path is short enough, else one under the system's
/// folder for temporary files, named from a hash of `preferred` so that every start finds the same.
pub(super) fn for_socket(preferred: PathBuf, name: &str, account: Option<&Account>) -> PathBuf {
    let fits = |folder: &Path| folder.join(name).as_os_str().len() <= SOCKET_PATH_MAX;
    if fits(&preferred) {
        return preferred;
    }
    let short = format!("usher-{:016x}", hash(&preferred));
    let enterable = |base: &Path| account.is_none_or(|account| account.can_enter(base));
    let base = Some(std::env::temp_dir()).filter(|base| fits(&base.join(&short)) && enterable(base));
    base.unwrap_or_else(|| "/tmp".into()).join(short)
}

/// Removes the folder that [`for_socket`] found, if it is one of its own.
pub(super) fn remove_socket(preferred: &Path, name: &str, account: Option<&Account>) -> Result<(), ServerError> {
    let folder = for_socket(preferred.into(), name, account);
    if folder == preferred { Ok(()) } else { remove(&[folder]) }
}

/// Removes files and folders with all that is in them; those that are not there are no error.
pub(super) fn remove(paths: &[PathBuf]) -> Result<(), ServerError> {
    for path in paths {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(path),
            _ => {}
        }
    }
    Ok(())
}

/// FNV-1a: the same in every build, which the standard library's hashers do not promise.
pub(super) fn hash(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Writes a path as a part of a URL.
pub(super) fn url_encoded(path: &Path) -> String {
    let encoded = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_url_survives_spaces_and_signs() {
        assert_eq!(url_encoded(Path::new("/a b/c%d?é")), "/a%20b/c%25d%3F%C3%A9");
    }

    #[test]
    fn a_long_folder_gets_a_short_socket_and_always_the_same() {
        let long = std::env::temp_dir().join("x".repeat(120));
        let first = for_socket(long.clone(), "redis.sock", None);
        assert!(first.join("redis.sock").as_os_str().len() <= SOCKET_PATH_MAX);
        assert_eq!(for_socket(long, "redis.sock", None), first);
        let short = PathBuf::from("/short");
        assert_eq!(for_socket(short.clone(), "redis.sock", None), short);
    }
}
