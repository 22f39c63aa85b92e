//! Whole projects against goldens: every folder below `tests/cases` is a project, and its `expected.txt` says what comes of it.
//!
//! For a wrong project that is every diagnostic, as `CODE file:line:column message | hint`, with the line that it points at and
//! carets below it; for a right one the stages, their inputs and their order. A file `profile` names the profile to load. With
//! `UPDATE_GOLDEN` set the goldens are written instead of compared.

#![allow(clippy::unwrap_used, reason = "a test fails where something is not as expected")]

use staunch_pipeline::{Project, SecretRef};
use staunch_types::Error;
use std::fmt::Write;
use std::path::Path;

#[test]
fn projects_give_what_their_goldens_say() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<_> =
        std::fs::read_dir(&cases).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    #[allow(
        clippy::disallowed_methods,
        reason = "a test may read the environment: it decides whether goldens are written"
    )]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    let (mut wrong, mut right, mut differences) = (0, 0, String::new());
    for folder in &folders {
        let profile = std::fs::read_to_string(folder.join("profile")).ok();
        let loaded = Project::load(folder, profile.as_deref().map(str::trim));
        let found = match &loaded {
            Ok(project) => {
                right += 1;
                dump(project)
            }
            Err(error) => {
                wrong += 1;
                error.all().map(|e| diagnostic(folder, e)).collect()
            }
        };
        let golden = folder.join("expected.txt");
        if update {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if expected != found {
            let name = folder.file_name().unwrap().to_string_lossy();
            writeln!(differences, "== {name}\n-- expected\n{expected}-- found\n{found}").unwrap();
        }
    }
    assert!(
        differences.is_empty(),
        "{differences}\nto accept all of this, run the test with UPDATE_GOLDEN=1"
    );
    assert!(wrong >= 40 && right >= 4, "{wrong} wrong and {right} right projects");
}

/// A project that cannot lie in the repository: too large, or with links that lead out of it.
#[test]
fn files_are_bounded_and_links_do_not_lead_out() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("staunch-pipeline-files");
    let outside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("staunch-pipeline-outside.sql");
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(root.join("pipelines/x.yaml")).unwrap();
    std::fs::write(&outside, "SELECT * FROM clicks").unwrap();
    std::fs::write(
        root.join("staunch.yaml"),
        "project: p\nprofiles:\n  dev: {f: {type: files, objects: {o: {}}}}\n",
    )
    .unwrap();
    std::fs::write(root.join("pipelines/large.yaml"), "# a\n".repeat(300_000)).unwrap();
    let pipeline = "pipeline: p\nprocess:\n  a: {sql: link.sql}\nwrite:\n  - {from: a, to: f/o}\n";
    std::fs::write(root.join("pipelines/link.yaml"), pipeline).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, root.join("pipelines/link.sql")).unwrap();
    let error = Project::load(&root, None).unwrap_err();
    let found: String = error.all().map(|e| diagnostic(&root, e)).collect();
    for expected in [
        "ST0001 pipelines/large.yaml the file is larger than 1 MiB",
        #[cfg(unix)]
        "ST0005 pipelines/link.yaml:3:12 the path leads out of the project",
        "ST0001 pipelines/x.yaml this is not a file",
    ] {
        assert!(found.contains(expected), "{expected}\n{found}");
    }
}

#[test]
fn the_root_is_found_from_below() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/right_small");
    assert_eq!(staunch_pipeline::find_root(&case.join("pipelines/none")).unwrap(), case);
    assert_eq!(staunch_pipeline::find_root(&case).unwrap(), case);
    let error = staunch_pipeline::find_root(&case.join("..")).unwrap_err();
    assert_eq!(error.code().name, "ST0007");
}

fn diagnostic(root: &Path, error: &Error) -> String {
    let place = error.where_();
    let file = place.file.as_deref().unwrap_or(Path::new(""));
    let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let mut line = format!("{} {}", error.code().name, if shown.is_empty() { "." } else { &shown });
    if let (Some(number), Some(column)) = (place.line, place.column) {
        write!(line, ":{number}:{column}").unwrap();
    }
    writeln!(line, " {} | {}", error.message(), error.next_step().unwrap_or("NO HINT")).unwrap();
    if let (Some(number), Some(column)) = (place.line, place.column)
        && column <= 120
        && let Ok(bytes) = std::fs::read(root.join(file))
    {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let source = text.split('\n').nth(number as usize - 1).unwrap_or("THERE IS NO SUCH LINE");
        let source: String = source.trim_end_matches('\r').chars().take(120).collect();
        let width = place.length.unwrap_or(1).min(120) as usize;
        let carets = "^".repeat(width);
        writeln!(line, "    {source}\n    {}{carets}", " ".repeat(column as usize - 1)).unwrap();
    }
    line
}

