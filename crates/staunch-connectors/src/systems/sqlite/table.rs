//! The target table: its statements, and whether it fits the contract.
//!
//! **Invariants.** Identifiers are always quoted, quotes in them doubled; values never stand in a statement. Every difference is
//! reported at once.

use crate::systems::shown::Shown;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use staunch_contract::{Contract, Field, Type};
use staunch_types::{Error, Place, Result, WriteMode, codes};
use std::path::Path;

/// A table and the contract of its rows.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) name: &'a str,
    pub(super) contract: &'a Contract,
    pub(super) mode: WriteMode,
    pub(super) file: &'a Path,
}

/// A column as SQLite tells it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) declared: String,
    pub(super) not_null: bool,
    /// The text of its default, if it has one.
    pub(super) default: Option<String>,
    /// Its place in the primary key, from 1; 0 if it has none there.
    pub(super) key_at: i64,
    hidden: bool,
}

impl Found {
    /// The column that a field gets in a table that Staunch makes.
    pub(super) fn of(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            declared: declared(&field.ty).to_owned(),
            not_null: !field.nullable,
            default: None,
            key_at: 0,
            hidden: false,
        }
    }

    /// Its part of a CREATE TABLE.
    pub(super) fn definition(&self) -> String {
        let null = if self.not_null { " NOT NULL" } else { "" };
        // SQLite tells an expression without the parentheses that it needs.
        let default = self.default.as_ref().map_or(String::new(), |text| match is_literal(text) {
            true => format!(" DEFAULT {text}"),
            false => format!(" DEFAULT ({text})"),
        });
        format!("{} {}{null}{default}", quoted(&self.name), self.declared)
    }

    pub(super) fn in_key(&self) -> bool {
        self.key_at > 0
    }
}

/// An identifier, quoted.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The declared type of a column for values of this type.
pub(super) fn declared(ty: &Type) -> &'static str {
    match ty {
        Type::Boolean | Type::Int | Type::Long => "INTEGER",
        Type::Float | Type::Double => "REAL",
        Type::Bytes | Type::Fixed(_) => "BLOB",
        _ => "TEXT",
    }
}

