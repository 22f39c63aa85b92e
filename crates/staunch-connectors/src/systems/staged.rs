//! The names under which sinks stage and publish, and the way back from a name.
//!
//! **What it is.** Pure functions from ids to file names. A staged name carries write, epoch, generation and ordinal; a
//! published one carries write, region, epoch and ordinal, because one generation alone commits an epoch.
//!
//! **Invariants.** Different writes, epochs, generations and ordinals have different names. Whatever a write or region
//! is called, a name is one plain part of a path: no separator, no leading dot, no control character.

#[cfg(test)]
mod tests;

use staunch_commit::SegmentName;
use staunch_types::{Error, Generation, RegionId, Result, codes};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// A text as one plain part of a path: letters, digits, `_` and `-` stay, `/` becomes `.`, every other byte is
/// percent-encoded (so different texts stay different).
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => out.push(char::from(byte)),
            b'/' if at > 0 => out.push('.'),
            _ => push_percent(&mut out, byte),
        }
    }
    out
}

/// Appends `%XX`.
pub(crate) fn push_percent(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "%{byte:02X}");
}

/// The folder of a region inside a staging folder.
pub(crate) fn region_folder(region: &RegionId) -> String {
    plain(region.as_str())
}

/// `<write>-e<epoch>-g<generation>-<ordinal>.<ending>`
pub(crate) fn staged_file(name: &SegmentName, ordinal: u64, ending: &str) -> String {
    format!("{}-e{}-g{}-{ordinal}.{ending}", plain(&name.write), name.epoch, name.generation)
}

/// `<write>-<first 8 of the region>-e<epoch>-<ordinal>.<ending>`
pub(crate) fn published_file(name: &SegmentName, ordinal: u64, ending: &str) -> String {
    let region: String = name.region.as_str().chars().take(8).collect();
    format!("{}-{}-e{}-{ordinal}.{ending}", plain(&name.write), plain(&region), name.epoch)
}

/// The write, as [`plain`] has it, and the generation of a name that [`staged_file`] gives; `None` for any other name.
pub(crate) fn staged_by<'a>(file: &'a str, ending: &str) -> Option<(&'a str, Generation)> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (write, rest) = file.rsplit_once("-e")?;
    let (epoch, rest) = rest.split_once("-g")?;
    let (generation, rest) = rest.split_once('-')?;
    let (ordinal, end) = rest.split_once('.')?;
    let ours = number(epoch) && number(generation) && number(ordinal) && end == ending;
    Some((write, Generation(generation.parse().ok().filter(|_| ours)?)))
}

/// `below` under `folder`, if it is a relative path that stays there. Names come back from manifests, which are files
/// too: they are looked at before they are followed.
///
/// # Errors
/// `Store.Corrupt`.
pub(crate) fn inside(folder: &Path, below: &str) -> Result<PathBuf> {
    let path = Path::new(below);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if below.is_empty() || below.contains('\0') || !plain {
        return Err(Error::new(codes::STORE_CORRUPT, "a segment has a name that leads out of its folder")
            .place(staunch_types::Place::file(folder))
            .hint("the manifest that names it is damaged: restore the state folder"));
    }
    Ok(folder.join(path))
}
