//! A lock, read: nothing of it is believed before its fingerprint was compared.

use super::{FORMAT, Lock, Pinned, fingerprint};
use crate::model::Contract;
use crate::yaml_tree::{Document, Key, Node, Value};
use staunch_types::{Error, Place, Result, codes};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const MEND: &str =
    "take the file back from version control, and let `staunch contract lock` write it: nothing else may";

impl Lock {
    /// Reads the text of a lock.
    ///
    /// # Errors
    /// `ST0035`: everything that is wrong with it, at once, each with its line.
    pub fn parse(text: String, file: &Path) -> Result<Self> {
        let mut read = Reader { file, errors: Vec::new() };
        let merging = text
            .lines()
            .position(|line| ["<<<<<<<", ">>>>>>>", "======="].iter().any(|mark| line.starts_with(mark)));
        if let Some(line) = merging {
            let place = Place::file(file).at(line as u64 + 1, 1);
            let error = Error::new(codes::LOCK, "the file holds the marks of a merge that was not finished");
            return Err(error
                .place(place)
                .hint("keep the entries of both sides, remove the marks, then run `staunch contract lock`"));
        }
        let mut wrong = Vec::new();
        let doc = Document::parse(text, file, |error| wrong.push(error));
        for error in wrong {
            let place = error.where_().clone();
            let message = format!("the lock cannot be read: {}", error.message());
            read.errors.push(Error::new(codes::LOCK, message).place(place).hint(MEND));
        }
        let lock = doc.map(|doc| read.lock(&doc)).unwrap_or_default();
        match Error::many(read.errors) {
            Some(error) => Err(error),
            None => Ok(lock),
        }
    }
}

struct Reader<'a> {
    file: &'a Path,
    errors: Vec<Error>,
}

impl Reader<'_> {
    fn wrong(&mut self, line: u64, message: impl Into<String>, hint: &str) {
        let place = Place::file(self.file);
        let place = if line == 0 { place } else { place.at(line, 1) };
        self.errors.push(Error::new(codes::LOCK, message).place(place).hint(hint));
    }

    fn entries<'n>(&mut self, node: &'n Node, what: &str) -> &'n [(Key, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            other => {
                self.wrong(node.spot.line, format!("{what} is {}, not a mapping", other.kind()), MEND);
                &[]
            }
        }
    }

    fn lock(&mut self, doc: &Document) -> Lock {
        let mut lock = Lock::default();
        let entries = self.entries(&doc.root, "the lock");
        match entries.iter().find(|(key, _)| key.text == "format").map(|(_, node)| (&node.value, node.spot)) {
            Some((Value::Int(format), _)) if *format == i128::from(FORMAT) => {}
            Some((Value::Int(format), spot)) if *format > i128::from(FORMAT) => {
                let message =
                    format!("the lock has the form {format}, and this version of Staunch knows {FORMAT}");
                self.wrong(spot.line, message, "use the version of Staunch that wrote it, or a later one");
                return lock;
            }
            _ => {
                self.wrong(doc.root.spot.line, format!("the lock does not say `format: {FORMAT}`"), MEND);
                return lock;
            }
        }
        for (key, node) in entries {
            match key.text.as_str() {
                "format" => {}
                "contracts" => {
                    for (id, node) in self.entries(node, "`contracts`") {
                        self.version(id, node, &mut lock);
                    }
                }
                "inferred" => {
                    for (profile, node) in self.entries(node, "`inferred`") {
                        let stages = self.stages(node, &profile.text);
                        lock.inferred.insert(profile.text.clone(), stages);
                    }
                }
                other => self.wrong(key.spot.line, format!("a lock has no key `{other}`"), MEND),
            }
        }
        lock
    }

    fn version(&mut self, id: &Key, node: &Node, lock: &mut Lock) {
        let Some(pinned) = self.pinned(id, node) else { return };
        let found = pinned.contract.id();
        if found != id.text {
            self.wrong(id.spot.line, format!("`{}` is locked with the schema of `{found}`", id.text), MEND);
            return;
        }
        let (name, version) = (pinned.contract.name.clone(), pinned.contract.version);
        lock.versions.entry(name).or_default().insert(version, pinned);
    }

    fn stages(&mut self, node: &Node, profile: &str) -> BTreeMap<String, Pinned> {
        let mut stages = BTreeMap::new();
        for (name, node) in self.entries(node, &format!("`{profile}`")) {
            if let Some(pinned) = self.pinned(name, node) {
                stages.insert(name.text.clone(), pinned);
            }
        }
        stages
    }

    fn pinned(&mut self, name: &Key, node: &Node) -> Option<Pinned> {
        let line = name.spot.line;
        let (mut print, mut avro, mut breaks) = (None, None, Vec::new());
        for (key, node) in self.entries(node, &format!("`{}`", name.text)) {
            match (key.text.as_str(), &node.value) {
                ("fingerprint", Value::Text(text)) => print = Some(text.as_str()),
                ("avro", Value::Text(text)) => avro = Some(text.trim_end_matches('\n')),
                ("breaks", Value::List(items)) => {
                    for item in items {
                        match item.value {
                            Value::Int(n) if u32::try_from(n).is_ok() => breaks.extend(u32::try_from(n)),
                            _ => self.wrong(item.spot.line, "`breaks` lists no version", MEND),
                        }
                    }
                }
                (other, _) => {
                    let message = format!("`{other}` of `{}` is nothing that a lock holds", name.text);
                    self.wrong(key.spot.line, message, MEND);
                }
            }
        }
        let (Some(print), Some(avro)) = (print, avro) else {
            let message = format!("`{}` lacks its `fingerprint` or its `avro`", name.text);
            self.wrong(line, message, MEND);
            return None;
        };
        if fingerprint(avro) != print {
            let message = format!(
                "the schema of `{}` is not the one that was locked: its fingerprint differs",
                name.text
            );
            self.wrong(line, message, MEND);
            return None;
        }
        match Contract::from_avsc(avro, self.file) {
            Ok(contract) => {
                Some(Pinned { contract: Arc::new(contract), avro: avro.to_owned(), breaks, line })
            }
            Err(error) => {
                let message = format!("the schema of `{}` is no contract: {}", name.text, error.message());
                self.wrong(line, message, MEND);
                None
            }
        }
    }
}
