#!/usr/bin/env python3
"""What the flights example must write, computed by DuckDB from the same files.

Needs Python 3.9 or later and the PyPI package duckdb==2.0.0 (`pip install duckdb==2.0.0`); nothing else.

The SQL here is written apart from that of the pipelines. Integers, strings, booleans and times are compared exactly and
as multisets. Doubles are compared by their bits as well: each is either a value of the input or one division of two
exactly representable integers, and IEEE 754 leaves no choice in that. No tolerance is used anywhere.
"""

import argparse
import collections
import csv
import datetime
import glob
import gzip
import io
import os
import re
import sqlite3
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# Columns of the inputs. A CSV field `NA` is null; the types are those of the contracts.
FLIGHTS = (
    "year INTEGER, month INTEGER, day INTEGER, dep_time INTEGER, sched_dep_time INTEGER, dep_delay INTEGER, "
    "arr_time INTEGER, sched_arr_time INTEGER, arr_delay INTEGER, carrier VARCHAR, flight INTEGER, tailnum VARCHAR, "
    "origin VARCHAR, dest VARCHAR, air_time INTEGER, distance INTEGER, hour INTEGER, minute INTEGER, "
    "time_hour TIMESTAMP"
)
WEATHER = (
    "origin VARCHAR, year INTEGER, month INTEGER, day INTEGER, hour INTEGER, temp DOUBLE, dewp DOUBLE, humid DOUBLE, "
    "wind_dir INTEGER, wind_speed DOUBLE, wind_gust DOUBLE, precip DOUBLE, pressure DOUBLE, visib DOUBLE, "
    "time_hour TIMESTAMP"
)
AIRPORTS = (
    "faa VARCHAR, name VARCHAR, lat DOUBLE, lon DOUBLE, alt INTEGER, tz INTEGER, dst VARCHAR, tzone VARCHAR"
)
AIRLINES = "carrier VARCHAR, name VARCHAR"
PLANES = (
    "tailnum VARCHAR, year INTEGER, type VARCHAR, manufacturer VARCHAR, model VARCHAR, engines INTEGER, "
    "seats INTEGER, speed INTEGER, engine VARCHAR"
)

# Fields of `flight` that are never null, by position, and the fields that are integers (for --check-planted).
FLIGHT_FIELDS = [c.split()[0] for c in FLIGHTS.split(", ")]
FLIGHT_INTS = {c.split()[0] for c in FLIGHTS.split(", ") if c.endswith("INTEGER")}
FLIGHT_NULLABLE = {"dep_time", "dep_delay", "arr_time", "arr_delay", "tailnum", "air_time"}

CLEAN = """
    SELECT f.year AS year, f.month AS month, f.day AS day, f.hour AS hour, f.time_hour AS time_hour,
           f.carrier AS carrier, a.name AS airline, f.flight AS flight, f.tailnum AS tailnum,
           p.manufacturer AS manufacturer, p.model AS model, f.year - p.year AS plane_age,
           f.origin AS origin, f.dest AS dest, d.name AS dest_name, f.distance AS distance,
           f.sched_dep_time // 100 * 60 + f.sched_dep_time % 100 AS sched_dep_minute,
           f.dep_delay AS dep_delay, f.arr_delay AS arr_delay, f.air_time AS air_time,
           f.dep_delay - f.arr_delay AS made_up,
           (f.distance * 60)::DOUBLE / f.air_time::DOUBLE AS miles_per_hour,
           f.dep_delay IS NULL AS cancelled,
           if(f.arr_delay IS NULL, NULL, NOT f.arr_delay < 15) AS arr_late,
           w.temp AS temp, w.wind_speed AS wind_speed, w.visib AS visib
    FROM flights f
    JOIN airlines a USING (carrier)
    LEFT JOIN airports d ON d.faa = f.dest
    LEFT JOIN planes p ON p.tailnum = f.tailnum
    LEFT JOIN weather w ON w.time_hour = f.time_hour AND w.origin = f.origin
"""

