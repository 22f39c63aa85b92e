#!/usr/bin/env python3
"""Shows that the comparison of expected.py can fail: writes right outputs with DuckDB and sqlite3, then breaks them one
way at a time. Each must be found."""

import contextlib
import hashlib
import io
import os
import shutil
import sqlite3
import struct
import tempfile

import expected as oracle


def write_outputs(db, out, tables, change):
    """What the pipelines should write, as files, after `change` (a function over the list of rows)."""
    store = None
    for table in tables:
        sql, outputs, _ = oracle.TABLES[table]
        columns = oracle.columns_of(table)
        names = ", ".join(f"CAST({n} AS BIGINT) AS {n}" if k == "i" else n for n, k in columns)
        rows = db.execute(f"SELECT {names} FROM ({sql})").fetchall()
        rows = [
            tuple(token(v) if k == "k" and v is not None else v for v, (_, k) in zip(row, columns)) for row in rows
        ]
        rows = change(rows)
        for output in outputs:
            if output == "lake":
                write_parquet(db, out, table, columns, rows)
            else:
                store = store or sqlite3.connect(os.path.join(out, "flights.db"))
                write_sqlite(store, table, columns, rows)
    if store:
        store.commit()
        store.close()


def token(value):
    return hashlib.sha256(value.encode()).hexdigest()[:32]


def write_parquet(db, out, table, columns, rows):
    kinds = {"i": "BIGINT", "d": "DOUBLE", "s": "VARCHAR", "k": "VARCHAR", "b": "BOOLEAN", "t": "TIMESTAMPTZ"}
    folder = os.path.join(out, "lake", table)
    os.makedirs(os.path.join(folder, ".staunch"))
    # A hidden file that is no part of the table: the comparison must not read it.
    with open(os.path.join(folder, ".staunch", "left.parquet"), "wb") as f:
        f.write(b"not Parquet")
    # By way of a CSV file: quick, and exact because doubles are written with repr.
    temporary = os.path.join(out, f"{table}.csv")
    text = [[oracle.canonical(v, k) for v, (_, k) in zip(row, columns)] for row in rows]
    with open(temporary, "w", newline="") as f:
        writer = oracle.csv.writer(f, lineterminator="\n")
        writer.writerows([["\\N" if v is None else v for v in row] for row in text])
    spec = "{" + ", ".join(f"'{n}': '{kinds[k]}'" for n, k in columns) + "}"
    source = f"read_csv('{temporary}', header = false, nullstr = ['\\N'], columns = {spec}, auto_detect = false)"
    if table == "flights_clean":
        db.execute(f"COPY (FROM {source}) TO '{folder}' (FORMAT parquet, PARTITION_BY (month), OVERWRITE_OR_IGNORE)")
    else:
        db.execute(f"COPY (FROM {source}) TO '{folder}/part.parquet' (FORMAT parquet)")
    os.remove(temporary)


def write_sqlite(store, table, columns, rows):
    kinds = {"i": "INTEGER", "d": "REAL", "s": "TEXT", "k": "TEXT", "b": "INTEGER", "t": "TEXT"}
    store.execute(f'CREATE TABLE "{table}" (' + ", ".join(f'"{n}" {kinds[k]}' for n, k in columns) + ")")
    marks = ", ".join("?" for _ in columns)
    values = [
        tuple(oracle.instant(v) if k == "t" and v is not None else v for v, (_, k) in zip(row, columns))
        for row in rows
    ]
    store.executemany(f'INSERT INTO "{table}" VALUES ({marks})', values)


def change_cell(table, column, change):
    """Changes the first value of a column that is not null."""
    at = [n for n, _ in oracle.columns_of(table)].index(column)

    def apply(rows):
        for i, row in enumerate(rows):
            if row[at] is not None:
                rows[i] = row[:at] + (change(row[at]),) + row[at + 1 :]
                return rows
        raise AssertionError(f"{table}.{column} has no value")

    return (table, apply)


def next_double(value):
    """The next double above a positive one: one unit in the last place."""
    bits = struct.unpack("<q", struct.pack("<d", value))[0]
    return struct.unpack("<d", struct.pack("<q", bits + 1))[0]


FAULTS = {
    "a row is lost": ("departures", lambda rows: rows[1:]),
    "a row is there twice": ("departures", lambda rows: rows + rows[:1]),
    "an integer is off by one": change_cell("route_stats", "flights", lambda v: v + 1),
    "a double is off by one bit": change_cell("flights_clean", "miles_per_hour", next_double),
    "a boolean is turned": change_cell("flights_clean", "cancelled", lambda v: not v),
    "a value is null": change_cell("last_departure", "dest", lambda v: None),
    "a token is another": change_cell("departures", "tailnum", lambda v: "0" * 32),
    "all tokens are one": (
        "flights_clean",
        lambda rows: [r[:8] + (r[8] and "0" * 32,) + r[9:] for r in rows],
    ),
}


def verdict(db, tables, change):
    """Whether the comparison finds the outputs right, and what it said."""
    out = tempfile.mkdtemp(prefix="oracle-")
    words = io.StringIO()
    try:
        write_outputs(db, out, tables, change)
        with contextlib.redirect_stdout(words), contextlib.redirect_stderr(words):
            return oracle.compare(db, out, committed=True, tables=tables), words.getvalue()
    finally:
        shutil.rmtree(out)


def main():
    db = oracle.load(os.path.join(oracle.HERE, "..", "data"))
    right, words = verdict(db, list(oracle.TABLES), lambda rows: rows)
    if not right:
        oracle.fail(f"right outputs are found wrong:\n{words}")
    for name, (table, change) in FAULTS.items():
        right, words = verdict(db, [table], change)
        if right:
            oracle.fail(f"not found: {name}")
        print(f"found: {name}")
    print(f"{len(FAULTS)} faults found")


if __name__ == "__main__":
    main()
