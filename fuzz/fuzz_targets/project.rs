//! The project parser: a project file, a contract, a pipeline and a query, divided by lines of `----`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use staunch_pipeline::Project;

const FILES: [&str; 4] = ["staunch.yaml", "contracts/a.yaml", "pipelines/a.yaml", "pipelines/a.sql"];

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    for name in ["contracts", "pipelines"] {
        std::fs::create_dir(root.join(name)).expect("a folder in it");
    }
    let mut rest = bytes;
    for name in FILES {
        let end = rest.windows(6).position(|w| w == b"\n----\n");
        let (part, behind) = end.map_or((rest, &[][..]), |at| (&rest[..=at], &rest[at + 6..]));
        std::fs::write(root.join(name), part).expect("a file in it");
        rest = behind;
    }
    let Ok(survey) = Project::survey(root, None) else { return };
    for mistake in &survey.mistakes {
        assert!(!mistake.message().is_empty() && mistake.next_step().is_some(), "{mistake}");
    }
    assert_eq!(Project::load(root, None).is_ok(), survey.mistakes.is_empty() && survey.project.is_some());
});
