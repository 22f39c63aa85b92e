//! What holds for every schema and value.

use super::generate::{Chance, schema, value};
use crate::avro::{Decoder, Schema, Unions, incompatibilities};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_was_written_is_read(seed in any::<u64>()) {
        let mut chance = Chance(seed);
        let text = schema(&mut chance, 4, &mut Vec::new()).to_string();
        let schema = Schema::parse(&text).unwrap();
        prop_assert!(schema.ignored().is_empty());
        let canonical = Schema::parse(&schema.canonical_form()).unwrap();
        prop_assert_eq!(schema.rabin(), canonical.rabin());
        prop_assert!(incompatibilities(&canonical, &schema).unwrap().is_empty());
        if let Some(value) = value(&mut chance, &schema, schema.root()) {
            let bytes = schema.encode(&value).unwrap();
            prop_assert_eq!(&Decoder::new(&schema).unwrap().decode(&bytes).unwrap(), &value, "{}", text);
            prop_assert_eq!(&Decoder::resolving(&schema, &canonical).unwrap().decode(&bytes).unwrap(), &value);
            let json = schema.value_to_json(&value, Unions::Tagged).unwrap();
            prop_assert_eq!(&schema.value_from_json(&json, Unions::Tagged).unwrap(), &value, "{}", json);
        }
    }

    /// A pair that is compatible never fails; so says the definition, and so do the two programs that share no code but the matching of names.
    #[test]
    fn compatible_means_that_every_value_is_read(seed in any::<u64>()) {
        let mut chance = Chance(seed);
        let writer = schema(&mut chance, 3, &mut Vec::new()).to_string();
        let reader = change(&mut chance, &writer);
        let (writer, reader) = (Schema::parse(&writer).unwrap(), Schema::parse(&reader));
        if let (Ok(reader), Some(value)) = (reader, value(&mut chance, &writer, writer.root())) {
            let compatible = incompatibilities(&reader, &writer).unwrap().is_empty();
            let read = Decoder::resolving(&writer, &reader).unwrap().decode(&writer.encode(&value).unwrap());
            match read {
                Ok(_) => {}
                // Bytes need not be UTF-8: Avro calls them compatible with string all the same.
                Err(error) if error.message().contains("UTF-8") => {}
                Err(error) => prop_assert!(!compatible, "{}\n{}\n{}", reader.text(), writer.text(), error),
            }
        }
    }

    #[test]
    fn no_bytes_do_harm(seed in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut chance = Chance(seed);
        let schema = Schema::parse(&schema(&mut chance, 4, &mut Vec::new()).to_string()).unwrap();
        if let Ok((value, taken)) = Decoder::new(&schema).unwrap().decode_first(&bytes) {
            prop_assert!(taken <= bytes.len());
            let again = schema.encode(&value).unwrap();
            let back = Decoder::new(&schema).unwrap().decode(&again).unwrap();
            // Not the values: there are numbers that are not equal to themselves.
            prop_assert_eq!(schema.encode(&back).unwrap(), again);
        }
    }

    #[test]
    fn no_text_does_harm(text in "[\\[\\]{}:,\"a-z0-9]{0,40}") {
        if let Err(error) = Schema::parse(&text) {
            prop_assert!(error.all().all(|e| e.next_step().is_some() && e.where_().line.is_some()));
        }
    }
}

/// A few words of a schema replaced by others.
fn change(chance: &mut Chance, text: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("\"int\"", "\"long\""),
        ("\"long\"", "\"double\""),
        ("\"string\"", "\"bytes\""),
        ("\"bytes\"", "\"string\""),
        ("\"float\"", "\"double\""),
        ("\"null\"", "\"int\""),
        ("\"S0\",", ""),
        ("\"f1\"", "\"g1\",\"default\":null"),
    ];
    let mut text = text.to_owned();
    for _ in 0..=chance.below(3) {
        let (from, to) = WORDS[chance.below(WORDS.len() as u64) as usize];
        text = text.replacen(from, to, 1 + chance.below(3) as usize);
    }
    text
}