DELAYS = """
    SELECT carrier, time_hour, count(*) AS flights,
           count(*) FILTER (dep_delay IS NOT NULL) AS departed,
           count(*) FILTER (dep_delay IS NULL) AS cancelled,
           count(*) FILTER (dep_delay >= 15) AS late,
           coalesce(sum(dep_delay), 0) AS dep_delay_sum,
           max(dep_delay) AS dep_delay_max,
           if(departed = 0, NULL, dep_delay_sum::DOUBLE / departed::DOUBLE) AS dep_delay_avg,
           if(departed = 0, NULL, (late * 100)::DOUBLE / departed::DOUBLE) AS late_percent
    FROM flights GROUP BY carrier, time_hour
"""

ROUTES = """
    SELECT origin, dest, count(*) AS flights, count(arr_delay) AS arrived, count(DISTINCT carrier) AS carriers,
           count(*) FILTER (arr_delay < 15) AS on_time,
           if(arrived = 0, NULL, (on_time * 100)::DOUBLE / arrived::DOUBLE) AS on_time_percent,
           if(arrived = 0, NULL, sum(arr_delay)::DOUBLE / arrived::DOUBLE) AS arr_delay_avg,
           max(arr_delay) AS arr_delay_max, min(air_time) AS air_time_min, max(air_time) AS air_time_max,
           any_value(distance) AS distance,
           (count(*) * 100)::DOUBLE / (sum(count(*)) OVER (PARTITION BY origin))::DOUBLE AS share_of_origin
    FROM flights GROUP BY origin, dest
"""

DEPARTURES = """
    SELECT time_hour, carrier, flight, tailnum, origin, dest, dep_time, dep_delay, dep_delay > 14 AS is_late
    FROM flights WHERE dep_time IS NOT NULL
"""

# `place` is the position of a row in the files, in the order of their names.
LAST = """
    SELECT carrier, flight, origin, arg_max(dest, place) AS dest, arg_max(time_hour, place) AS time_hour,
           arg_max(dep_delay, place) AS dep_delay
    FROM flights WHERE dep_time IS NOT NULL GROUP BY carrier, flight, origin
"""

# name: (SQL, outputs, columns as name:kind). Kinds: i integer, d double, s string, b boolean, t instant, k token.
TABLES = {
    "flights_clean": (
        CLEAN,
        ["lake"],
        "year:i month:i day:i hour:i time_hour:t carrier:s airline:s flight:i tailnum:k manufacturer:s model:s "
        "plane_age:i origin:s dest:s dest_name:s distance:i sched_dep_minute:i dep_delay:i arr_delay:i air_time:i "
        "made_up:i miles_per_hour:d cancelled:b arr_late:b temp:d wind_speed:d visib:d",
    ),
    "delays_by_carrier_hour": (
        DELAYS,
        ["warehouse"],
        "carrier:s time_hour:t flights:i departed:i cancelled:i late:i dep_delay_sum:i dep_delay_max:i "
        "dep_delay_avg:d late_percent:d",
    ),
    "route_stats": (
        ROUTES,
        ["lake", "warehouse"],
        "origin:s dest:s flights:i arrived:i carriers:i on_time:i on_time_percent:d arr_delay_avg:d arr_delay_max:i "
        "air_time_min:i air_time_max:i distance:i share_of_origin:d",
    ),
    "departures": (
        DEPARTURES,
        ["lake"],
        "time_hour:t carrier:s flight:i tailnum:k origin:s dest:s dep_time:i dep_delay:i is_late:b",
    ),
    "last_departure": (
        LAST,
        ["warehouse"],
        "carrier:s flight:i origin:s dest:s time_hour:t dep_delay:i",
    ),
}


def fail(text):
    print(f"oracle: {text}", file=sys.stderr)
    sys.exit(1)


def columns_of(table):
    return [tuple(c.split(":")) for c in TABLES[table][2].split()]


