//! Keys of JSON lines.

use super::names::Names;
use super::shape::Keys;
use super::{Draft, InferSpec};
use crate::read::input::Input;
use crate::read::split::read_head;
use crate::systems::files::source::{FilesSource, glob};
use serde_json::Value;
use staunch_commit::Listed;
use staunch_types::{Error, Place, Result, codes};
use std::collections::BTreeSet;

/// How much is read at once.
const STEP: usize = 1 << 20;
/// The most keys of the outermost objects.
const COLUMNS: usize = 10_000;

pub(super) fn draft(
    spec: &InferSpec,
    probe: &FilesSource,
    listed: &[Listed],
    names: &mut Names,
) -> Result<Draft> {
    let in_paths: BTreeSet<String> = probe
        .object
        .partition
        .iter()
        .flat_map(|p| p.names().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    in_paths.iter().for_each(|name| names.reserve(name));
    let mut keys = Keys::default();
    for listed in listed {
        let path = glob::resolve(&probe.object.root, &listed.path)?;
        let mut input = Input::open(&path, listed, probe.packing(&listed.path))?;
        lines(probe, &mut input, &mut |line| {
            // What is no object is a dead letter whatever the contract says: the read that follows counts it.
            if let Ok(Value::Object(object)) = serde_json::from_slice(line) {
                keys.see(&object, 0, spec.enums);
            }
            keys.len() <= COLUMNS
        })?;
        if keys.len() > COLUMNS {
            return Err(Error::new(
                codes::SOURCE_SCHEMA,
                format!("the objects have more than {COLUMNS} different keys"),
            )
            .place(Place::file(&path))
            .hint("keys that are data belong into a map inside the object"));
        }
    }
    let mut fields = keys.fields(names);
    fields.retain(|f| !in_paths.contains(&f.name));
    // `dates:` says how a field is read: by that, it is a date or a timestamp.
    for field in &mut fields {
        if let Some(format) = probe.object.dates.get(&field.name) {
            field.ty = super::guess::of_format(format);
        }
    }
    Ok(Draft { fields, partly: BTreeSet::new() })
}

/// Each line that is not blank, as long as `visit` says so. A line beyond the limit of a record is left to the read that follows.
fn lines(probe: &FilesSource, input: &mut Input, visit: &mut dyn FnMut(&[u8]) -> bool) -> Result<()> {
    // It tells other encodings, and passes over the mark of UTF-8.
    let mut rest = read_head(input, &probe.cutter(None), false)?.into_rest();
    loop {
        let mut begin = 0;
        for feed in memchr::memchr_iter(b'\n', &rest) {
            if !visit(rest[begin..feed].trim_ascii()) {
                return Ok(());
            }
            begin = feed + 1;
        }
        rest.drain(..begin);
        if input.ended() || rest.len() > probe.object.max_record {
            visit(rest.trim_ascii());
            return Ok(());
        }
        input.fill(&mut rest, STEP)?;
    }
}