fn dump(project: &Project) -> String {
    let mut out = String::new();
    let profile = &project.profile;
    let state = profile.state.strip_prefix(&project.root).unwrap_or(&profile.state).display();
    let key = match &profile.key {
        None => "none".to_owned(),
        Some(SecretRef::File(path, _)) => format!("file {}", path.display()),
        Some(SecretRef::Env(name, _)) => format!("env {name}"),
    };
    let (memory, epoch, full) = (profile.memory, profile.epoch_bytes, profile.verify_full);
    writeln!(out, "project {} profile {} state {state} key {key}", project.name, profile.name).unwrap();
    writeln!(out, "memory {memory} epoch_bytes {epoch} verify_full {full} pii {:?}", profile.pii).unwrap();
    if profile.keep != staunch_pipeline::Keep::default() {
        writeln!(out, "{:?}", profile.keep).unwrap();
    }
    for connection in profile.connections.values() {
        writeln!(out, "connection {} type {}", connection.name, connection.system).unwrap();
        for (key, option) in &connection.options.entries {
            writeln!(out, "  {key} = {}", option.value).unwrap();
        }
        for object in connection.objects.values() {
            writeln!(out, "  object {}", object.name).unwrap();
            for (key, option) in &object.options.entries {
                let (line, column) = (option.place.line.unwrap(), option.place.column.unwrap());
                writeln!(out, "    {key} = {} at {line}:{column}", option.value).unwrap();
            }
        }
    }
    for (id, contract) in &project.contracts {
        writeln!(out, "contract {id} fields {}", contract.fields.len()).unwrap();
    }
    for pipeline in project.pipelines.values() {
        let (file, budget) = (pipeline.file.display(), pipeline.budget);
        writeln!(out, "pipeline {} in {file} epoch_bytes {} {budget:?}", pipeline.name, pipeline.epoch_bytes)
            .unwrap();
        if pipeline.keep_dead_letters != profile.keep.dead_letters {
            writeln!(out, "  keep dead letters {:?}", pipeline.keep_dead_letters).unwrap();
        }
        for r in &pipeline.reads {
            let from = format!("{}/{}", r.from.connection, r.from.object);
            let rest = format!("{:?} {:?} {:?}", r.late_after, r.late, r.validate);
            writeln!(
                out,
                "  read {} from {from} contract {} reference {} {rest}",
                r.name,
                r.contract.id(),
                r.reference
            )
            .unwrap();
        }
        for p in &pipeline.processes {
            let input = |i: &staunch_pipeline::Input| {
                format!("{}@{}:{}", i.stage, i.place.line.unwrap(), i.place.column.unwrap())
            };
            let inputs: Vec<String> = p.inputs.iter().map(input).collect();
            let contract = p.contract.as_ref().map_or("inferred".to_owned(), |c| c.id());
            let rest = format!("contract {contract} nondeterministic {}", p.nondeterministic);
            writeln!(
                out,
                "  process {} reads {} in {} {rest}",
                p.name,
                inputs.join(" "),
                p.sql.file.display()
            )
            .unwrap();
        }
        for w in &pipeline.writes {
            let empty = w.allow_empty;
            writeln!(out, "  write {} from {} mode {} allow_empty {empty}", w.name, w.from.stage, w.mode)
                .unwrap();
        }
    }
    out
}

/// What is sound of a project can be planned while the rest is wrong.
#[test]
fn a_survey_leaves_out_what_is_wrong_and_what_lies_below_it() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("staunch-pipeline-survey");
    let _ = std::fs::remove_dir_all(&root);
    for folder in ["pipelines", "contracts"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let profile = "project: p\nprofiles:\n  dev: {f: {type: files, objects: {o: {}, p: {}, q: {}}}, g: {objects: {o: {}}}}\n";
    std::fs::write(root.join("staunch.yaml"), profile).unwrap();
    std::fs::write(root.join("contracts/c.yaml"), "contract: c\nversion: 1\nfields: {id: long}\n").unwrap();
    let pipeline = "pipeline: p
read:
  good: {from: f/o, contract: c@1}
  typo: {from: f/o, contract: c@1, refrence: true}
  unclear: {from: g/o, contract: c@1}
process:
  fine: SELECT id FROM good
  unknown: SELECT id FROM nowhere
  below_unknown: SELECT id FROM unknown
  below_below: SELECT id FROM below_unknown JOIN good USING (id)
  below_typo: SELECT id FROM typo
  below_unclear: SELECT id FROM unclear
  misfit: {sql: SELECT id FROM good, contract: d@1}
  twice: SELECT id FROM good
  twice: SELECT id FROM fine
  round: SELECT id FROM and_round
  and_round: SELECT id FROM round
write:
  - {from: fine, to: f/o}
  - {from: below_below, to: f/p}
  - {from: good, to: f/o}
  - {from: good, to: f/q, mode: upsert}
";
    std::fs::write(root.join("pipelines/p.yaml"), pipeline).unwrap();
    let survey = Project::survey(&root, None).unwrap();
    let found = &survey.project.unwrap().pipelines["p"];
    let reads: Vec<_> = found.reads.iter().map(|r| r.name.as_str()).collect();
    let processes: Vec<_> = found.processes.iter().map(|p| p.name.as_str()).collect();
    let writes: Vec<_> = found.writes.iter().map(|w| (w.from.stage.as_str(), w.name.as_str())).collect();
    // Of a key that stands twice the first one counts.
    assert_eq!(
        (reads, processes, writes),
        (vec!["good"], vec!["fine", "twice"], vec![("fine", "f/o")]),
        "{:?}",
        survey.mistakes
    );
    let loaded = Project::load(&root, None).unwrap_err();
    let told = |errors: &mut dyn Iterator<Item = &Error>| errors.map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told(&mut loaded.all()), told(&mut survey.mistakes.iter()));
    assert!(survey.mistakes.len() >= 8, "{:?}", survey.mistakes);
}