impl Table<'_> {
    /// Creates the table if it is missing and compares it with the contract if it is there.
    pub(super) fn prepare(&self, connection: &Connection) -> rusqlite::Result<Result<()>> {
        let kind: Option<String> = connection
            .query_row("SELECT max(type) FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')", [
                self.name,
            ], |row| row.get(0))?;
        match kind.as_deref() {
            None => {
                connection.execute_batch(&self.create())?;
                Ok(Ok(()))
            }
            Some("table") => self.compare(connection),
            Some(_) => Ok(Err(self.misfit("the target is a view").hint("name a table in `table:`"))),
        }
    }

    fn create(&self) -> String {
        let mut parts: Vec<String> =
            self.contract.fields.iter().map(|field| Found::of(field).definition()).collect();
        if self.mode == WriteMode::Upsert {
            parts.push(format!("PRIMARY KEY ({})", list(self.contract.key.iter())));
        }
        format!("CREATE TABLE {} ({})", quoted(self.name), parts.join(", "))
    }

    /// Whether there is a table of this name.
    pub(super) fn is_there(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let sql = "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
        connection.query_row(sql, [self.name], |row| row.get(0))
    }

    pub(super) fn is_strict(&self, connection: &Connection) -> rusqlite::Result<bool> {
        connection
            .query_row("SELECT coalesce(max(strict), 0) FROM pragma_table_list WHERE name = ?1 COLLATE NOCASE AND schema = 'main'", [
                self.name,
            ], |row| row.get(0))
    }

    /// The columns, in their order.
    pub(super) fn columns(&self, connection: &Connection) -> rusqlite::Result<Vec<Found>> {
        let mut statement = connection.prepare(
            "SELECT name, type, \"notnull\", dflt_value, pk, hidden <> 0 FROM pragma_table_xinfo(?1)",
        )?;
        let columns = statement.query_map([self.name], |row| {
            Ok(Found {
                name: row.get(0)?,
                declared: row.get(1)?,
                not_null: row.get(2)?,
                default: row.get(3)?,
                key_at: row.get(4)?,
                hidden: row.get(5)?,
            })
        })?;
        columns.collect()
    }

    /// Compares the table with the contract.
    pub(super) fn compare(&self, connection: &Connection) -> rusqlite::Result<Result<()>> {
        let strict = self.is_strict(connection)?;
        let columns = self.columns(connection)?;
        let mut errors: Vec<Error> = self
            .contract
            .fields
            .iter()
            .filter_map(|field| self.compare_field(field, &columns, strict))
            .collect();
        errors.extend(columns.iter().filter_map(|column| self.compare_extra(column, &columns)));
        if errors.is_empty() && self.mode == WriteMode::Upsert {
            // SQLite itself knows best whether a unique key fits: it is asked.
            if connection.prepare(&self.upsert()).is_err() {
                let key = list(self.contract.key.iter());
                let index = quoted(&format!("{}_key", self.name));
                let hint = format!("CREATE UNIQUE INDEX {index} ON {} ({key})", quoted(self.name));
                errors.push(self.misfit(&format!("the table has no unique key on ({key})")).hint(hint));
            }
        }
        Ok(Error::many(errors).map_or(Ok(()), Err))
    }

    fn compare_field(&self, field: &Field, columns: &[Found], strict: bool) -> Option<Error> {
        let wanted = declared(&field.ty);
        let name = quoted(&field.name);
        let Some(column) = columns.iter().find(|c| c.name.eq_ignore_ascii_case(&field.name)) else {
            let hint = format!("ALTER TABLE {} ADD COLUMN {name} {wanted}", quoted(self.name));
            return Some(
                self.misfit(&format!("the table has no column {name}")).field(&field.name).hint(hint),
            );
        };
        if column.hidden {
            let message = format!("column {name} is generated or hidden and cannot be written");
            return Some(self.misfit(&message).field(&field.name).hint("write to another column or table"));
        }
        if takes(&column.declared, strict, &field.ty) {
            return None;
        }
        // The declared type is the user's own schema, not data.
        let found = if column.declared.is_empty() { "no type" } else { &column.declared };
        let message =
            format!("column {name} is declared {found}, which would change values meant for {wanted}");
        Some(
            self.misfit(&message)
                .field(&field.name)
                .hint(format!("declare it {wanted}, or write to another table")),
        )
    }

    fn compare_extra(&self, column: &Found, columns: &[Found]) -> Option<Error> {
        let ours = self.contract.fields.iter().any(|f| f.name.eq_ignore_ascii_case(&column.name));
        // An INTEGER PRIMARY KEY numbers itself.
        let numbers_itself = column.in_key()
            && column.declared.eq_ignore_ascii_case("INTEGER")
            && columns.iter().filter(|c| c.in_key()).count() == 1;
        if ours || column.hidden || column.default.is_some() || numbers_itself || !column.not_null {
            return None;
        }
        let message =
            format!("the table needs column {}, which the contract does not have", quoted(&column.name));
        Some(self.misfit(&message).hint("give the column a default, or allow NULL in it"))
    }

    /// Adds a row. `OR ABORT` overrides conflict clauses of the table: a row is refused, never silently dropped or put in
    /// another's place.
    pub(super) fn insert(&self) -> String {
        let fields = self.contract.fields.iter().map(|f| &f.name);
        let marks: Vec<String> = (1..=self.contract.fields.len()).map(|n| format!("?{n}")).collect();
        format!("INSERT OR ABORT INTO {} ({}) VALUES ({})", quoted(self.name), list(fields), marks.join(", "))
    }

    /// Adds a row or puts it in the place of the one with its key; a row that is there already changes nothing. Values
    /// are compared byte by byte, whatever collation the column has.
    pub(super) fn upsert(&self) -> String {
        let key = list(self.contract.key.iter());
        let others: Vec<String> = self
            .contract
            .fields
            .iter()
            .filter(|f| !self.contract.key.contains(&f.name))
            .map(|f| quoted(&f.name))
            .collect();
        if others.is_empty() {
            return format!("{} ON CONFLICT ({key}) DO NOTHING", self.insert());
        }
        let table = quoted(self.name);
        let sets: Vec<String> = others.iter().map(|c| format!("{c} = excluded.{c}")).collect();
        let differ: Vec<String> =
            others.iter().map(|c| format!("{table}.{c} IS NOT excluded.{c} COLLATE BINARY")).collect();
        format!(
            "{} ON CONFLICT ({key}) DO UPDATE SET {} WHERE {}",
            self.insert(),
            sets.join(", "),
            differ.join(" OR ")
        )
    }

    /// Looks for a row with exactly these values.
    pub(super) fn holds(&self) -> String {
        let same: Vec<String> = (1..)
            .zip(&self.contract.fields)
            .map(|(n, field)| format!("{} IS ?{n} COLLATE BINARY", quoted(&field.name)))
            .collect();
        format!("SELECT 1 FROM {} WHERE {} LIMIT 1", quoted(self.name), same.join(" AND "))
    }

    /// Whether the table has triggers, which may leave a row out without a word.
    pub(super) fn has_triggers(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let found =
            "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE";
        connection.query_row(found, [self.name], |row| row.get(0))
    }

    /// Removes all rows and keeps the table.
    pub(super) fn clear(&self) -> String {
        format!("DELETE FROM {}", quoted(self.name))
    }

    /// The first rows of the table, column by column; none if there is no table.
    pub(super) fn first(&self, connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Vec<Shown>>> {
        let mut columns = vec![Vec::new(); self.contract.fields.len()];
        let found = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE";
        if !connection.query_row(found, [self.name], |row| row.get(0))? {
            return Ok(columns);
        }
        let fields = list(self.contract.fields.iter().map(|f| &f.name));
        let mut statement =
            connection.prepare(&format!("SELECT {fields} FROM {} LIMIT ?1", quoted(self.name)))?;
        let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
        while let Some(row) = rows.next()? {
            for (at, column) in columns.iter_mut().enumerate() {
                column.push(match row.get_ref(at)? {
                    ValueRef::Null => None,
                    ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
                    ValueRef::Real(number) => Some(number.to_string().into_bytes()),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
                });
            }
        }
        Ok(columns)
    }

    /// The fields of the key, in the order of the contract's fields, with their positions.
    pub(super) fn key_fields(&self) -> Vec<(usize, &Field)> {
        self.contract.fields.iter().enumerate().filter(|(_, f)| self.contract.key.contains(&f.name)).collect()
    }

    pub(super) fn misfit(&self, message: &str) -> Error {
        Error::new(codes::SINK_SCHEMA, format!("table {}: {message}", quoted(self.name)))
            .place(Place::file(self.file))
    }
}

