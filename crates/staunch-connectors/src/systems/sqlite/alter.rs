//! A table that moves to another contract: the statements that it takes, and carrying them out.
//!
//! **What it is.** The steps of [`staunch_contract::migration`] as statements of SQLite, decided by looking at the table: what somebody has done by hand
//! already is not done again. All of it happens in the transaction of the first epoch under the new contract, so the old form and the new one are
//! never mixed with rows of the other.
//!
//! **What it is not.** It decides nothing about contracts, and no value is changed by it: a step that could is refused.
//!
//! **Invariants.** A column is never dropped, and no row. Triggers are not fired. A table is made anew (SQLite changes no type in place) only if it
//! has nothing but columns and a key, because nothing else would be taken along faithfully; its indexes and triggers are taken along as they are.

use super::literal::literal;
use super::rows::Failure;
use super::table::{Found, Table, declared, list, quoted, takes};
use rusqlite::{Connection, OptionalExtension, ffi};
use staunch_contract::migration::{Keyed, Move, Obstacle, Outcome, Step, Stored, fills};
use staunch_contract::{Contract, Field, Type};
use staunch_types::{Error, Result, WriteMode, codes};

/// Beyond this a floating-point number does not tell whole numbers apart.
const EXACT: i64 = 1 << 53;

/// What a table takes.
#[derive(Debug, Default)]
pub(super) struct Alterations {
    /// One after the other.
    pub(super) statements: Vec<String>,
    /// Then the table is made anew with other types of these columns.
    pub(super) retyped: Vec<(String, &'static str)>,
}

impl Alterations {
    /// A line each, for people.
    pub(super) fn lines(self, table: &str) -> Vec<String> {
        let mut lines = self.statements;
        for (column, ty) in self.retyped {
            lines.push(format!("copy table {} into one with {} {ty}", quoted(table), quoted(&column)));
        }
        lines
    }
}

/// What the table takes to come from `from` to its contract.
pub(super) fn plan(
    database: &Connection,
    table: &Table<'_>,
    from: &Contract,
) -> Result<Result<Alterations, Vec<Obstacle>>, Failure> {
    let keyed = if table.mode == WriteMode::Upsert { Keyed::Yes } else { Keyed::No };
    // What was promised was looked at before; here the table is.
    let steps = match Move::new(from, table.contract)?.judge(Stored::Table(keyed), false).outcome {
        Outcome::Altered(steps) => steps,
        Outcome::Refused(obstacles) => return Ok(Err(obstacles)),
        _ => Vec::new(),
    };
    let columns = table.columns(database)?;
    let strict = table.is_strict(database)?;
    let mut plan = Planning {
        database,
        table,
        columns: &columns,
        renamed: Vec::new(),
        found: Alterations::default(),
        obstacles: Vec::new(),
    };
    for step in &steps {
        plan.step(step, strict)?;
    }
    if !plan.found.retyped.is_empty() {
        let why = not_plain(database, table)?;
        for (field, _) in plan.found.retyped.clone() {
            if let Some(why) = &why {
                plan.refuse(
                    &field,
                    why,
                    "alter the table by hand, then run again; or write to another table",
                );
            }
        }
    }
    Ok(if plan.obstacles.is_empty() { Ok(plan.found) } else { Err(plan.obstacles) })
}

struct Planning<'a> {
    database: &'a Connection,
    table: &'a Table<'a>,
    columns: &'a [Found],
    /// From and to.
    renamed: Vec<(String, String)>,
    found: Alterations,
    obstacles: Vec<Obstacle>,
}

