//! A pipeline file, as far as it can be read alone: its stages, not yet their edges.

#[cfg(test)]
mod tests;

use crate::fields::{Fields, Text, mapping};
use crate::files;
use crate::mistakes::Mistakes;
use crate::model::{Budget, Declassified, Input, Late, ObjectRef, OnDrift, Profile, Sql, Validate};
use crate::names;
use crate::profile::Unclear;
use crate::suggest::hint;
use crate::{sql, sqltext};
use staunch_contract::Contract;
use staunch_contract::yaml_tree::{Document, Key, Node, Spot, Value};
use staunch_types::{Place, WriteMode, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The most stages of one pipeline.
const MOST_STAGES: usize = 1000;

const LATER: &[&str] = &[
    "keep",
    "transports",
    "transport",
    "runner",
    "limits",
    "schedule",
    "parallelism",
    "state",
    "max_unapplied",
];
const READ_LATER: &[&str] =
    &["max_jump", "keep", "cursor", "lag", "snapshot", "partition", "transport", "limits", "idle_after"];
const PROCESS_LATER: &[&str] =
    &["function", "model", "keep", "transport", "runner", "limits", "state", "ttl", "key"];
const WRITE_LATER: &[&str] = &["keep", "transport", "guarantee", "limits", "contract"];

/// What a pipeline file may refer to.
pub(crate) struct Catalog<'a> {
    pub(crate) root: &'a Path,
    /// `None` if it could not be read; then nothing is said about what it should hold.
    pub(crate) profile: Option<&'a Profile>,
    /// The connections about which nothing is said, because they are wrong themselves.
    pub(crate) unclear: &'a Unclear,
    pub(crate) contracts: &'a BTreeMap<String, Arc<Contract>>,
    /// The stems of contract files that could not be read.
    pub(crate) broken: &'a BTreeSet<String>,
}

/// A pipeline as read. What is missing was noted as a mistake.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// Where the name stands.
    pub(crate) place: Place,
    pub(crate) epoch_bytes: Option<u64>,
    pub(crate) budget: Budget,
    pub(crate) keep_dead_letters: Option<Duration>,
    /// Whether `read:`, `process:` and `write:` could be read: only then is something said about what is not there.
    pub(crate) clear: bool,
    pub(crate) reads: Vec<DraftRead>,
    pub(crate) processes: Vec<DraftProcess>,
    pub(crate) writes: Vec<DraftWrite>,
}

#[derive(Debug)]
pub(crate) struct DraftRead {
    /// Whether nothing is wrong with it; else what lies below it is not looked into.
    pub(crate) sound: bool,
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) from: Option<ObjectRef>,
    pub(crate) contract: Option<Arc<Contract>>,
    pub(crate) contract_place: Place,
    pub(crate) reference: bool,
    pub(crate) late_after: Option<Duration>,
    pub(crate) late: Late,
    pub(crate) validate: Validate,
    pub(crate) on_drift: Option<OnDrift>,
}

#[derive(Debug)]
pub(crate) struct DraftProcess {
    /// As with reads.
    pub(crate) sound: bool,
    pub(crate) name: String,
    pub(crate) place: Place,
    /// The query and what it reads.
    pub(crate) query: Option<(Sql, Vec<Input>)>,
    pub(crate) contract: Option<Arc<Contract>>,
    pub(crate) nondeterministic: bool,
    pub(crate) declassify: BTreeMap<String, Declassified>,
}

#[derive(Debug)]
pub(crate) struct DraftWrite {
    /// As with reads.
    pub(crate) sound: bool,
    pub(crate) place: Place,
    pub(crate) from: Option<Input>,
    pub(crate) to: Option<ObjectRef>,
    pub(crate) mode: WriteMode,
    pub(crate) mode_place: Place,
    pub(crate) allow_empty: bool,
}

