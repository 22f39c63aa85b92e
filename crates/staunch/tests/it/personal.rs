//! Classes of personal data: what a column is made of, what clears it, and where it may go.

use crate::project::Project;

const PROJECT: &str = "project: personal
profiles:
  dev:
    pii: {mail: keep, name: keep, town: keep}
    in: {type: files, root: data, objects: {people: {path: people.csv, format: csv}, towns: {path: towns.csv, format: csv}}}
    lake:
      type: files
      root: out
      objects:
        rows: {path: rows, format: json, clears: [mail, name, town]}
        open: {path: open, format: json}
    db: {type: sqlite, path: out/db.sqlite}
";
const PEOPLE: &str = "contract: person
version: 1
key: [id]
fields:
  id: long
  mail: {type: string, pii: mail}
  name: {type: string, pii: [name, mail]}
  town: int
";
const TOWNS: &str = "contract: town
version: 1
key: [id]
fields: {id: int, called: {type: string, pii: town}}
";

fn project(stages: &str, to: &str) -> Project {
    let project = Project::empty();
    project
        .write("staunch.yaml", PROJECT)
        .write("contracts/person.yaml", PEOPLE)
        .write("contracts/town.yaml", TOWNS)
        .write("data/people.csv", "id,mail,name,town\n1,a@x.org,Ann,1\n2,b@y.org,Bob,1\n3,c@x.org,Cyd,2\n")
        .write("data/towns.csv", "id,called\n1,Ulm\n2,Rom\n")
        .write(
            "pipelines/p.yaml",
            format!("pipeline: p\nread:\n  people: {{from: in/people, contract: person@1}}\n  towns: {{from: in/towns, contract: town@1}}\nprocess:\n{stages}\nwrite:\n  - {{from: o, to: {to}, mode: replace}}\n"),
        );
    project
}