def load(data):
    """The inputs as DuckDB tables. Files named planted* hold broken records only and are left out."""
    try:
        import duckdb
    except ImportError:
        fail("the Python package duckdb is missing: pip install duckdb==2.0.0")
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")

    def read(table, columns, paths):
        if not paths:
            fail(f"no file for {table} below {data}")
        spec = "{" + ", ".join("'{}': '{}'".format(*c.split()) for c in columns.split(", ")) + "}"
        names = "[" + ", ".join("'" + p.replace("'", "''") + "'" for p in paths) + "]"
        # `time_hour` is RFC 3339 in UTC; DuckDB's TIMESTAMP takes the `Z` and keeps the reading in UTC.
        db.execute(
            f"CREATE TABLE {table} AS SELECT *, row_number() OVER () AS place FROM "
            f"read_csv({names}, header = true, delim = ',', quote = '\"', escape = '\"', nullstr = ['NA'], "
            f"columns = {spec}, auto_detect = false, parallel = false)"
        )

    flights = sorted(
        p for p in glob.glob(os.path.join(data, "flights", "*.csv*"))
        if not os.path.basename(p).startswith("planted")
    )
    read("flights", FLIGHTS, flights)
    for table, columns in [("weather", WEATHER), ("airports", AIRPORTS), ("airlines", AIRLINES), ("planes", PLANES)]:
        read(table, columns, [os.path.join(data, f"{table}.csv.gz")])
    return db


def canonical(value, kind):
    """One value as text, the same for every engine; null is None."""
    if value is None:
        return None
    if kind == "i":
        if int(value) != value:
            fail(f"{value!r} stands where an integer should")
        return str(int(value))
    if kind == "d":
        # repr gives the shortest text that reads back to the same double: equal text, equal bits.
        return repr(float(value))
    if kind == "b":
        if value not in (0, 1, True, False):
            fail(f"{value!r} stands where a boolean should")
        return "true" if value else "false"
    if kind == "t":
        return instant(value)
    return str(value)


def instant(value):
    """An instant as YYYY-MM-DDTHH:MM:SS.ffffffZ."""
    if isinstance(value, str):
        text = value.strip().replace(" ", "T")
        text = re.sub(r"(Z|\+00:?00)$", "", text)
        value = datetime.datetime.fromisoformat(text)
    if value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rows_of(table, columns, fetched):
    return [tuple(canonical(v, k) for v, (_, k) in zip(row, columns)) for row in fetched]


def sort_key(row):
    return tuple((v is not None, v or "") for v in row)


def compute(db, table):
    columns = columns_of(table)
    names = ", ".join(
        f"CAST({n} AS BIGINT) AS {n}" if k == "i" else n for n, k in columns
    )
    return rows_of(table, columns, db.execute(f"SELECT {names} FROM ({TABLES[table][0]})").fetchall())


def without_tokens(table, rows):
    keep = [i for i, (_, k) in enumerate(columns_of(table)) if k != "k"]
    return [tuple(r[i] for i in keep) for r in rows]