impl Planning<'_> {
    fn column(&self, name: &str) -> Option<&Found> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    fn refuse(&mut self, field: &str, cause: &str, way_out: &str) {
        let (field, cause, way_out) = (field.to_owned(), cause.to_owned(), way_out.to_owned());
        self.obstacles.push(Obstacle { field, cause, way_out });
    }

    fn alter(&mut self, what: String) {
        self.found.statements.push(format!("ALTER TABLE {} {what}", quoted(self.table.name)));
    }

    fn step(&mut self, step: &Step, strict: bool) -> rusqlite::Result<()> {
        match step {
            Step::Rename { from, to } => match (self.column(from), self.column(to)) {
                _ if from.eq_ignore_ascii_case(to) => {}
                (Some(_), None) => {
                    self.alter(format!("RENAME COLUMN {} TO {}", quoted(from), quoted(to)));
                    self.renamed.push((from.clone(), to.clone()));
                }
                (Some(_), Some(_)) => {
                    let cause = format!("renamed: {from} → {to}: the table has both columns");
                    self.refuse(
                        to,
                        &cause,
                        "choose a name that the table does not have, or write to another table",
                    );
                }
                _ => {}
            },
            Step::Add(field) => self.add(field)?,
            Step::Retype { field, from, to } => {
                // A column that is renamed stands under its old name yet.
                let now = self.table_name_of(field);
                let fits = self.column(&now).is_none_or(|column| takes(&column.declared, strict, to));
                match (fits, declared(to)) {
                    (true, _) => {}
                    (false, "REAL") => {
                        if matches!(from, Type::Int | Type::Long) && self.beyond_exact(&now)? {
                            let cause = format!(
                                "{from} → {to}: rows that are there hold numbers beyond 2^53, which a {to} would round"
                            );
                            self.refuse(field, &cause, "keep the field as it is and add one of another name");
                        }
                        self.found.retyped.push((field.clone(), "REAL"));
                    }
                    (false, _) => {
                        let cause = format!("{from} → {to}: a column of one holds no values of the other");
                        self.refuse(
                            field,
                            &cause,
                            "keep the field as it is and add one of another name; or run with --full-refresh",
                        );
                    }
                }
            }
            Step::Relax(field) | Step::Retire(field) => {
                let now = self.table_name_of(field);
                let Some(column) = self.column(&now).filter(|column| column.not_null && !column.in_key())
                else {
                    return Ok(());
                };
                // One that is gone takes its own default.
                if matches!(step, Step::Relax(_)) || column.default.is_none() {
                    self.alter(format!("ALTER COLUMN {} DROP NOT NULL", quoted(field)));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, field: &Field) -> rusqlite::Result<()> {
        let name = quoted(&field.name);
        if self.column(&field.name).is_some() {
            // From an earlier version, or by hand. What it holds is not overwritten.
            let gaps =
                format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {name} IS NULL)", quoted(self.table.name));
            if !field.nullable && self.database.query_row(&gaps, [], |row| row.get::<_, bool>(0))? {
                self.refuse(
                    &field.name,
                    "added: the table has such a column, with nulls in it",
                    "let it be null (`?`), choose another name, or fill the column by hand",
                );
            }
            return Ok(());
        }
        let ty = declared(&field.ty);
        let default = match field.default.as_ref().filter(|_| fills(field)) {
            None => String::new(),
            Some(value) => match literal(&field.ty, value) {
                Some(text) => format!(" DEFAULT {text}"),
                None => {
                    self.refuse(
                        &field.name,
                        "added: its default is none that a column of SQLite can have",
                        "give it another default, or let it be null (`?`)",
                    );
                    return Ok(());
                }
            },
        };
        let null = if field.nullable || default.is_empty() { "" } else { " NOT NULL" };
        self.alter(format!("ADD COLUMN {name} {ty}{null}{default}"));
        Ok(())
    }

    /// What a field of the contract is called in the table before anything is altered.
    fn table_name_of(&self, field: &str) -> String {
        let renamed = self.renamed.iter().find(|(_, to)| to == field);
        renamed.map_or_else(|| field.to_owned(), |(from, _)| from.clone())
    }

    fn beyond_exact(&self, column: &str) -> rusqlite::Result<bool> {
        let (table, column) = (quoted(self.table.name), quoted(column));
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {table} WHERE typeof({column}) = 'integer' AND ({column} > {EXACT} OR {column} < -{EXACT}))"
        );
        self.database.query_row(&sql, [], |row| row.get(0))
    }
}

/// Brings the table from `from` to its contract, inside a transaction. With `rehearsed`, no row is copied: to see whether it works, and to be rolled back.
pub(super) fn carry_out(
    tx: &Connection,
    table: &Table<'_>,
    from: &Contract,
    rehearsed: bool,
) -> Result<(), Failure> {
    if table.mode == WriteMode::Replace {
        return renew(tx, table, from);
    }
    let plan = plan(tx, table, from)?.map_err(|obstacles| refused(table, obstacles))?;
    for statement in &plan.statements {
        run(tx, table, statement)?;
    }
    if !plan.retyped.is_empty() {
        let mut columns = table.columns(tx)?;
        for column in &mut columns {
            if let Some((_, ty)) =
                plan.retyped.iter().find(|(name, _)| column.name.eq_ignore_ascii_case(name))
            {
                column.declared = (*ty).to_owned();
            }
        }
        let key = key_of(&columns);
        remake(tx, table, &columns, &key, if rehearsed { Rows::None } else { Rows::All })?;
    }
    Ok(())
}

