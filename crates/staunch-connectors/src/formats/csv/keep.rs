//! Columns that the contract does not name, kept row by row.

use super::CsvSpec;
use super::decode::bounds;
use super::tokens::View;
use crate::read::unknown::{Object, keys, narrowest, text};
use staunch_commit::Drift;
use std::collections::BTreeSet;

/// Makes an object of the unknown columns of each row, and notes what types their texts could have.
pub(super) struct Keeper<'a> {
    columns: &'a [(usize, String)],
    /// In JSON, one for each column.
    keys: Vec<String>,
    spec: &'a CsvSpec,
    types: Vec<BTreeSet<&'static str>>,
    rows: Vec<(u32, Vec<u8>)>,
}

impl<'a> Keeper<'a> {
    /// `None` without unknown columns.
    pub(super) fn new(columns: &'a [(usize, String)], spec: &'a CsvSpec) -> Option<Self> {
        let keys = keys(columns.iter().map(|(_, name)| name.as_str()));
        let types = vec![BTreeSet::new(); columns.len()];
        (!columns.is_empty()).then_some(Self { columns, keys, spec, types, rows: Vec::new() })
    }

    /// Takes the records of a block, which follow `before` others.
    pub(super) fn block(&mut self, view: &View<'_>, before: usize) {
        for (row, entries) in view.entries.chunks_exact(view.columns + 1).enumerate() {
            let mut object = Object::new();
            for (((at, _), key), types) in self.columns.iter().zip(&self.keys).zip(&mut self.types) {
                let (begin, end) = bounds(entries, *at);
                let quoted = view.quoted.get(row * view.columns + at).copied().unwrap_or(false);
                if self.spec.nulls.matches(view.text, begin, end) && !quoted {
                    object.put(key, b"null");
                    continue;
                }
                let value = view.text.get(begin..end).unwrap_or_default();
                // Each value is looked at: the types are those of all records, however they are cut.
                types.insert(narrowest(value));
                object.put(key, &text(value));
            }
            self.rows.push((u32::try_from(before + row).unwrap_or(u32::MAX), object.end()));
        }
    }

    /// The objects by row; the types are noted.
    pub(super) fn finish(self, drift: &mut Drift) -> Vec<(u32, Vec<u8>)> {
        for ((_, name), types) in self.columns.iter().zip(self.types) {
            types.into_iter().for_each(|ty| drift.unknown_type(name, ty));
        }
        self.rows
    }
}
