//! Which types each format and system can hold: what a source or sink refuses when it is made, hence what `check` refuses.
//!
//! The table is in `docs/contracts.md`; a test of the binary goes over every cell of it.

use staunch_contract::{Contract, Field, Type};
use staunch_types::{Error, Place, codes};

/// What holds values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    AvroSource,
    CsvSource,
    JsonSource,
    ParquetSource,
    AvroSink,
    JsonSink,
    ParquetSink,
    SqliteSink,
}

impl Holder {
    fn name(self) -> &'static str {
        match self {
            Self::AvroSource | Self::AvroSink => "Avro",
            Self::CsvSource => "CSV",
            Self::JsonSource | Self::JsonSink => "JSON",
            Self::ParquetSource | Self::ParquetSink => "Parquet",
            Self::SqliteSink => "SQLite",
        }
    }

    /// Why a field cannot be held, and what to do; `None` if it can.
    fn misfit(self, field: &Field) -> Option<(&'static str, String)> {
        let name = &field.name;
        let ty = &field.ty;
        let duration = || ty.any(&|ty| *ty == Type::Duration);
        match self {
            Self::AvroSource | Self::AvroSink | Self::JsonSource | Self::JsonSink => None,
            Self::ParquetSource | Self::ParquetSink => {
                if ty.has_union() {
                    let hint = match self {
                        Self::ParquetSource => "read it as JSON or Avro".to_owned(),
                        _ => "write JSON or Avro, or give each branch a field of its own where the rows are made"
                            .to_owned(),
                    };
                    Some(("has no unions", hint))
                } else if duration() {
                    let hint = match self {
                        Self::ParquetSource => {
                            "let the writer give months, days and milliseconds as whole numbers".to_owned()
                        }
                        _ => format!("write JSON or Avro, or select parts of `{name}` as numbers"),
                    };
                    Some(("has no durations of months, days and milliseconds", hint))
                } else {
                    None
                }
            }
            Self::CsvSource if ty.is_nested() => {
                let hint =
                    "read JSON, Avro or Parquet, or declare plain fields, one for each column".to_owned();
                Some(("has one text for each field and no nested values", hint))
            }
            Self::SqliteSink if ty.is_nested() => {
                let hint = match ty {
                    Type::Record(fields) => {
                        let part = fields.first().map_or("part", |f| f.name.as_str());
                        format!("select its parts as columns: {name}['{part}'] AS {name}_{part}")
                    }
                    Type::Array(_) => {
                        format!("make rows of its items with unnest({name}), or write JSON or Parquet")
                    }
                    _ => "write JSON, or select plain values out of it as columns".to_owned(),
                };
                Some(("has no column for a nested value", hint))
            }
            Self::CsvSource | Self::SqliteSink => None,
        }
    }

    /// Everything in a contract that cannot be held, told at `place`.
    pub(crate) fn check(self, contract: &Contract, place: &Place) -> Vec<Error> {
        let misfit = |field: &Field| {
            let (why, hint) = self.misfit(field)?;
            let message =
                format!("{} {why}: `{}` of `{}` is {}", self.name(), field.name, contract.id(), field.ty);
            Some(Error::new(codes::NOT_HELD, message).place(place.clone()).field(&field.name).hint(hint))
        };
        contract.fields.iter().filter_map(misfit).collect()
    }
}