/// Reads one pipeline. `None` if it has no name or no mapping.
pub(crate) fn read(doc: &Document, catalog: &Catalog<'_>, mistakes: &mut Mistakes) -> Option<Draft> {
    let spot = doc.root.spot;
    let mut fields = Fields::new(doc, &doc.root, "the pipeline", spot, mistakes)?;
    let name = fields.required_text("pipeline", "pipeline: NAME", mistakes);
    if let Some(name) = name {
        names::stage(name.text, "pipeline", doc.place(name.spot), mistakes);
    }
    let epoch_bytes = fields.bytes("epoch_bytes", mistakes);
    let (budget, keep_dead_letters) = dead_letters(doc, &mut fields, mistakes);
    let before = mistakes.count();
    let reads = stages(doc, &mut fields, "read", mistakes);
    let processes = stages(doc, &mut fields, "process", mistakes);
    let writes = write_items(doc, &mut fields, mistakes);
    let clear = mistakes.count() == before;
    let count = reads.len() + processes.len();
    fields.finish(LATER, mistakes);
    let place = name.map_or_else(|| doc.place(spot), |n| doc.place(n.spot));
    if count > MOST_STAGES || writes.len() > MOST_STAGES {
        let message = format!("the pipeline has more than {MOST_STAGES} stages");
        mistakes.add(codes::BAD_VALUE, place, message, "split it");
        return None;
    }
    let unclear =
        |at: &Option<ObjectRef>| at.as_ref().is_none_or(|at| catalog.unclear.contains(&at.connection));
    let read_one = |(key, node): &(Key, Node)| {
        let before = mistakes.count();
        let draft = read_stage(doc, key, node, catalog, mistakes);
        let sound = mistakes.count() == before && !unclear(&draft.from);
        DraftRead { sound, ..draft }
    };
    let reads = reads.iter().map(read_one).collect();
    let process_one = |(key, node): &(Key, Node)| {
        let before = mistakes.count();
        let draft = process(doc, key, node, catalog, mistakes);
        let sound = mistakes.count() == before && draft.sound;
        DraftProcess { sound, ..draft }
    };
    let processes = processes.iter().map(process_one).collect();
    let write_one = |node: &Node| {
        let before = mistakes.count();
        let draft = write(doc, node, catalog, mistakes);
        let sound = mistakes.count() == before && !unclear(&draft.to);
        DraftWrite { sound, ..draft }
    };
    let writes = writes.iter().map(write_one).collect();
    Some(Draft {
        name: name?.text.to_owned(),
        file: doc.file.clone(),
        place,
        epoch_bytes,
        budget,
        keep_dead_letters,
        clear,
        reads,
        processes,
        writes,
    })
}

/// The named stages under `read:` or `process:`.
fn stages<'a>(
    doc: &'a Document,
    fields: &mut Fields<'a>,
    key: &'static str,
    mistakes: &mut Mistakes,
) -> &'a [(Key, Node)] {
    let Some(node) = fields.node(key, mistakes) else { return &[] };
    let spot = fields.key_spot(key).unwrap_or(node.spot);
    mapping(doc, node, &format!("`{key}`"), spot, mistakes).unwrap_or_default()
}

fn dead_letters(
    doc: &Document,
    fields: &mut Fields<'_>,
    mistakes: &mut Mistakes,
) -> (Budget, Option<Duration>) {
    let mut budget = Budget { at_most: 0.05, from_row: 1000 };
    let Some(node) = fields.node("dead_letters", mistakes) else { return (budget, None) };
    let spot = fields.key_spot("dead_letters").unwrap_or(node.spot);
    let Some(mut keys) = Fields::new(doc, node, "`dead_letters`", spot, mistakes) else {
        return (budget, None);
    };
    if let Some(share) = keys.share("at_most", mistakes) {
        budget.at_most = share;
    }
    if let Some(row) = keys.number("from_row", mistakes) {
        budget.from_row = row;
    }
    let keep = keys.duration("keep", mistakes);
    keys.finish(&[], mistakes);
    (budget, keep)
}

