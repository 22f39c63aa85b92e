//! Files that another region published into the folder: a folder keeps no position, but the names say whose they are.

use super::FilesSink;
use super::format::Kind;
use staunch_types::{Error, Place, RegionId, Result, codes};
use std::io;

/// How many letters of a region's id stand in a published name.
const SHORT: usize = 8;

/// Refuses a folder that holds another region's files: to append beside them would double rows, if they are this pipeline's own
/// from before its state folder was lost.
pub(super) fn refuse(sink: &FilesSink, region: &RegionId) -> Result<()> {
    let mut open = vec![sink.options.folder.clone()];
    while let Some(folder) = open.pop() {
        let names = match sink.fs.list(&folder) {
            Ok(names) => names,
            // A file, or a folder that went away: nothing to look into.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::NotFound) => continue,
            Err(e) => return Err(sink.unavailable("list the published files", &folder, &e)),
        };
        for name in names {
            if name.starts_with('.') {
                continue;
            }
            match publisher(&name) {
                Some(short) if !region.as_str().starts_with(short) => {
                    return Err(Error::new(
                        codes::SINK_AHEAD,
                        format!("the folder holds files of another region: {name}"),
                    )
                    .place(Place::file(&folder))
                    .hint("the state folder was lost, or another pipeline writes here: restore the state folder, or move these files away and run again"));
                }
                Some(_) => {}
                None if name.contains('=') => open.push(folder.join(name)),
                None => {}
            }
        }
    }
    Ok(())
}

/// The short region in a name that a sink gave: `<write>-<region>-e<epoch>-<ordinal>.<ending>`.
fn publisher(name: &str) -> Option<&str> {
    let mut parts = Kind::of(name)?.1.rsplitn(4, '-');
    let (ordinal, epoch, short) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let ours = digits(ordinal)
        && epoch.strip_prefix('e').is_some_and(digits)
        && short.len() == SHORT
        && short.bytes().all(|b| b.is_ascii_hexdigit());
    (ours && parts.next().is_some()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::publisher;

    #[test]
    fn names_tell_their_publisher() {
        for ending in ["avro", "parquet", "ndjson", "ndjson.gz", "ndjson.zst"] {
            let name = format!("lake.items-0a1b2c3d-e000000000003-0001.{ending}");
            assert_eq!(publisher(&name), Some("0a1b2c3d"));
        }
        for foreign in ["part-0.parquet", "a-b-e1-1.parquet", "x-0a1b2c3d-e1-1.csv", "0a1b2c3d-e1-1.parquet"]
        {
            assert_eq!(publisher(foreign), None, "{foreign}");
        }
    }
}
