//! Large values of an execution, kept beside it: the state holds their hashes, whoever stores it keeps each value once.

use super::execution::{Execution, Phase, Place};
use crate::value::{Map, Shared, Value};
use sha2::Digest as _;
use std::collections::BTreeMap;

/// Values whose JSON is longer are worth being kept beside the state.
pub const LARGE_BYTES: usize = 64 << 10;

/// The one field of an object that stands for a value.
const REFERENCE: &str = "staunch:value";

impl Execution {
    /// The execution with every value whose JSON is longer than `bytes` replaced by a reference, and these values by their hashes:
    /// SHA-256 of their JSON, in hexadecimal. Nothing is ever cut.
    ///
    /// [`Execution::attach`] is the way back.
    #[must_use]
    pub fn detach(&self, bytes: usize) -> (Self, BTreeMap<String, Shared>) {
        let mut small = self.clone();
        let mut large = BTreeMap::new();
        small.each_value(&mut |value| {
            let json = value.to_json();
            // A value that looks like a reference is replaced too, or it would be taken for one.
            if json.len() > bytes || reference(value).is_some() {
                let hash = hex::encode(sha2::Sha256::digest(&json));
                let field = (REFERENCE.to_owned(), Value::from(hash.as_str()));
                let whole = std::mem::replace(value, Value::Object(Map::from_iter([field])).into());
                large.insert(hash, whole);
            }
        });
        (small, large)
    }

    /// The execution with every reference replaced by the value that `resolve` gives for its hash.
    ///
    /// # Errors
    /// The hash of a value that there is not.
    pub fn attach(mut self, mut resolve: impl FnMut(&str) -> Option<Shared>) -> Result<Self, String> {
        let mut missing = None;
        self.each_value(&mut |value| {
            if let Some(hash) = reference(value).map(str::to_owned) {
                match resolve(&hash) {
                    Some(whole) => *value = whole,
                    None => missing = Some(hash),
                }
            }
        });
        match missing {
            None => Ok(self),
            Some(hash) => Err(format!("the value {hash} of the execution is missing")),
        }
    }

    /// Every value that the execution holds.
    fn each_value(&mut self, work: &mut dyn FnMut(&mut Shared)) {
        work(&mut self.identity.input);
        for journal in self.journals.values_mut() {
            if let Some(child) = &mut journal.child {
                work(&mut child.input);
            }
        }
        if let Some(output) = self.outcome.as_mut().and_then(|o| o.output.as_mut()) {
            work(output);
        }
        for thread in self.threads.values_mut() {
            thread.variables.values_mut().for_each(&mut *work);
            if let Some((_, item)) = &mut thread.item {
                work(item);
            }
            let active = match &mut thread.place {
                Place::Before { input, .. } => {
                    work(input);
                    continue;
                }
                Place::In(active) => active,
            };
            work(&mut active.input);
            match &mut active.phase {
                Phase::Branches { outputs, .. } => outputs.iter_mut().flatten().for_each(&mut *work),
                Phase::Items(items) => {
                    items.outputs.iter_mut().flatten().for_each(&mut *work);
                    for (item, input) in &mut items.waiting {
                        work(item);
                        if let Some(input) = input {
                            work(input);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// The hash, if the value is a reference.
fn reference(value: &Value) -> Option<&str> {
    match value {
        Value::Object(map) if map.len() == 1 => map.get(REFERENCE)?.as_str(),
        _ => None,
    }
}
