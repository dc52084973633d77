//! The account a server runs as: ours, except that Postgres refuses to run as root.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

/// Another user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Who Postgres is to run as: `None` is ourselves. `data` is its data folder, which may not exist yet.
    ///
    /// An existing folder keeps its owner, whoever was chosen then; a new one gets the package's own account.
    pub(super) fn for_postgres(data: &Path) -> Option<Self> {
        if !rustix::process::getuid().is_root() {
            return None;
        }
        let owner = data.metadata().ok().map(|meta| Self { uid: meta.uid(), gid: meta.gid() });
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        owner
            .filter(|account| account.uid != 0)
            .or_else(|| Self::named("postgres", &users))
            .or_else(|| Self::named("nobody", &users))
    }

    fn named(name: &str, users: &str) -> Option<Self> {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(name)).then_some(())?;
            Some(Self { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        })
    }

    /// Whether this account can enter `folder` and each folder above it, as far as plain modes tell.
    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        folder.ancestors().filter(|part| part.exists()).all(|part| {
            part.metadata().is_ok_and(|meta| {
                let mode = meta.permissions().mode();
                let bit = match meta {
                    ref meta if meta.uid() == self.uid => 0o100,
                    ref meta if meta.gid() == self.gid => 0o010,
                    _ => 0o001,
                };
                mode & bit != 0
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_the_user_list() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:9:9::/:\npostgres:x:101:104:admin:/var:/bin/sh\n";
        assert_eq!(Account::named("postgres", users), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(Account::named("nobody", users), None);
    }

    #[test]
    fn a_private_folder_above_is_noticed() {
        let outer = std::env::temp_dir().join(format!("usher-account-{}", std::process::id()));
        let inner = outer.join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        let stranger = Account { uid: 64_999, gid: 64_999 };
        for (mode, enterable) in [(0o711, true), (0o700, false)] {
            std::fs::set_permissions(&outer, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(stranger.can_enter(&inner), enterable, "{mode:o}");
        }
        std::fs::remove_dir_all(&outer).unwrap();
    }
}
