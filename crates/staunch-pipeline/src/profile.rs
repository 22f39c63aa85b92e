//! `staunch.yaml`: the project's name and the chosen profile.

use crate::fields::{Fields, mapping};
use crate::mistakes::Mistakes;
use crate::model::{Connection, Keep, Object, OptionValue, Options, Profile, SecretRef, Treatment};
use crate::names;
use crate::suggest::hint;
use staunch_contract::yaml_tree::{Document, Key, Node, Spot, Value};
use staunch_types::{Place, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// `memory:` unless the profile says otherwise.
const MEMORY: u64 = 512 << 20;
/// `epoch_bytes:` unless the profile says otherwise.
const EPOCH_BYTES: u64 = 64 << 20;

/// Keys of the project file that have a meaning and are not implemented yet.
const PROJECT_LATER: &[&str] = &["limits", "functions", "workflows"];
/// Keys of a profile that have a meaning and are not implemented yet; they cannot be names of connections.
const PROFILE_LATER: &[&str] = &["transports", "runner", "limits", "secrets", "network"];

/// The key of an object that names the PII classes that may reach it.
const CLEARS: &str = "clears";

const TREATMENTS: &[(&str, Treatment)] = &[
    ("keep", Treatment::Keep),
    ("drop", Treatment::Drop),
    ("mask", Treatment::Mask),
    ("token", Treatment::Token),
];

/// The names of connections that could not be read: nothing more is said about what they hold.
pub(crate) type Unclear = BTreeSet<String>;

/// The project's name and the chosen profile, as far as they could be read.
pub(crate) fn project(
    root: &Path,
    doc: &Document,
    chosen: Option<&str>,
    mistakes: &mut Mistakes,
) -> (Option<String>, Option<(Profile, Unclear)>) {
    let spot = doc.root.spot;
    let Some(mut fields) = Fields::new(doc, &doc.root, "the project", spot, mistakes) else {
        return (None, None);
    };
    let name = fields.required_text("project", "project: NAME", mistakes).and_then(|name| {
        let place = doc.place(name.spot);
        names::outer(name.text, "a project", place, mistakes).then(|| name.text.to_owned())
    });
    let profiles = fields.required("profiles", "profiles: {dev: {}}", mistakes);
    let profiles_spot = fields.key_spot("profiles").unwrap_or(spot);
    fields.finish(PROJECT_LATER, mistakes);
    let Some(entries) = profiles.and_then(|node| mapping(doc, node, "`profiles`", profiles_spot, mistakes))
    else {
        return (name, None);
    };
    let (key, node) = match choose(doc, entries, chosen, doc.place(profiles_spot), mistakes) {
        Some(entry) => entry,
        None => return (name, None),
    };
    (name, profile(root, doc, key, node, mistakes))
}

/// The names of all profiles, as far as they can be read.
pub(crate) fn names(doc: &Document) -> Vec<String> {
    let Value::Map(entries) = &doc.root.value else { return Vec::new() };
    match entries.iter().find(|(key, _)| key.text == "profiles").map(|(_, node)| &node.value) {
        Some(Value::Map(profiles)) => profiles.iter().map(|(key, _)| key.text.clone()).collect(),
        _ => Vec::new(),
    }
}

fn choose<'a>(
    doc: &Document,
    entries: &'a [(Key, Node)],
    chosen: Option<&str>,
    place: Place,
    mistakes: &mut Mistakes,
) -> Option<&'a (Key, Node)> {
    for (key, _) in entries {
        names::outer(&key.text, "a profile", doc.place(key.spot), mistakes);
    }
    let known: Vec<&str> = entries.iter().map(|(k, _)| k.text.as_str()).collect();
    let named = |name: &str| entries.iter().find(|(k, _)| k.text == name);
    match (chosen, entries) {
        (Some(name), _) => {
            let found = named(name);
            if found.is_none() {
                let message = format!("there is no profile `{}`", names::shown(name));
                mistakes.add(codes::UNKNOWN_NAME, place, message, hint(name, &known, "profiles"));
            }
            found
        }
        (None, [only]) => Some(only),
        (None, []) => {
            mistakes.add(codes::MISSING_KEY, place, "the project has no profile", "add `dev: {}`");
            None
        }
        (None, _) => {
            let found = named("dev");
            if found.is_none() {
                let next = format!("choose one: --profile {}", known.join(" or --profile "));
                mistakes.add(codes::UNKNOWN_NAME, place, "none of the profiles is named `dev`", next);
            }
            found
        }
    }
}