/// The words of a check that fails with this code.
fn refused(project: &Project, code: &str) -> String {
    let failed = project.staunch(&["check"]).fails(3, code);
    failed.stderr.split_whitespace().filter(|word| !word.contains('|')).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_column_has_the_classes_of_everything_that_it_is_made_of() {
    let stages = "  joined: SELECT p.id, p.mail || ' in ' || t.called AS label, p.town FROM people p JOIN towns t ON p.town = t.id
  o: SELECT town, max(label) AS label, count(label) AS n FROM joined GROUP BY town";
    let words = refused(&project(stages, "lake/open"), "ST0044");
    for path in [
        "`label` is personal (mail), and `lake/open` does not clear that: in/people.mail -> people.mail -> joined.label -> o.label -> lake/open",
        "`label` is personal (town), and `lake/open` does not clear that: in/towns.called -> towns.called -> joined.label -> o.label -> lake/open",
        "write `clears: [mail]` at the object `open` of `lake`",
    ] {
        assert!(words.contains(path), "{words}");
    }
    // What is counted is not personal: nothing is said of `n`.
    assert!(!words.contains("`n`"), "{words}");
    project(stages, "lake/rows").staunch(&["run"]).ok();
    // A table need not be declared, but then it clears nothing.
    assert!(refused(&project(stages, "db/rows"), "ST0044").contains("at the object `rows` of `db`"));
}

#[test]
fn a_field_may_have_several_classes_and_is_treated_by_the_strictest_of_them() {
    let project =
        project("  o: SELECT people.id, name FROM people JOIN towns ON people.town = towns.id", "lake/open");
    let words = refused(&project, "ST0044");
    assert!(words.contains("personal (mail)") && words.contains("personal (name)"), "{words}");
    // A token of one class hides the other too.
    project.edit("staunch.yaml", "name: keep", "name: token");
    project.staunch(&["run"]).ok();
    let shown = project.staunch(&["plan", "p"]).ok().stdout;
    assert!(shown.contains("`name` (mail, name) tokenised"), "{shown}");
    project.edit("staunch.yaml", "mail: keep", "mail: mask");
    project.staunch(&["run", "--full-refresh"]).ok();
    let files = std::fs::read_dir(project.root.join("out/open")).unwrap().map(|f| f.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|e| e == "ndjson"));
    let rows: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(rows.contains(r#"{"id":1,"name":"****"}"#), "{rows}");
}

#[test]
fn a_contract_names_every_class() {
    let stages = "  o:\n    sql: SELECT p.id AS id, p.mail || t.called AS label FROM people p JOIN towns t ON p.town = t.id\n    contract: label@1";
    let project = project(stages, "lake/rows");
    project.write(
        "contracts/label.yaml",
        "contract: label\nversion: 1\nfields: {id: long, label: {type: string, pii: mail}}\n",
    );
    let words = refused(&project, "ST0030");
    assert!(
        words.contains(
            "`label` is made of `towns.called`, which is personal (town), and `label@1` does not say so"
        ),
        "{words}"
    );
    assert!(words.contains("add `pii: [mail, town]`"), "{words}");
    project.edit("contracts/label.yaml", "pii: mail", "pii: [mail, town]");
    project.staunch(&["check"]).ok();
    // The same as an Avro schema.
    std::fs::remove_file(project.root.join("contracts/label.yaml")).unwrap();
    project.write("contracts/label.avsc", r#"{"type": "record", "name": "label", "version": 1, "fields": [{"name": "id", "type": "long"}, {"name": "label", "type": "string", "pii": ["mail", "town"]}]}"#);
    project.staunch(&["check"]).ok();
}

#[test]
fn what_a_contract_calls_personal_is_hidden_by_no_read() {
    let stages = "  o:\n    sql: SELECT p.id AS id, 'Main Street ' || p.town AS street FROM people p JOIN towns t ON p.town = t.id\n    contract: home@1";
    let project = project(stages, "lake/open");
    project.write(
        "contracts/home.yaml",
        "contract: home\nversion: 1\nfields: {id: long, street: {type: string, pii: mail}}\n",
    );
    // The profile masks what reads have of the class, and this is not of a read.
    project.edit("staunch.yaml", "mail: keep", "mail: mask");
    let words = refused(&project, "ST0044");
    assert!(
        words.contains(
            "`street` is personal (mail), and `lake/open` does not clear that: o.street -> lake/open"
        ),
        "{words}"
    );
    project.edit("staunch.yaml", "open: {path: open,", "open: {path: open, clears: mail,");
    project.staunch(&["run"]).ok();
}

#[test]
fn what_is_declassified_says_why() {
    let sql =
        "SELECT p.id AS id, split_part(p.mail, '@', 2) AS host FROM people p JOIN towns t ON p.town = t.id";
    let with = |declassify: &str| {
        project(&format!("  o:\n    sql: {sql}\n    declassify: {declassify}"), "lake/open")
    };
    let good = with("{host: thousands share one}");
    good.staunch(&["run"]).ok();
    let plan = good.staunch(&["plan", "p"]).ok().stdout;
    assert!(plan.contains("declassified: `host`: thousands share one"), "{plan}");
    assert!(refused(&with("{hist: thousands share one}"), "ST0003").contains("did you mean `host`?"));
    assert!(refused(&with("{host: ''}"), "ST0005").contains("does not say why"));
    let nothing = refused(&with("{host: shared, id: a number}"), "ST0005");
    assert!(nothing.contains("`id` is declassified, and is made of nothing that is personal"), "{nothing}");
    // Where a contract says that it is personal, a stage cannot say that it is not.
    let both = with("{host: thousands share one}\n    contract: host@1");
    both.write(
        "contracts/host.yaml",
        "contract: host\nversion: 1\nfields: {id: long, host: {type: string, pii: mail}}\n",
    );
    assert!(refused(&both, "ST0030").contains("declassified here"));
}
