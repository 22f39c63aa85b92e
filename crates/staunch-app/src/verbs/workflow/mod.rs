//! `workflow validate`, `run`, `test-state` and `graph`: definitions in the Amazon States Language.

pub(crate) mod graph;
pub(crate) mod run;
pub(crate) mod test_state;
pub(crate) mod validate;

use crate::documents;
use staunch_types::{Error, Place, Result, codes};
use staunch_workflow::{Definition, Value};
use std::path::Path;

/// The longest text of a definition.
const DEFINITION_BYTES_MAX: usize = 4 << 20;

/// The definition in a file, JSON or YAML.
///
/// # Errors
/// Every mistake at once, each placed in the file; `ST0001` for what is no readable file.
fn definition(path: &Path) -> Result<Definition> {
    let text = documents::read(path, DEFINITION_BYTES_MAX)?;
    Definition::parse(&text).map_err(|error| {
        let placed = error.all().map(|error| {
            let place = Place { file: Some(path.to_owned()), ..error.where_().clone() };
            let placed = Error::new(error.code(), error.message()).place(place);
            placed.hint(error.next_step().unwrap_or("mend the definition at this place"))
        });
        Error::many(placed.collect()).unwrap_or(error)
    })
}

/// The JSON in a file.
///
/// # Errors
/// `ST0001` if it is no JSON.
fn json(path: &Path) -> Result<Value> {
    let text = documents::read(path, documents::DATA_BYTES_MAX)?;
    Value::parse(&text).map_err(|why| not_json(why).place(Place::file(path)))
}

fn not_json(why: String) -> Error {
    Error::new(codes::YAML, "this is not JSON").cause(why).hint("mend the JSON at this place")
}