fn profile(
    root: &Path,
    doc: &Document,
    key: &Key,
    node: &Node,
    mistakes: &mut Mistakes,
) -> Option<(Profile, Unclear)> {
    let name = key.text.clone();
    let what = format!("profile `{}`", names::shown(&name));
    let mut fields = Fields::new(doc, node, &what, key.spot, mistakes)?;
    let secret = fields.node("key", mistakes).map(|node| secret(doc, node, mistakes));
    let pii = pii(doc, &mut fields, mistakes);
    let memory = fields.bytes("memory", mistakes).unwrap_or(MEMORY);
    let epoch_bytes = fields.bytes("epoch_bytes", mistakes).unwrap_or(EPOCH_BYTES);
    let verify = &[("footer", false), ("full", true)];
    let verify_full = fields.one_of("verify", verify, mistakes).unwrap_or(false);
    let keep = keep(doc, &mut fields, mistakes);
    let state = fields.text("state", mistakes).and_then(|text| path(doc, text.text, text.spot, mistakes));
    let state = root.join(state.unwrap_or_else(|| Path::new(".staunch").join(&name)));
    let mut connections = BTreeMap::new();
    fields.refuse(PROFILE_LATER, mistakes);
    let mut unclear = Unclear::new();
    for (key, node) in fields.others(PROFILE_LATER) {
        let before = mistakes.count();
        if let Some(connection) = connection(doc, key, node, &what, mistakes) {
            connections.insert(connection.name.clone(), connection);
        }
        if mistakes.count() > before {
            unclear.insert(key.text.clone());
        }
    }
    let profile =
        Profile { name, key: secret, pii, memory, state, verify_full, epoch_bytes, keep, connections };
    Some((profile, unclear))
}

/// `${file:PATH}` or `${env:NAME}`. There is a key, if a wrong one: it is not reported as missing too.
fn secret(doc: &Document, node: &Node, mistakes: &mut Mistakes) -> SecretRef {
    secret_ref(doc, node, mistakes).unwrap_or_else(|| SecretRef::Env(String::new(), doc.place(node.spot)))
}

/// The value itself is never quoted: somebody may have written the secret there.
fn secret_ref(doc: &Document, node: &Node, mistakes: &mut Mistakes) -> Option<SecretRef> {
    const NEXT: &str = "write `key: ${file:PATH}` or `key: ${env:NAME}`";
    let place = doc.place(node.spot);
    let Value::Text(text) = &node.value else {
        mistakes.add(codes::BAD_VALUE, place, "the key is not named by a reference", NEXT);
        return None;
    };
    let inner = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'));
    match inner.and_then(|t| t.split_once(':')) {
        Some(("file", file)) => path(doc, file, node.spot, mistakes).map(|path| SecretRef::File(path, place)),
        Some(("env", variable)) if names::is_variable(variable) => {
            Some(SecretRef::Env(variable.to_owned(), place))
        }
        Some(("env", _)) => {
            let message = "this cannot be the name of a variable of the environment";
            mistakes.add(codes::BAD_NAME, place, message, "use letters, digits and `_`");
            None
        }
        Some(("secret", _)) => {
            mistakes.add(codes::BAD_VALUE, place, "`${secret:...}` is not implemented yet", NEXT);
            None
        }
        _ => {
            mistakes.add(codes::BAD_VALUE, place, "the key is not named by a reference", NEXT);
            None
        }
    }
}