/// Runs a statement. What SQLite has against it, such as a view that would break, is a matter of the table.
fn run(tx: &Connection, table: &Table<'_>, statement: &str) -> Result<(), Failure> {
    tx.execute_batch(statement).map_err(|error| match error.sqlite_error_code() {
        Some(ffi::ErrorCode::Unknown) | None => Failure::from(
            table
                .misfit(&format!("it cannot be altered: {statement}"))
                .cause(error.to_string())
                .hint("alter the table by hand, and what stands in the way, then run again"),
        ),
        _ => error.into(),
    })
}

/// A table whose rows are all replaced gets the columns of the contract. Those that somebody added stay.
fn renew(tx: &Connection, table: &Table<'_>, from: &Contract) -> Result<(), Failure> {
    if shape(from) == shape(table.contract) && from.key == table.contract.key {
        return Ok(());
    }
    if let Some(why) = not_plain(tx, table)? {
        // What fits stays as it is.
        return match table.compare(tx)? {
            Ok(()) => Ok(()),
            Err(error) => Err(error.cause(why).into()),
        };
    }
    let mut columns: Vec<Found> = table.contract.fields.iter().map(Found::of).collect();
    let ours = |name: &str| {
        [from, table.contract].iter().any(|c| c.fields.iter().any(|f| f.name.eq_ignore_ascii_case(name)))
    };
    columns.extend(table.columns(tx)?.into_iter().filter(|column| !ours(&column.name) && !column.in_key()));
    let keyed = !key_of(&table.columns(tx)?).is_empty();
    let key = if keyed { table.contract.key.clone() } else { Vec::new() };
    remake(tx, table, &columns, &key, Rows::None)
}

/// What a table is made of.
fn shape(contract: &Contract) -> Vec<(&str, &'static str, bool)> {
    contract.fields.iter().map(|f| (f.name.as_str(), declared(&f.ty), f.nullable)).collect()
}

fn key_of(columns: &[Found]) -> Vec<String> {
    let mut key: Vec<&Found> = columns.iter().filter(|column| column.in_key()).collect();
    key.sort_by_key(|column| column.key_at);
    key.into_iter().map(|column| column.name.clone()).collect()
}

/// Which rows go along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    None,
}

/// Makes a table anew, with its indexes and triggers (SQLite, "Making other kinds of table schema changes").
fn remake(
    tx: &Connection,
    table: &Table<'_>,
    columns: &[Found],
    key: &[String],
    rows: Rows,
) -> Result<(), Failure> {
    let (old, new) = (quoted(table.name), quoted(&format!("staunch_new_{}", table.name)));
    let mut kept = Vec::new();
    {
        let mut statement = tx.prepare(
            "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid",
        )?;
        for sql in statement.query_map([table.name], |row| row.get::<_, String>(0))? {
            kept.push(sql?);
        }
    }
    let mut parts: Vec<String> = columns.iter().map(Found::definition).collect();
    if !key.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", list(key.iter())));
    }
    run(tx, table, &format!("CREATE TABLE {new} ({})", parts.join(", ")))?;
    if rows == Rows::All {
        let names = list(columns.iter().map(|column| &column.name));
        let copied =
            tx.execute(&format!("INSERT INTO {new} ({names}) SELECT {names} FROM {old} ORDER BY rowid"), [])?;
        let all: i64 = tx.query_row(&format!("SELECT count(*) FROM {old}"), [], |row| row.get(0))?;
        if i64::try_from(copied).ok() != Some(all) {
            return Err(Error::new(
                codes::IMBALANCE,
                format!("{copied} of {all} rows of the table were copied"),
            )
            .hint("nothing was altered: keep the database and report this")
            .into());
        }
    }
    run(tx, table, &format!("DROP TABLE {old}"))?;
    // Views and triggers of other tables name the table, and go on naming it.
    tx.pragma_update(None, "legacy_alter_table", true)?;
    let renamed = run(tx, table, &format!("ALTER TABLE {new} RENAME TO {old}"));
    tx.pragma_update(None, "legacy_alter_table", false)?;
    renamed?;
    for sql in kept {
        tx.execute_batch(&sql).map_err(|e| {
            Failure::from(
                table
                    .misfit("an index or a trigger of the table does not fit its new columns")
                    .cause(e.to_string())
                    .hint("drop it, run again, and make it anew as it should be"),
            )
        })?;
    }
    Ok(())
}

/// Why a table cannot be made anew faithfully, if so.
fn not_plain(database: &Connection, table: &Table<'_>) -> rusqlite::Result<Option<String>> {
    let sql: Option<String> = database
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            [table.name],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(word) = sql.as_deref().and_then(more_than_columns) {
        return Ok(Some(format!(
            "the table was made with `{word}`, which would be lost if it were made anew"
        )));
    }
    let referring: i64 = database.query_row(
        "SELECT count(*) FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS f WHERE s.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE",
        [table.name],
        |row| row.get(0),
    )?;
    Ok((referring > 0).then(|| "other tables refer to its rows by foreign keys".to_owned()))
}