fn read_stage(
    doc: &Document,
    key: &Key,
    node: &Node,
    catalog: &Catalog<'_>,
    mistakes: &mut Mistakes,
) -> DraftRead {
    let name = key.text.as_str();
    let place = doc.place(key.spot);
    names::stage(name, "stage", place.clone(), mistakes);
    let what = format!("read `{}`", names::shown(name));
    let mut draft = DraftRead {
        sound: true,
        name: name.to_owned(),
        place: place.clone(),
        from: None,
        contract: None,
        contract_place: place.clone(),
        reference: false,
        late_after: None,
        late: Late::Keep,
        validate: Validate::All,
        on_drift: None,
    };
    let Some(mut fields) = Fields::new(doc, node, &what, key.spot, mistakes) else { return draft };
    draft.from = fields
        .required_text("from", "from: connection/object", mistakes)
        .and_then(|text| object(doc, text, catalog, mistakes));
    let version = fields.required_text("contract", "contract: name@1", mistakes);
    draft.contract_place = version.map_or(place, |t| doc.place(t.spot));
    draft.contract = version.and_then(|text| contract(doc, text, catalog, mistakes));
    draft.reference = fields.flag("reference", mistakes);
    draft.late_after = fields.duration("late_after", mistakes);
    let late = fields.one_of("late", &[("keep", Late::Keep), ("include", Late::Include)], mistakes);
    let validate = fields.one_of("validate", &[("all", Validate::All), ("used", Validate::Used)], mistakes);
    draft.on_drift = fields.one_of("on_drift", &OnDrift::WORDS, mistakes);
    let late_spot = fields.key_spot("late_after");
    if let (Some(spot), Some(contract)) = (late_spot, &draft.contract)
        && contract.event_time.is_none()
    {
        let message = format!("{what}: `late_after` needs an event time, and `{}` names none", contract.id());
        let next = "add `event_time: FIELD` to the contract, or remove `late_after`";
        mistakes.add(codes::BAD_VALUE, fields.place(spot), message, next);
    }
    if let Some(spot) = late_spot.filter(|_| draft.reference) {
        let message = format!("{what}: reference data are read as one version, and nothing in it is late");
        mistakes.add(codes::BAD_VALUE, fields.place(spot), message, "remove `late_after` or `reference`");
    }
    if let (Some(spot), Some(Late::Include), None) = (fields.key_spot("late"), late, late_spot) {
        let message = format!("{what}: without `late_after` nothing is late");
        mistakes.add(codes::BAD_VALUE, fields.place(spot), message, "add `late_after`, or remove `late`");
    }
    fields.finish(READ_LATER, mistakes);
    draft.late = late.unwrap_or(Late::Keep);
    draft.validate = validate.unwrap_or(Validate::All);
    draft
}

fn process(
    doc: &Document,
    key: &Key,
    node: &Node,
    catalog: &Catalog<'_>,
    mistakes: &mut Mistakes,
) -> DraftProcess {
    let name = key.text.as_str();
    let place = doc.place(key.spot);
    names::stage(name, "stage", place.clone(), mistakes);
    let mut draft = DraftProcess {
        sound: true,
        name: name.to_owned(),
        place: place.clone(),
        query: None,
        contract: None,
        nondeterministic: false,
        declassify: BTreeMap::new(),
    };
    if let Value::Text(text) = &node.value {
        if is_file(text) {
            let message = format!("process `{}` is the name of a file", names::shown(name));
            mistakes.add(codes::SQL_SYNTAX, doc.place(node.spot), message, "write `{sql: FILE.sql}`");
        } else {
            draft.query = with_inputs(sqltext::from_scalar(doc, text, node.spot, mistakes), mistakes);
        }
        return draft;
    }
    let what = format!("process `{}`", names::shown(name));
    if node.value == Value::Null {
        mistakes.add(codes::MISSING_KEY, place, format!("{what} is empty"), "write `SELECT ... FROM stage`");
        return draft;
    }
    let Some(mut fields) = Fields::new(doc, node, &what, key.spot, mistakes) else { return draft };
    // A stage that names a function is told that this is not implemented yet, not that it lacks SQL.
    let other_kind = PROCESS_LATER.iter().take(2).any(|k| fields.has(k));
    let sql = if other_kind {
        fields.text("sql", mistakes)
    } else {
        fields.required_text("sql", "sql: SELECT ... FROM stage", mistakes)
    };
    let wanted = fields.text("contract", mistakes);
    draft.contract = wanted.and_then(|text| contract(doc, text, catalog, mistakes));
    // Nothing is noted here about a contract whose own file is wrong.
    draft.sound = wanted.is_none() || draft.contract.is_some();
    let allow = fields.one_of("allow", &[("nondeterministic", true)], mistakes);
    draft.nondeterministic = allow.unwrap_or(false);
    draft.declassify = declassify(doc, &what, &mut fields, mistakes);
    fields.finish(PROCESS_LATER, mistakes);
    let sql = sql.and_then(|text| {
        if is_file(text.text) {
            sql_file(doc, text, catalog, mistakes)
        } else {
            sqltext::from_scalar(doc, text.text, text.spot, mistakes)
        }
    });
    draft.query = with_inputs(sql, mistakes);
    draft
}