/// Whether the text of a default is one literal.
fn is_literal(text: &str) -> bool {
    let quoted = |text: &str| text.len() > 1 && text.starts_with('\'') && text.ends_with('\'');
    quoted(text)
        || quoted(text.trim_start_matches(['x', 'X']))
        || text.parse::<f64>().is_ok()
        || text.eq_ignore_ascii_case("null")
}

/// Quoted names with commas between them.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|n| quoted(n)).collect::<Vec<_>>().join(", ")
}

/// Whether a column of this declared type stores values of `ty` unchanged (SQLite, "Datatypes", 3.1: the affinity of
/// a column follows from parts of its declared type).
pub(super) fn takes(declared: &str, strict: bool, ty: &Type) -> bool {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    let affinity = if strict && declared == "ANY" || declared.is_empty() {
        "BLOB"
    } else if has("INT") {
        "INTEGER"
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        "TEXT"
    } else if has("BLOB") {
        "BLOB"
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        "REAL"
    } else {
        "NUMERIC"
    };
    match ty {
        Type::Boolean | Type::Int | Type::Long => {
            matches!(affinity, "INTEGER" | "NUMERIC") || untyped(affinity, strict, &declared)
        }
        Type::Float | Type::Double => {
            matches!(affinity, "REAL" | "NUMERIC") || untyped(affinity, strict, &declared)
        }
        Type::Bytes | Type::Fixed(_) => affinity == "BLOB",
        // NUMERIC would turn the text 1.50 into the number 1.5.
        Type::String | Type::Enum(_) | Type::Uuid | Type::Decimal { .. } | Type::Duration => {
            affinity == "TEXT" || untyped(affinity, strict, &declared)
        }
        // A column declared DATE or TIMESTAMP has NUMERIC affinity; an ISO 8601 text is no number and stays a text.
        _ => matches!(affinity, "TEXT" | "NUMERIC") || untyped(affinity, strict, &declared),
    }
}

/// A column without affinity takes everything; in a STRICT table only `ANY` does.
fn untyped(affinity: &str, strict: bool, declared: &str) -> bool {
    affinity == "BLOB" && (!strict || declared == "ANY")
}