/// A path as it is written: relative to the project, or absolute.
fn path(doc: &Document, text: &str, spot: Spot, mistakes: &mut Mistakes) -> Option<PathBuf> {
    let (message, next) = if text.is_empty() {
        ("the path is empty", "write a path, relative to the project")
    } else if text.starts_with('~') {
        ("`~` is not replaced by the home folder", "write the path out")
    } else if text.contains("${") {
        ("`${...}` is not implemented here yet", "write the path out")
    } else if text.chars().any(char::is_control) {
        ("the path holds a control character", "write the path on one line")
    } else {
        return Some(PathBuf::from(text));
    };
    mistakes.add(codes::BAD_VALUE, doc.place(spot), message, next);
    None
}

fn keep(doc: &Document, fields: &mut Fields<'_>, mistakes: &mut Mistakes) -> Keep {
    let mut keep = Keep::default();
    let Some(node) = fields.node("keep", mistakes) else { return keep };
    let spot = fields.key_spot("keep").unwrap_or(node.spot);
    let Some(mut kinds) = Fields::new(doc, node, "`keep`", spot, mistakes) else { return keep };
    for (kind, kept) in [
        ("runs", &mut keep.runs),
        ("dead_letters", &mut keep.dead_letters),
        ("late_rows", &mut keep.late_rows),
        ("ids", &mut keep.ids),
    ] {
        *kept = kinds.duration(kind, mistakes).unwrap_or(*kept);
    }
    kinds.finish(&[], mistakes);
    keep
}

fn pii(doc: &Document, fields: &mut Fields<'_>, mistakes: &mut Mistakes) -> BTreeMap<String, Treatment> {
    let mut pii = BTreeMap::new();
    let Some(node) = fields.node("pii", mistakes) else { return pii };
    let spot = fields.key_spot("pii").unwrap_or(node.spot);
    // Every key is a class, so that none can be unknown.
    for (class, node) in mapping(doc, node, "`pii`", spot, mistakes).unwrap_or_default() {
        let typed = if let Value::Text(text) = &node.value { text.as_str() } else { "" };
        if let Some((_, treatment)) = TREATMENTS.iter().find(|(name, _)| *name == typed) {
            pii.insert(class.text.clone(), *treatment);
            continue;
        }
        let known: Vec<&str> = TREATMENTS.iter().map(|(name, _)| *name).collect();
        let at = if node.value == Value::Null { class.spot } else { node.spot };
        let message =
            format!("`pii`: `{}` is none of `keep`, `drop`, `mask`, `token`", names::shown(&class.text));
        mistakes.add(codes::BAD_VALUE, doc.place(at), message, hint(typed, &known, "treatments"));
        // The class has a treatment, if a wrong one: it is not reported as missing too.
        pii.insert(class.text.clone(), Treatment::Drop);
    }
    pii
}

