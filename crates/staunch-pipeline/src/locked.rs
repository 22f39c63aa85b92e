//! `contracts.lock`: what was published stays what it is, and stays usable.

use crate::files;
use crate::mistakes::Mistakes;
use staunch_contract::Contract;
use staunch_contract::diff::Diff;
use staunch_contract::lock::{BYTES_MAX, Lock};
use staunch_types::{Place, codes};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the lock, in the folder of the project.
pub const LOCK_FILE: &str = "contracts.lock";

/// The lock of a project, if it has one that can be read.
pub(crate) fn read(root: &Path, mistakes: &mut Mistakes) -> Option<Lock> {
    let file = Path::new(LOCK_FILE);
    let text = match files::read_up_to(BYTES_MAX, root, file) {
        Ok(text) => text?,
        Err(error) => {
            mistakes.push(error);
            return None;
        }
    };
    Lock::parse(text, file).map_err(|error| mistakes.push(error)).ok()
}

/// Refuses declared versions that are not what was locked, and adds the locked ones that are declared no more.
pub(crate) fn join(
    lock: &Lock,
    declared: &BTreeMap<String, PathBuf>,
    contracts: &mut BTreeMap<String, Arc<Contract>>,
    mistakes: &mut Mistakes,
) {
    for pinned in lock.all() {
        let locked = &pinned.contract;
        let id = locked.id();
        let Some(contract) = contracts.get(&id) else {
            contracts.insert(id, Arc::clone(locked));
            continue;
        };
        if pinned.holds(contract) {
            continue;
        }
        let what = Diff::new(locked, contract).map(|diff| diff.line()).unwrap_or_default();
        let newest = lock.versions.get(&locked.name).and_then(|all| all.keys().next_back());
        let next = newest.map_or(locked.version, |newest| newest.saturating_add(1));
        let message = format!("`{id}` was edited after it was locked: {what}");
        let hint = format!(
            "undo the edit, or make it a new version: `version: {next}`; `{id}` stays usable from {LOCK_FILE} (line {})",
            pinned.line
        );
        let place = declared.get(&id).map_or_else(|| Place::file(LOCK_FILE), Place::file);
        mistakes.add(codes::LOCKED, place, message, hint);
    }
}
