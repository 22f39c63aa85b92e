//! Opening a project: every file read, everything checked, all mistakes at once.

use crate::files;
use crate::graph;
use crate::locked;
use crate::mistakes::Mistakes;
use crate::model::{Pipeline, Profile, Project, Treatment};
use crate::pipeline::{self, Catalog, Draft};
use crate::profile;
use staunch_contract::Contract;
use staunch_contract::yaml_tree::Document;
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the project file.
const PROJECT_FILE: &str = "staunch.yaml";
/// The most files of one folder of a project.
const MOST_FILES: usize = 10_000;

impl Project {
    /// Opens the project in the folder `root` under a profile: the named one, else `dev`, else the only one there is.
    ///
    /// It reads `staunch.yaml`, `contracts/*.yaml` and `contracts/*.avsc`, `contracts.lock`, `pipelines/*.yaml` and the `.sql` files that these
    /// name; sub-folders are not searched. Places name files relative to `root`. [`Profile::state`] is joined with `root`;
    /// a [`crate::SecretRef::File`] is as written (relative to `root`, or absolute). Profiles other than the chosen one are not looked
    /// into.
    ///
    /// # Errors
    /// `NO_PROJECT` if there is no `staunch.yaml`; otherwise every mistake of all files at once, in the order of files
    /// and lines, see [`Error::all`].
    pub fn load(root: &Path, profile: Option<&str>) -> Result<Self> {
        let Survey { project, mistakes } = Self::survey(root, profile)?;
        match (Error::many(mistakes), project) {
            (Some(error), _) => Err(error),
            (None, Some(project)) => Ok(project),
            (None, None) => Err(Error::new(codes::INTERNAL, "the project was refused without a reason")
                .place(Place::file(PROJECT_FILE))
                .hint("report this with the file")),
        }
    }

    /// Reads as [`Project::load`] does, and goes on where something is wrong: for whoever wants to find more in what is sound.
    ///
    /// # Errors
    /// `NO_PROJECT` if there is no `staunch.yaml`, and what keeps it from being read at all.
    pub fn survey(root: &Path, profile: Option<&str>) -> Result<Survey> {
        let Some(text) = files::read(root, Path::new(PROJECT_FILE))? else {
            return Err(no_project(root));
        };
        let mut mistakes = Mistakes::default();
        let doc = Document::parse(text, Path::new(PROJECT_FILE), |e| mistakes.push(e));
        let profiles = doc.as_ref().map(profile::names).unwrap_or_default();
        let (name, profile) =
            doc.map_or((None, None), |doc| profile::project(root, &doc, profile, &mut mistakes));
        let (mut contracts, declared, broken) = contracts(root, &mut mistakes);
        let lock = locked::read(root, &mut mistakes);
        if let Some(lock) = &lock {
            locked::join(lock, &declared, &mut contracts, &mut mistakes);
        }
        let (profile, unclear) = profile.map_or((None, BTreeSet::new()), |(p, u)| (Some(p), u));
        let catalog = Catalog {
            root,
            profile: profile.as_ref(),
            unclear: &unclear,
            contracts: &contracts,
            broken: &broken,
        };
        let mut untreated = BTreeSet::new();
        let pipelines = pipelines(&catalog, &mut untreated, &mut mistakes);
        let project = profile.map(|mut profile| {
            // Noted already. Kept, such a field lets what lies below be looked at.
            profile.pii.extend(untreated.into_iter().map(|class| (class, Treatment::Keep)));
            let (root, name) = (root.to_owned(), name.unwrap_or_default());
            Self { root, name, profile, profiles, contracts, declared, lock, pipelines }
        });
        Ok(Survey { project, mistakes: mistakes.told() })
    }
}

/// A project as far as it is sound, and what is wrong with the rest.
#[derive(Debug)]
pub struct Survey {
    /// The sound parts. A stage about which there is a mistake is left out, and so is what lies below it. `None` if the profile
    /// cannot be read. Without mistakes it is the whole project; with some it is not fit to be run.
    pub project: Option<Project>,
    /// Every mistake by itself, in the order of files, lines and columns.
    pub mistakes: Vec<Error>,
}

/// The folder of the project that `start` lies in: `start` or the nearest folder above it that holds a `staunch.yaml`. `start`
/// should be absolute: nothing lies above a relative path.
///
/// # Errors
/// `NO_PROJECT` if there is none.
pub fn find_root(start: &Path) -> Result<PathBuf> {
    // `a/..` is not below `a`.
    let parents = start.components().any(|c| c == std::path::Component::ParentDir);
    let resolved = if parents { std::fs::canonicalize(start).ok() } else { None };
    resolved
        .as_deref()
        .unwrap_or(start)
        .ancestors()
        .find(|folder| std::fs::metadata(folder.join(PROJECT_FILE)).is_ok_and(|m| m.is_file()))
        .map(Path::to_owned)
        .ok_or_else(|| no_project(start))
}

fn no_project(folder: &Path) -> Error {
    Error::new(codes::NO_PROJECT, format!("there is no `{PROJECT_FILE}` here"))
        .place(Place::file(folder))
        .hint("go to the folder of a project, name it with --project, or begin one with `staunch init`")
}

