//! Names of columns that become names of fields.

use std::collections::BTreeMap;

/// Gives out names: each once, and none that a contract could not have.
pub(super) struct Names {
    /// Field by column, from the options.
    known: BTreeMap<String, String>,
    rename: BTreeMap<String, String>,
    taken: Vec<String>,
    notes: Vec<String>,
}

impl Names {
    pub(super) fn new(known: &BTreeMap<String, String>) -> Self {
        Self { known: known.clone(), rename: BTreeMap::new(), taken: Vec::new(), notes: Vec::new() }
    }

    /// Keeps a name free for what stands elsewhere.
    pub(super) fn reserve(&mut self, name: &str) {
        self.taken.push(name.to_ascii_lowercase());
    }

    /// The field of a column. One whose name a contract cannot have is renamed, and so is one that differs from another in case alone.
    pub(super) fn field(&mut self, column: &str) -> String {
        if let Some(field) = self.known.get(column) {
            self.taken.push(field.to_ascii_lowercase());
            return field.clone();
        }
        let plain = clean(column);
        let mut name = plain.clone();
        let mut number = 2;
        while self.taken.contains(&name.to_ascii_lowercase()) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        self.taken.push(name.to_ascii_lowercase());
        if name != column {
            self.rename.insert(column.to_owned(), name.clone());
        }
        name
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// What was renamed so far: field by column.
    pub(super) fn renamed(&self) -> &BTreeMap<String, String> {
        &self.rename
    }

    /// What was renamed, and what somebody should know.
    pub(super) fn told(self) -> (BTreeMap<String, String>, Vec<String>) {
        (self.rename, self.notes)
    }
}

/// Whether a contract can have this name.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && clean(text) == text
}

/// Letters, digits and `_`, and no digit at the beginning.
fn clean(column: &str) -> String {
    let mut name = String::new();
    for c in column.chars().take(100) {
        match c {
            c if c.is_ascii_alphanumeric() || c == '_' => name.push(c),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    if column.chars().any(|c| !(c.is_ascii_alphanumeric() || c == '_')) {
        name = name.trim_matches('_').to_ascii_lowercase();
    }
    if name.is_empty() {
        name.push_str("column");
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}