/// `declassify: {COLUMN: why}`
fn declassify(
    doc: &Document,
    what: &str,
    fields: &mut Fields<'_>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Declassified> {
    let Some(node) = fields.node("declassify", mistakes) else { return BTreeMap::new() };
    let spot = fields.key_spot("declassify").unwrap_or(node.spot);
    let columns = mapping(doc, node, &format!("{what}: `declassify`"), spot, mistakes).unwrap_or_default();
    let one = |(column, node): &(Key, Node)| {
        let reason = if let Value::Text(text) = &node.value { text.trim() } else { "" };
        if reason.is_empty() {
            let column = names::shown(&column.text);
            let message = format!("{what}: `declassify` does not say why `{column}` is not personal");
            let next = format!("write `declassify: {{{column}: the reason, in words}}`");
            mistakes.add(codes::BAD_VALUE, doc.place(node.spot), message, next);
        }
        (column.text.clone(), Declassified { reason: reason.to_owned(), place: doc.place(column.spot) })
    };
    columns.iter().map(one).collect()
}

fn with_inputs(sql: Option<Sql>, mistakes: &mut Mistakes) -> Option<(Sql, Vec<Input>)> {
    let sql = sql?;
    let inputs = sql::inputs(&sql, mistakes)?;
    Some((sql, inputs))
}

/// Whether the text names a file: one word that ends in `.sql`.
fn is_file(text: &str) -> bool {
    let text = text.trim();
    text.ends_with(".sql") && !text.contains(char::is_whitespace)
}

fn sql_file(doc: &Document, text: Text<'_>, catalog: &Catalog<'_>, mistakes: &mut Mistakes) -> Option<Sql> {
    let folder = doc.file.parent().unwrap_or_else(|| Path::new(""));
    let place = doc.place(text.spot);
    let outside = |mistakes: &mut Mistakes, place: Place| {
        let message = "the path leads out of the project";
        mistakes.add(
            codes::BAD_VALUE,
            place,
            message,
            "write a path inside the project, relative to this file",
        );
    };
    let Some(file) = files::beside(folder, text.text.trim()) else {
        outside(mistakes, place);
        return None;
    };
    if !files::inside(catalog.root, &file) {
        outside(mistakes, place);
        return None;
    }
    match files::read(catalog.root, &file) {
        Ok(Some(text)) => Some(sqltext::from_file(text, &file)),
        Ok(None) => {
            let folder = file.parent().unwrap_or(folder);
            let there: Vec<String> = files::list(catalog.root, folder)
                .unwrap_or_default()
                .into_iter()
                .filter(|f| f.ends_with(".sql"))
                .collect();
            let wanted = file.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
            let message = format!("there is no file `{}`", names::shown(&file.to_string_lossy()));
            let next = hint(&wanted, &there, ".sql files there");
            mistakes.add(codes::UNKNOWN_NAME, place, message, next);
            None
        }
        Err(error) => {
            mistakes.push(error);
            None
        }
    }
}

/// The items under `write:`.
fn write_items<'a>(doc: &Document, fields: &mut Fields<'a>, mistakes: &mut Mistakes) -> &'a [Node] {
    let Some(node) = fields.node("write", mistakes) else { return &[] };
    if let Value::List(items) = &node.value {
        return items;
    }
    let message = format!("`write` is {}, not a list", node.value.kind());
    mistakes.add(
        codes::YAML,
        doc.place(node.spot),
        message,
        "write `- {from: stage, to: connection/object}`",
    );
    &[]
}

fn write(doc: &Document, node: &Node, catalog: &Catalog<'_>, mistakes: &mut Mistakes) -> DraftWrite {
    let place = doc.place(node.spot);
    let mut draft = DraftWrite {
        sound: true,
        place: place.clone(),
        from: None,
        to: None,
        mode: WriteMode::Append,
        mode_place: place,
        allow_empty: false,
    };
    let Some(mut fields) = Fields::new(doc, node, "the write", node.spot, mistakes) else { return draft };
    draft.from = fields
        .required_text("from", "from: STAGE", mistakes)
        .map(|text| Input { stage: text.text.to_owned(), place: doc.place(text.spot) });
    draft.to = fields
        .required_text("to", "to: connection/object", mistakes)
        .and_then(|text| object(doc, text, catalog, mistakes));
    let modes =
        &[("append", WriteMode::Append), ("upsert", WriteMode::Upsert), ("replace", WriteMode::Replace)];
    let mode_node = fields.node("mode", mistakes);
    if let Some(node) = mode_node {
        draft.mode_place = doc.place(node.spot);
    }
    // Only a mode that is there and good, or not there at all, is judged further.
    let mode = mode_node.and_then(|_| fields.one_of("mode", modes, mistakes));
    draft.allow_empty = fields.flag("allow_empty", mistakes);
    let judged = mode.or((!fields.has("mode")).then_some(WriteMode::Append));
    if let (true, Some(spot), Some(mode)) = (draft.allow_empty, fields.key_spot("allow_empty"), judged)
        && mode != WriteMode::Replace
    {
        let message = format!("`allow_empty` belongs to `mode: replace`, and this write is `{mode}`");
        mistakes.add(
            codes::BAD_VALUE,
            fields.place(spot),
            message,
            "remove `allow_empty`, or write `mode: replace`",
        );
    }
    fields.finish(WRITE_LATER, mistakes);
    draft.mode = mode.unwrap_or(WriteMode::Append);
    draft
}