/// The first word of a CREATE TABLE that says more than columns with types, nulls, plain defaults and a primary key.
fn more_than_columns(sql: &str) -> Option<String> {
    // The types are those that people give columns: they go along as they are written.
    const KNOWN: [&str; 27] = [
        "CREATE",
        "TABLE",
        "NOT",
        "NULL",
        "DEFAULT",
        "PRIMARY",
        "KEY",
        "INTEGER",
        "INT",
        "BIGINT",
        "SMALLINT",
        "TINYINT",
        "REAL",
        "DOUBLE",
        "PRECISION",
        "FLOAT",
        "NUMERIC",
        "DECIMAL",
        "TEXT",
        "CHAR",
        "VARCHAR",
        "CLOB",
        "BLOB",
        "BOOLEAN",
        "DATE",
        "DATETIME",
        "TIMESTAMP",
    ];
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skip = match first {
            // Names and texts; a mark in them is doubled, which is the end of one and the beginning of another.
            '"' | '\'' | '`' => 1 + rest[1..].find(first)? + 1,
            '[' => 1 + rest.find(']')?,
            c if c.is_alphanumeric() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let word = &rest[..end];
                let known = KNOWN.iter().any(|known| known.eq_ignore_ascii_case(word));
                if !known
                    && !word.starts_with(|c: char| c.is_ascii_digit())
                    && !is_name(sql, rest, word)
                    && !word.eq_ignore_ascii_case("x")
                {
                    return Some(word.to_owned());
                }
                end
            }
            c if c == '-' && rest.starts_with("--") => return Some("--".to_owned()),
            c if c == '/' && rest.starts_with("/*") => return Some("/*".to_owned()),
            c => c.len_utf8(),
        };
        rest = &rest[skip..];
    }
    None
}

/// Whether an unquoted word stands where a name does: after `CREATE TABLE`, after `(` or after `,`.
fn is_name(sql: &str, rest: &str, word: &str) -> bool {
    const NEVER: [&str; 5] = ["CHECK", "UNIQUE", "FOREIGN", "CONSTRAINT", "GENERATED"];
    if NEVER.iter().any(|never| never.eq_ignore_ascii_case(word)) {
        return false;
    }
    let before = sql[..sql.len() - rest.len()].trim_end();
    before.ends_with(['(', ',']) || before.to_ascii_uppercase().ends_with("TABLE")
}

fn refused(table: &Table<'_>, obstacles: Vec<Obstacle>) -> Failure {
    let one = |o: Obstacle| table.misfit(&o.cause).field(&o.field).hint(o.way_out);
    let error = Error::many(obstacles.into_iter().map(one).collect());
    error.unwrap_or_else(|| table.misfit("the table cannot be altered")).into()
}

#[cfg(test)]
mod tests {
    use super::more_than_columns;

    #[test]
    fn what_a_table_has_beside_columns_is_seen() {
        for plain in [
            r#"CREATE TABLE "clicks" ("id" INTEGER NOT NULL, "check" TEXT, PRIMARY KEY ("id"))"#,
            r#"CREATE TABLE clicks (id INTEGER PRIMARY KEY, kind VARCHAR(10) DEFAULT 'it''s a CHECK', n REAL NOT NULL DEFAULT -1.5, b BLOB DEFAULT X'00ff')"#,
        ] {
            assert_eq!(more_than_columns(plain), None, "{plain}");
        }
        for (sql, word) in [
            ("CREATE TABLE t (a INTEGER CHECK (a > 1))", "CHECK"),
            ("CREATE TABLE t (a INTEGER, CHECK (a > 1))", "CHECK"),
            ("CREATE TABLE t (a TEXT COLLATE NOCASE)", "COLLATE"),
            ("CREATE TABLE t (a TEXT, UNIQUE (a))", "UNIQUE"),
            ("CREATE TABLE t (a INTEGER REFERENCES u)", "REFERENCES"),
            ("CREATE TABLE t (a INTEGER, b AS (a + 1))", "AS"),
            ("CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)", "AUTOINCREMENT"),
            ("CREATE TABLE t (a INTEGER) STRICT", "STRICT"),
            ("CREATE TABLE t (a TEXT DEFAULT CURRENT_TIMESTAMP)", "CURRENT_TIMESTAMP"),
            ("CREATE TABLE t (a INTEGER /* , b */)", "/*"),
        ] {
            assert_eq!(more_than_columns(sql).as_deref(), Some(word), "{sql}");
        }
    }
}
