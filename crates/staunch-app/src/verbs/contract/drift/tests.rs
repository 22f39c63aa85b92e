use super::{free, joined, type_of, wider};
use staunch_contract::Type;
use std::collections::BTreeSet;

#[test]
fn words_are_types_of_contracts() {
    assert_eq!(type_of("long"), Some(Type::Long));
    assert_eq!(type_of("decimal(9,2)"), Some(Type::Decimal { precision: 9, scale: 2 }));
    assert_eq!(type_of("object"), None);
    let join = |words: &[&str]| joined(&words.iter().map(|w| (*w).to_owned()).collect());
    assert_eq!(join(&["long", "double"]), Some(Type::Double));
    assert_eq!(join(&["long", "boolean"]), Some(Type::String));
    assert_eq!((join(&["long", "object"]), join(&["other"])), (None, None));
    assert_eq!(join(&[]), Some(Type::String));
}

#[test]
fn only_what_holds_more_is_wider() {
    let decimal = |precision, scale| Type::Decimal { precision, scale };
    assert!(wider(&Type::Int, &Type::Long) && !wider(&Type::Long, &Type::Int));
    assert!(wider(&decimal(9, 2), &decimal(12, 3)) && !wider(&decimal(9, 2), &decimal(9, 3)));
    assert!(!wider(&Type::Double, &Type::Double) && !wider(&Type::String, &Type::Bytes));
}

#[test]
fn a_name_is_free_whatever_the_case_of_its_letters() {
    let taken = BTreeSet::from(["note".to_owned(), "note_2".to_owned()]);
    assert_eq!(free("NOTE", &taken), "NOTE_3");
    assert_eq!(free("1 of 2", &taken), "_1_of_2");
    assert_eq!(free("ok", &taken), "ok");
}