/// `connection/object`, checked against the profile.
fn object(
    doc: &Document,
    text: Text<'_>,
    catalog: &Catalog<'_>,
    mistakes: &mut Mistakes,
) -> Option<ObjectRef> {
    let place = doc.place(text.spot);
    let Some((connection, object)) = text.text.split_once('/') else {
        let message = format!("`{}` does not name an object", names::shown(text.text));
        mistakes.add(codes::BAD_VALUE, place, message, "write `connection/object`");
        return None;
    };
    let length = connection.chars().count();
    let at = |spot: Spot, skip: usize, length: usize| doc.place_in(spot, skip, length);
    let object_place = at(text.spot, length + 1, object.chars().count());
    if !names::outer(connection, "a connection", at(text.spot, 0, length), mistakes)
        || !names::outer(object, "an object", object_place.clone(), mistakes)
    {
        return None;
    }
    if let Some(profile) = catalog.profile.filter(|_| !catalog.unclear.contains(connection)) {
        let Some(found) = profile.connections.get(connection) else {
            let known: Vec<&String> = profile.connections.keys().collect();
            let message = format!("profile `{}` has no connection `{connection}`", profile.name);
            let next = hint(connection, &known, "connections");
            mistakes.add(codes::UNKNOWN_NAME, at(text.spot, 0, length), message, next);
            return None;
        };
        // Every table of a database is an object: it need not be declared unless it has options.
        if found.system != "sqlite" && !found.objects.contains_key(object) {
            let known: Vec<&String> = found.objects.keys().collect();
            let message =
                format!("connection `{connection}` of profile `{}` has no object `{object}`", profile.name);
            mistakes.add(codes::UNKNOWN_NAME, object_place, message, hint(object, &known, "objects"));
            return None;
        }
    }
    Some(ObjectRef { connection: connection.to_owned(), object: object.to_owned(), place })
}

/// `name@version`, looked up among the contracts.
fn contract(
    doc: &Document,
    text: Text<'_>,
    catalog: &Catalog<'_>,
    mistakes: &mut Mistakes,
) -> Option<Arc<Contract>> {
    let place = doc.place(text.spot);
    let typed = text.text;
    if let Some(found) = catalog.contracts.get(typed) {
        return Some(Arc::clone(found));
    }
    let (name, version) = typed.split_once('@').map_or((typed, None), |(n, v)| (n, Some(v)));
    let of_name: Vec<&String> = catalog
        .contracts
        .values()
        .filter(|c| c.name == name)
        .filter_map(|c| catalog.contracts.get_key_value(&c.id()))
        .map(|(id, _)| id)
        .collect();
    let there = of_name.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let known_version = version.filter(|v| v.parse::<u32>().is_ok_and(|n| n > 0 && n.to_string() == **v));
    if known_version.is_none() {
        let message = format!("`{}` does not name a version of a contract", names::shown(typed));
        let next = if there.is_empty() { "write `name@1`".to_owned() } else { format!("there is {there}") };
        mistakes.add(codes::BAD_VALUE, place, message, next);
    } else if !of_name.is_empty() && !catalog.broken.contains(name) {
        let message = format!(
            "contract `{}` has no version {}",
            names::shown(name),
            names::shown(version.unwrap_or_default())
        );
        mistakes.add(codes::UNKNOWN_NAME, place, message, format!("there is {there}"));
    } else if !catalog.broken.contains(name) {
        let known: Vec<&String> = catalog.contracts.keys().collect();
        let message = format!("there is no contract `{}`", names::shown(name));
        // The name without its version is compared, so that a far version does not hide a near name.
        let bare: BTreeSet<&str> = catalog.contracts.values().map(|c| c.name.as_str()).collect();
        let meant = crate::suggest(name, bare);
        let near = meant.and_then(|m| known.iter().rev().find(|id| id.split('@').next() == Some(m.as_str())));
        let next = match near {
            Some(id) => format!("did you mean `{id}`?"),
            None => hint("", &known, "contracts"),
        };
        mistakes.add(codes::UNKNOWN_NAME, place, message, next);
    }
    None
}
