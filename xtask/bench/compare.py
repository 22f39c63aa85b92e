"""Compares the answers of engines: compare.py JOB NAME=DIR... Exits 1 if they differ.

DuckDB reads the files of every folder (hidden ones are no output) and gives the number of rows, the sum of every
number, the number of nulls, and a sum of row hashes, which does not depend on the order.
"""

import os
import sys

import duckdb

from jobs import COLUMNS, JOBS


def files_of(folder, ending):
    found = []
    for at, inner, names in os.walk(folder):
        inner[:] = [d for d in inner if not d.startswith(".")]
        found += [os.path.join(at, n) for n in names if n.endswith("." + ending) and n[0] not in "._"]
    return sorted(found)


def answer(db, job, folder):
    ending = JOBS[job]["output"]
    files = files_of(folder, ending)
    if not files:
        sys.exit(f"{folder} holds no {ending} file")
    listing = "[" + ", ".join("'" + f.replace("'", "''") + "'" for f in files) + "]"
    reader = f"read_parquet({listing})"
    if ending == "ndjson":
        # The keys are those of the lines; only their types are given.
        kinds = "{" + ", ".join(f"'{n}': '{k}'" for n, k in COLUMNS.items()) + "}"
        reader = f"read_json({listing}, format = 'newline_delimited', columns = {kinds})"
    columns = JOBS[job]["canonical"]
    source = f"SELECT {', '.join(f'{sql} AS {name}' for name, sql in columns.items())} FROM {reader}"
    found = {r[0] for r in db.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()}
    if found != set(columns):
        sys.exit(f"{folder}: the columns are {sorted(found)}, not {sorted(columns)}")
    names = ", ".join(columns)
    nulls = " + ".join(f"(count(*) - count({name}))" for name in columns)
    row = db.execute(
        f"SELECT count(*), {nulls}, sum(CAST(hash({names}) AS HUGEINT)) FROM ({source})"
    ).fetchone()
    kinds = {r[0]: r[1] for r in db.execute(f"DESCRIBE {source}").fetchall()}
    numbers = [n for n in columns if kinds[n] in ("BIGINT", "INTEGER", "DOUBLE")]
    # Sums of doubles are shown to help the eye; the hash decides.
    sums = db.execute(f"SELECT {', '.join(f'round(sum({n}), 2)' for n in numbers)} FROM ({source})").fetchone()
    return {"rows": row[0], "nulls": row[1], "hash": str(row[2])}, dict(zip(numbers, sums))


def main():
    job, folders = sys.argv[1], [arg.split("=", 1) for arg in sys.argv[2:]]
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    answers = {name: answer(db, job, folder) for name, folder in folders}
    first_name, first = next(iter(answers.items()))
    wrong = [name for name, (exact, _) in answers.items() if exact != first[0]]
    if wrong:
        for name, (exact, sums) in answers.items():
            print(f"  {name}: {exact} {sums}", file=sys.stderr)
        sys.exit(f"{job}: {', '.join(wrong)} and {first_name} give different answers")
    print(f"{job}: {', '.join(answers)} agree on {first[0]['rows']} rows, hash {first[0]['hash']}")


if __name__ == "__main__":
    main()