/// The files of a folder with one of the endings; `.yml` and the like are pointed out instead of passed over.
fn listed(root: &Path, folder: &str, endings: &[&str], mistakes: &mut Mistakes) -> Vec<PathBuf> {
    let names = match files::list(root, Path::new(folder)) {
        Ok(names) => names,
        Err(error) => {
            mistakes.push(error);
            return Vec::new();
        }
    };
    if names.len() > MOST_FILES {
        let message = format!("the folder holds more than {MOST_FILES} files");
        mistakes.add(codes::YAML, Place::file(folder), message, "keep data elsewhere");
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in names {
        let path = Path::new(folder).join(&name);
        let ending = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        if endings.contains(&ending.as_str()) {
            found.push(path);
        } else if ending.eq_ignore_ascii_case("yml") || ending.eq_ignore_ascii_case("yaml") {
            let next = "rename it: the ending is `.yaml`";
            mistakes.add(codes::YAML, Place::file(path), "this file is not read", next);
        }
    }
    found
}

/// The contracts and their files by `name@version`, and the stems of the files that hold none because they are wrong.
fn contracts(root: &Path, mistakes: &mut Mistakes) -> Declared {
    let mut contracts: BTreeMap<String, Arc<Contract>> = BTreeMap::new();
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut broken = BTreeSet::new();
    for file in listed(root, "contracts", &["yaml", "avsc"], mistakes) {
        let avsc = file.extension().is_some_and(|e| e == "avsc");
        let parse = |text: String| {
            if avsc { Contract::from_avsc(&text, &file) } else { Contract::from_yaml(&text, &file) }
        };
        match files::read(root, &file).and_then(|text| text.map(parse).transpose()) {
            Ok(None) => {}
            Ok(Some(contract)) => {
                let id = contract.id();
                if let Some(first) = files.get(&id) {
                    let message = format!("contract `{id}` is declared twice");
                    let next = format!("raise the version or rename one; the other is `{}`", first.display());
                    mistakes.add(codes::DUPLICATE_NAME, Place::file(&file), message, next);
                    continue;
                }
                files.insert(id.clone(), file);
                contracts.insert(id, Arc::new(contract));
            }
            Err(error) => {
                broken.extend(file.file_stem().map(|s| s.to_string_lossy().into_owned()));
                mistakes.push(error);
            }
        }
    }
    (contracts, files, broken)
}

type Declared = (BTreeMap<String, Arc<Contract>>, BTreeMap<String, PathBuf>, BTreeSet<String>);

fn pipelines(
    catalog: &Catalog<'_>,
    untreated: &mut BTreeSet<String>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Pipeline> {
    let mut pipelines = BTreeMap::new();
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in listed(catalog.root, "pipelines", &["yaml"], mistakes) {
        let text = match files::read(catalog.root, &file) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(error) => {
                mistakes.push(error);
                continue;
            }
        };
        let Some(doc) = Document::parse(text, &file, |e| mistakes.push(e)) else { continue };
        let Some(mut draft) = pipeline::read(&doc, catalog, mistakes) else { continue };
        if let Some(first) = names.get(&draft.name) {
            let message = format!("pipeline `{}` is declared twice", draft.name);
            let next = format!("rename one of the two; the other is `{}`", first.display());
            mistakes.add(codes::DUPLICATE_NAME, draft.place.clone(), message, next);
        }
        names.insert(draft.name.clone(), file);
        if let Some(profile) = catalog.profile {
            personal(&mut draft, profile, untreated, mistakes);
        }
        if let Some(pipeline) = graph::check(draft, catalog.profile, untreated, mistakes) {
            pipelines.entry(pipeline.name.clone()).or_insert(pipeline);
        }
    }
    pipelines
}

/// Every class of personal data that is read has a treatment, told once per class; and what is left out is not needed.
fn personal(draft: &mut Draft, profile: &Profile, untreated: &mut BTreeSet<String>, mistakes: &mut Mistakes) {
    for read in &mut draft.reads {
        let Some(contract) = &read.contract else { continue };
        for field in &contract.fields {
            if field.pii.is_empty() {
                continue;
            }
            let mut place = read.contract_place.clone();
            place.field = Some(field.name.clone());
            for class in field.pii.iter().filter(|class| !profile.pii.contains_key(*class)) {
                if untreated.insert(class.clone()) {
                    let message = format!(
                        "field `{}` of `{}` holds personal data of class `{class}`, and profile `{}` does not say what happens to it",
                        field.name,
                        contract.id(),
                        profile.name
                    );
                    let next = format!(
                        "add `pii: {{{class}: mask}}` to profile `{}` in staunch.yaml (keep, drop, mask or token)",
                        profile.name
                    );
                    mistakes.add(codes::PII_UNTREATED, place.clone(), message, next);
                }
            }
            let Some((treatment, class)) = Treatment::of(&field.pii, &profile.pii) else { continue };
            match treatment {
                Treatment::Token if field.ty.is_nested() => {
                    let message = format!(
                        "`pii` gives a token to `{}` of `{}`, which is nested: equal nested values have no one text",
                        field.name,
                        contract.id()
                    );
                    let next =
                        format!("write `{class}: mask` or `{class}: drop` in profile `{}`", profile.name);
                    mistakes.add(codes::BAD_VALUE, place, message, next);
                    read.sound = false;
                }
                Treatment::Drop if contract.key.contains(&field.name) => {
                    let message = format!(
                        "`pii` drops `{}`, which is part of the key of `{}`",
                        field.name,
                        contract.id()
                    );
                    let next = format!("write `{class}: token` in profile `{}`", profile.name);
                    mistakes.add(codes::BAD_VALUE, place, message, next);
                    read.sound = false;
                }
                Treatment::Drop | Treatment::Mask | Treatment::Token
                    if contract.event_time.as_ref() == Some(&field.name) =>
                {
                    let word = match treatment {
                        Treatment::Drop => "drops",
                        _ => "hides",
                    };
                    let message =
                        format!("`pii` {word} `{}`, the event time of `{}`", field.name, contract.id());
                    let next = format!("write `{class}: keep` in profile `{}`", profile.name);
                    mistakes.add(codes::BAD_VALUE, place, message, next);
                    read.sound = false;
                }
                _ => {}
            }
        }
    }
}
