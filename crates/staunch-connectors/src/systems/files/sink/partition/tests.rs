//! Folders of hostile values.

use super::Partitions;
use crate::testdata::{EVERY_VALUE, batch, column, contract, every_type};
use staunch_contract::Type;
use std::collections::BTreeSet;

#[test]
fn hostile_values_have_folders_of_their_own_below_the_target() {
    let contract = contract(&[("t?", Type::String), ("n", Type::Int)], &[]);
    let texts = [
        "a",
        "a/b",
        "a%2Fb",
        "..",
        "../..",
        ".",
        "",
        "a=b",
        "a b",
        "__HIVE_DEFAULT_PARTITION__",
        "ä😀",
        "a\0b",
        "\"'",
        "A",
        "a:b",
        "a\\b",
        "a\nb",
    ];
    let partitions = Partitions::new(&contract, &["t".to_owned(), "n".to_owned()]).unwrap();
    let mut folders = BTreeSet::new();
    for text in texts.iter().map(|t| Some(*t)).chain([None]) {
        let folder = partitions.folder(&batch(&contract, &[&[text, Some("-5")]])).unwrap();
        let parts: Vec<&str> = folder.split('/').collect();
        assert_eq!(parts.len(), 2, "{folder}");
        assert!(parts[0].starts_with("t=") && parts[1] == "n=-5", "{folder}");
        assert!(!folder.contains(['\0', '\n', '\\', '"']), "{folder}");
        let shown = partitions.shown(&format!("{folder}/file.parquet")).unwrap();
        assert_eq!(shown[0].as_ref(), column(&Type::String, &[text]).as_ref());
        assert_eq!(shown[1].as_ref(), column(&Type::Int, &[Some("-5")]).as_ref());
        folders.insert(folder);
    }
    assert_eq!(folders.len(), texts.len() + 1);
    assert!(folders.contains("t=__HIVE_DEFAULT_PARTITION__/n=-5"));
    assert!(
        folders.contains("t=a%2Fb/n=-5") && folders.contains("t=/n=-5") && folders.contains("t=a%3Db/n=-5")
    );
}

#[test]
fn what_a_folder_says_is_the_value_of_every_type() {
    for ((name, ty), value) in every_type().into_iter().zip(EVERY_VALUE) {
        if matches!(ty, Type::Float | Type::Double | Type::Bytes | Type::Fixed(_)) {
            continue;
        }
        let contract = contract(&[(name, ty.clone())], &[]);
        let partitions = Partitions::new(&contract, &[name.trim_end_matches('?').to_owned()]).unwrap();
        for value in [value, None] {
            let folder = partitions.folder(&batch(&contract, &[&[value]])).unwrap();
            let shown = partitions.shown(&folder).unwrap();
            assert_eq!(shown[0].as_ref(), column(&ty, &[value]).as_ref(), "{folder}");
        }
    }
}
