//! What the machine says about a folder, without anything being written to find out. The standard library does not tell free space
//! and rights, so two commands of POSIX are asked; where they are missing nothing is known.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder, or the nearest one above it that is there.
pub(crate) fn nearest(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|at| !at.as_os_str().is_empty() && std::fs::metadata(at).is_ok());
    there.unwrap_or(Path::new(".")).to_path_buf()
}

/// Whether this process may write into a folder; a disk that is mounted for reading counts as no. `None`: it cannot be told.
pub(crate) fn writable(folder: &Path) -> Option<bool> {
    let test = |what: &str| {
        let done = Command::new("test").arg(what).arg(folder).stdin(Stdio::null()).status();
        done.ok().and_then(|status| status.code()).map(|code| code == 0)
    };
    Some(test("-w")? && test("-x")?)
}

/// Free bytes on the disk of a folder; `None`: they cannot be told.
pub(crate) fn free(folder: &Path) -> Option<u64> {
    let done = Command::new("df").arg("-Pk").arg(folder).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let text = String::from_utf8(done.ok()?.stdout).ok()?;
    blocks(&text)?.checked_mul(1024)
}

/// The fourth column of the second line of `df -P`. The first column may hold blanks, the numbers behind it do not.
fn blocks(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.lines().nth(1)?.split_whitespace().collect();
    let capacity = words.iter().position(|word| {
        word.strip_suffix('%').is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
    })?;
    words.get(capacity.checked_sub(1)?)?.parse().ok()
}

/// Whether somebody else than the owner may read or write a file or folder.
pub(crate) fn open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{blocks, nearest};
    use std::path::Path;

    #[test]
    fn free_blocks_are_found() {
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        assert_eq!(blocks(&format!("{head}/dev/vda 263940717 30408704 80000000 14% /\n")), Some(80_000_000));
        assert_eq!(blocks(&format!("{head}my disk 100 20 80 20% /mnt/a b 5%\n")), Some(80));
        assert_eq!(blocks(head), None);
        assert_eq!(nearest(Path::new("/nowhere/at/all")), Path::new("/"));
    }
}