def as_csv(table, rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([n for n, k in columns_of(table) if k != "k"])
    for row in sorted(without_tokens(table, rows), key=sort_key):
        writer.writerow(["" if v is None else v for v in row])
    return out.getvalue()


def expected_path(table):
    plain = os.path.join(HERE, "expected", f"{table}.csv")
    return plain if os.path.exists(plain) else plain + ".gz"


def write_expected(db):
    folder = os.path.join(HERE, "expected")
    os.makedirs(folder, exist_ok=True)
    for table in TABLES:
        text = as_csv(table, compute(db, table)).encode()
        plain = os.path.join(folder, f"{table}.csv")
        for old in (plain, plain + ".gz"):
            if os.path.exists(old):
                os.remove(old)
        if len(text) > 1 << 20:
            with open(plain + ".gz", "wb") as raw:
                with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as packed:
                    packed.write(text)
        else:
            with open(plain, "wb") as raw:
                raw.write(text)
        print(f"{table}: {text.count(10) - 1} rows")


def read_expected(table):
    path = expected_path(table)
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as f:
        return f.read().decode()


def parquet_rows(db, out, table):
    """The rows of all Parquet files of a folder; hidden folders are not part of it."""
    root = os.path.join(out, "lake", table)
    files = []
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(d for d in inner if not d.startswith("."))
        files += [os.path.join(folder, n) for n in sorted(names) if n.endswith(".parquet") and n[0] not in "._"]
    if not files:
        fail(f"{root} holds no Parquet file")
    columns = columns_of(table)
    listing = "[" + ", ".join("'" + f.replace("'", "''") + "'" for f in files) + "]"
    source = f"read_parquet({listing}, hive_partitioning = true, union_by_name = true)"
    found = [r[0] for r in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    wanted = [n for n, _ in columns]
    if sorted(found) != sorted(wanted):
        fail(f"lake/{table} has the columns {sorted(found)}, not {sorted(wanted)}")
    names = ", ".join(
        # An instant may carry a zone or not; both are UTC here.
        f"CAST({n} AS BIGINT)" if k == "i" else f"CAST({n} AS TIMESTAMP)" if k == "t" else f'"{n}"'
        for n, k in columns
    )
    return rows_of(table, columns, db.execute(f"SELECT {names} FROM {source}").fetchall())


def sqlite_rows(out, table):
    path = os.path.join(out, "flights.db")
    if not os.path.exists(path):
        fail(f"{path} is missing")
    columns = columns_of(table)
    connection = sqlite3.connect(path)
    try:
        found = [r[1] for r in connection.execute(f'PRAGMA table_info("{table}")').fetchall()]
        wanted = [n for n, _ in columns]
        if sorted(found) != sorted(wanted):
            fail(f"warehouse/{table} has the columns {sorted(found)}, not {sorted(wanted)}")
        names = ", ".join(f'"{n}"' for n in wanted)
        return rows_of(table, columns, connection.execute(f'SELECT {names} FROM "{table}"').fetchall())
    finally:
        connection.close()


def difference(name, table, expected, found):
    """The number of rows by which two multisets differ; prints the first few."""
    missing = collections.Counter(expected)
    missing.subtract(collections.Counter(found))
    lost = [(r, n) for r, n in missing.items() if n > 0]
    extra = [(r, -n) for r, n in missing.items() if n < 0]
    if not lost and not extra:
        return 0
    total = sum(n for _, n in lost) + sum(n for _, n in extra)
    print(f"{name}: {len(found)} rows, {len(expected)} expected; {total} differ", file=sys.stderr)
    print("  columns:  " + ", ".join(n for n, k in columns_of(table) if k != "k"), file=sys.stderr)
    for what, rows in (("missing", lost), ("too many", extra)):
        for row, count in sorted(rows, key=lambda r: sort_key(r[0]))[:3]:
            print(f"  {what} ({count}x): {row}", file=sys.stderr)
    return total


def check_tokens(name, table, expected, found):
    """Tokens stand for values one to one: as many rows have none, every value has one token, no two share one.

    A row says which value its token stands for where the key of the table names one row.
    """
    columns = columns_of(table)
    at = [i for i, (_, k) in enumerate(columns) if k == "k"]
    if not at:
        return 0
    token = at[0]
    key = [i for i, (n, _) in enumerate(columns) if n in ("carrier", "flight", "origin", "time_hour")]
    value_of = {tuple(r[i] for i in key): r[token] for r in expected}
    if len(value_of) != len(expected):
        fail(f"{table}: the key does not name one row")
    pairs = set()
    shown = 0
    for row in found:
        value, seen = value_of.get(tuple(row[i] for i in key)), row[token]
        if (value is None) != (seen is None):
            print(f"{name}: a token stands where no value is, or the other way round", file=sys.stderr)
            return 1
        if value is not None:
            pairs.add((value, seen))
            shown += value == seen
    values = {v for v, _ in pairs}
    tokens = {t for _, t in pairs}
    if shown:
        print(f"{name}: {shown} values are shown as they are, not as tokens", file=sys.stderr)
        return 1
    if not len(pairs) == len(values) == len(tokens):
        print(f"{name}: {len(values)} values, {len(tokens)} tokens, {len(pairs)} pairs", file=sys.stderr)
        return 1
    return 0


def compare(db, out, committed, tables=None):
    """Compares the outputs below `out`; `committed` says whether expected/ belongs to these data."""
    equal, wrong = 0, 0
    for table in tables or TABLES:
        outputs = TABLES[table][1]
        expected = compute(db, table)
        if committed and as_csv(table, expected) != read_expected(table):
            fail(f"{expected_path(table)} is not what DuckDB computes today: run oracle/expected.py and look")
        for output in outputs:
            name = f"{output}/{table}"
            found = parquet_rows(db, out, table) if output == "lake" else sqlite_rows(out, table)
            bad = difference(name, table, without_tokens(table, expected), without_tokens(table, found))
            bad = bad or check_tokens(name, table, expected, found)
            if bad:
                wrong += 1
            else:
                equal += 1
                print(f"{name}: {len(found)} rows")
    print(f"{equal} tables equal" + (f", {wrong} not" if wrong else ""))
    return wrong == 0


def planted_faults(path):
    """For every record of a file of flights: (line, what is wrong, or None). By Python's own csv reader."""
    with open(path, "rb") as f:
        text = f.read().decode("utf-8", errors="surrogateescape")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    next(reader)
    found = []
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return found
        except csv.Error as error:
            found.append((line, str(error)))
            continue
        found.append((line, flight_fault(row)))


def flight_fault(row):
    if len(row) != len(FLIGHT_FIELDS):
        return "number of fields"
    for name, text in zip(FLIGHT_FIELDS, row):
        if any("\udc80" <= c <= "\udcff" for c in text):
            return f"{name}: not UTF-8"
        if text == "NA" or (text == "" and name in FLIGHT_INTS):
            if name not in FLIGHT_NULLABLE:
                return f"{name}: null"
            continue
        if name in FLIGHT_INTS:
            if not re.fullmatch(r"[+-]?[0-9]+", text):
                return f"{name}: not an integer"
            if not -(2**31) <= int(text) < 2**31:
                return f"{name}: beyond 32 bits"
        if name == "time_hour":
            try:
                datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
            except ValueError:
                return f"{name}: not a time"
    return None


def check_planted():
    path = os.path.join(HERE, "..", "data", "flights", "planted.csv")
    with open(os.path.join(HERE, "planted.csv"), newline="") as f:
        listed = [int(r["line"]) for r in csv.DictReader(f)]
    faults = planted_faults(path)
    good = [line for line, fault in faults if fault is None]
    if good:
        fail(f"planted.csv: the records on lines {good} are not broken")
    if [line for line, _ in faults] != listed:
        fail(f"planted.csv: records begin on lines {[n for n, _ in faults]}, listed are {listed}")
    print(f"{len(faults)} planted records, all broken")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="DIR", help="other data, laid out as ../data (default: ../data)")
    parser.add_argument("--compare", metavar="OUT_DIR", help="compare lake/ and flights.db below this folder")
    parser.add_argument("--check-planted", action="store_true", help="show that planted.csv holds no good record")
    options = parser.parse_args()
    if options.check_planted:
        check_planted()
        return
    db = load(options.data or os.path.join(HERE, "..", "data"))
    if options.compare:
        if not compare(db, options.compare, committed=options.data is None):
            sys.exit(1)
    elif options.data:
        fail("without --compare the expected files are written, and they belong to the data of the example")
    else:
        write_expected(db)


if __name__ == "__main__":
    main()
