//! What a server says, kept in a file of its own, and the line of it that tells why it ended.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// How much is read back to find a reason.
const TAIL_BYTES: u64 = 8 * 1024;

/// A server's log file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
}

impl Log {
    /// Begins a log; the one of the run before is kept as `.log.1`.
    pub(super) fn begin(path: PathBuf) -> Self {
        // There may be none, and an old log that cannot be moved is merely continued.
        let _ = std::fs::rename(&path, path.with_extension("log.1"));
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the log for a process to write to. Also returns where it will begin.
    pub(super) fn open(&self) -> io::Result<(File, u64)> {
        let file = File::options().append(true).create(true).open(&self.path)?;
        let begin = file.metadata()?.len();
        Ok((file, begin))
    }

    /// The line since `begin` that best tells why the server ended.
    pub(super) fn telling_line(&self, begin: u64) -> String {
        telling_line(&self.tail(begin).unwrap_or_default())
    }

    fn tail(&self, begin: u64) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(begin.max(end.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The last line that says it is fatal, else the last line.
pub(super) fn telling_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).rev();
    let is_grave = |line: &&str| ["FATAL", "PANIC", "error:", "Fatal"].iter().any(|word| line.contains(word));
    lines.clone().find(is_grave).or_else(|| lines.next()).unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::telling_line;

    #[test]
    fn the_telling_line_is_the_last_fatal_one() {
        assert_eq!(telling_line("LOG: a\nFATAL:  b\nHINT: c\n"), "FATAL:  b");
        assert_eq!(telling_line("one\ntwo\n\n"), "two");
        assert_eq!(telling_line(""), "it said nothing");
    }
}
