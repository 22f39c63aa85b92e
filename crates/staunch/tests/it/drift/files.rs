//! The same records as files of every format, with a schema of their own.

use crate::project::Project;
use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use staunch_contract::avro::{self, Codec, ContainerWriter, Unions};
use std::sync::Arc;

/// The formats, by their words and the endings of their files.
pub(super) const FORMATS: [(&str, &str); 4] =
    [("csv", "csv"), ("json", "ndjson"), ("parquet", "parquet"), ("avro", "avro")];

/// A column: its name, its type (`int long double string`, or the symbols of an enum) and whether it may be null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) ty: &'static str,
    pub(super) nullable: bool,
}

/// Records under some columns; a value for each.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Table {
    /// The value of a record by the name of its column.
    pub(super) fn value(&self, row: usize, name: &str) -> Option<&Value> {
        self.columns.iter().position(|c| c.name == name).and_then(|at| self.rows[row].get(at))
    }

    /// Writes the records as `data/NAME.ENDING`; a block or row group has so many of them.
    pub(super) fn write(&self, project: &Project, format: &str, name: &str, group: usize) {
        let ending = FORMATS.iter().find(|(word, _)| *word == format).unwrap().1;
        let bytes = match format {
            "csv" => self.csv(),
            "json" => self.json(),
            "parquet" => self.parquet(group),
            _ => self.avro(group),
        };
        project.write(&format!("data/{name}.{ending}"), bytes);
    }

    fn csv(&self) -> Vec<u8> {
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let header: Vec<&str> = self.columns.iter().map(|c| c.name).collect();
        let mut out = format!("{}\n", header.join(","));
        for row in &self.rows {
            out.push_str(&format!("{}\n", row.iter().map(text).collect::<Vec<_>>().join(",")));
        }
        out.into_bytes()
    }

    fn json(&self) -> Vec<u8> {
        let mut out = String::new();
        for row in &self.rows {
            let members = self.columns.iter().zip(row).map(|(c, value)| format!("\"{}\":{value}", c.name));
            out.push_str(&format!("{{{}}}\n", members.collect::<Vec<_>>().join(",")));
        }
        out.into_bytes()
    }

    fn parquet(&self, group: usize) -> Vec<u8> {
        let (mut fields, mut arrays) = (Vec::new(), Vec::<ArrayRef>::new());
        for (at, column) in self.columns.iter().enumerate() {
            let values = || self.rows.iter().map(move |row| &row[at]);
            let (ty, array): (DataType, ArrayRef) = match column.ty {
                "int" => {
                    let values = values().map(|v| v.as_i64().map(|n| i32::try_from(n).unwrap()));
                    (DataType::Int32, Arc::new(values.collect::<Int32Array>()))
                }
                "long" => (DataType::Int64, Arc::new(values().map(Value::as_i64).collect::<Int64Array>())),
                "double" => {
                    (DataType::Float64, Arc::new(values().map(Value::as_f64).collect::<Float64Array>()))
                }
                _ => (DataType::Utf8, Arc::new(values().map(Value::as_str).collect::<StringArray>())),
            };
            fields.push(Field::new(column.name, ty, column.nullable));
            arrays.push(array);
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), arrays).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let mut out = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        out
    }

    fn avro(&self, group: usize) -> Vec<u8> {
        // No writer makes a schema with two fields of one name: the second one gets it in the finished header.
        let twice = |at: usize| self.columns[..at].iter().any(|c| c.name == self.columns[at].name);
        let name = |at: usize| format!("{}{}", self.columns[at].name, if twice(at) { "_" } else { "" });
        let field = |at: usize| {
            let column = &self.columns[at];
            let ty = match column.ty {
                plain @ ("int" | "long" | "double" | "string") => format!("\"{plain}\""),
                symbols => {
                    let symbols: Vec<String> = symbols.split(' ').map(|s| format!("\"{s}\"")).collect();
                    format!("{{\"type\":\"enum\",\"name\":\"e{at}\",\"symbols\":[{}]}}", symbols.join(","))
                }
            };
            let ty = if column.nullable { format!("[\"null\",{ty}]") } else { ty };
            format!("{{\"name\":\"{}\",\"type\":{ty}}}", name(at))
        };
        let fields: Vec<String> = (0..self.columns.len()).map(field).collect();
        let text = format!("{{\"type\":\"record\",\"name\":\"event\",\"fields\":[{}]}}", fields.join(","));
        let schema = Arc::new(avro::Schema::parse(&text).unwrap());
        let mut file = ContainerWriter::new(schema.clone(), Codec::Null, [7; 16], &[]).unwrap();
        for (number, row) in self.rows.iter().enumerate() {
            let members = row.iter().enumerate().map(|(at, value)| format!("\"{}\":{value}", name(at)));
            let json = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
            file.append(&schema.value_from_json(&json, Unions::Plain).unwrap()).unwrap();
            if (number + 1) % group == 0 {
                file.end_block().unwrap();
            }
        }
        let mut bytes = file.finish().unwrap();
        for at in (0..self.columns.len()).filter(|at| twice(*at)) {
            let from = format!("\"{}\"", name(at));
            let begin = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
            let to = format!("\"{}\" ", self.columns[at].name);
            bytes[begin..begin + from.len()].copy_from_slice(to.as_bytes());
        }
        bytes
    }
}