fn connection(
    doc: &Document,
    key: &Key,
    node: &Node,
    profile: &str,
    mistakes: &mut Mistakes,
) -> Option<Connection> {
    if !matches!(node.value, Value::Map(_)) {
        let known = ["key", "pii", "memory", "state", "verify", "epoch_bytes", "keep"];
        let message = format!("{profile} has no key `{}`, and it is no connection", names::shown(&key.text));
        let meant = crate::suggest(&key.text, known).map(|m| format!("did you mean `{m}`?"));
        let next = meant.unwrap_or_else(|| "write a connection as `{type: files, ...}`".to_owned());
        mistakes.add(codes::UNKNOWN_KEY, doc.place(key.spot), message, next);
        return None;
    }
    names::outer(&key.text, "a connection", doc.place(key.spot), mistakes);
    let what = format!("connection `{}`", names::shown(&key.text));
    let mut fields = Fields::new(doc, node, &what, key.spot, mistakes)?;
    let system = fields.required_text("type", "type: files", mistakes);
    if let Some(system) = system {
        names::outer(system.text, "a type of connection", doc.place(system.spot), mistakes);
    }
    let objects_node = fields.node("objects", mistakes);
    let mut objects = BTreeMap::new();
    let spot = fields.key_spot("objects").unwrap_or(key.spot);
    let entries =
        objects_node.and_then(|node| mapping(doc, node, &format!("{what}: `objects`"), spot, mistakes));
    for (key, node) in entries.unwrap_or_default() {
        names::outer(&key.text, "an object", doc.place(key.spot), mistakes);
        let what = format!("{what}: object `{}`", names::shown(&key.text));
        if let Some(entries) = mapping(doc, node, &what, key.spot, mistakes) {
            let clears = entries.iter().find(|(key, _)| key.text == CLEARS);
            let clears = clears.map(|(_, node)| classes(doc, &what, node, mistakes)).unwrap_or_default();
            let own = entries.iter().filter(|(key, _)| key.text != CLEARS);
            let options = options(doc, &what, own, mistakes);
            let object = Object { name: key.text.clone(), place: doc.place(key.spot), clears, options };
            objects.insert(key.text.clone(), object);
        }
    }
    let options = options(doc, &what, fields.others(&[]), mistakes);
    Some(Connection {
        name: key.text.clone(),
        system: system.map(|t| t.text.to_owned()).unwrap_or_default(),
        place: doc.place(key.spot),
        options,
        objects,
    })
}

/// `[email, name]`, or one class alone.
fn classes(doc: &Document, what: &str, node: &Node, mistakes: &mut Mistakes) -> BTreeSet<String> {
    let one = std::slice::from_ref(node);
    let items = if let Value::List(items) = &node.value { items.as_slice() } else { one };
    let mut classes = BTreeSet::new();
    for item in items {
        let Value::Text(class) = &item.value else {
            let message = format!("{what}: `{CLEARS}` names PII classes, and this is {}", item.value.kind());
            mistakes.add(codes::BAD_VALUE, doc.place(item.spot), message, "write `clears: [email]`");
            continue;
        };
        classes.insert(class.clone());
    }
    if items.is_empty() {
        let message = format!("{what}: `{CLEARS}` is an empty list");
        mistakes.add(codes::BAD_VALUE, doc.place(node.spot), message, "name a class, or remove the key");
    }
    classes
}

fn options<'a>(
    doc: &Document,
    what: &str,
    entries: impl Iterator<Item = &'a (Key, Node)>,
    mistakes: &mut Mistakes,
) -> Options {
    let mut options = Options::default();
    for (key, node) in entries {
        if node.value == Value::Null {
            let message = format!("{what}: `{}` is empty", names::shown(&key.text));
            let next = "give it a value, or remove the key";
            mistakes.add(codes::BAD_VALUE, doc.place(key.spot), message, next);
            continue;
        }
        let place = doc.place(node.spot);
        let value = json(doc, node, mistakes);
        options.entries.insert(key.text.clone(), OptionValue { value, place });
    }
    options
}

/// The value as JSON. `${...}` anywhere in it is refused: it would be passed on as it is written.
fn json(doc: &Document, node: &Node, mistakes: &mut Mistakes) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) => match (u64::try_from(*number), i64::try_from(*number)) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) => number.into(),
            _ => {
                mistakes.add(
                    codes::BAD_VALUE,
                    doc.place(node.spot),
                    "the number is too large",
                    "write a smaller number",
                );
                Json::Null
            }
        },
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Text(text) => {
            if text.contains("${") {
                let next = "write the value out; `${file:...}` and `${env:...}` work for `key:` alone";
                mistakes.add(
                    codes::BAD_VALUE,
                    doc.place(node.spot),
                    "`${...}` is not implemented here yet",
                    next,
                );
            }
            Json::String(text.clone())
        }
        Value::List(items) => Json::Array(items.iter().map(|item| json(doc, item, mistakes)).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(k, v)| (k.text.clone(), json(doc, v, mistakes))).collect())
        }
    }
}
