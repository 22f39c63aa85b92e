"""Runs one job by one peer: peers.py ENGINE JOB DATA_DIR OUT_DIR THREADS. JOB `nothing` only starts the engine.

Each peer gets what it is best at: types are given and nothing is inferred, the plan is lazy, results are written as they
come. Parquet files are compressed with Snappy by all, NDJSON files are not compressed.
"""

import os
import sys

from jobs import COLUMNS, JOBS


def duckdb_job(job, data, out, threads):
    import duckdb

    db = duckdb.connect()
    db.execute(f"SET threads = {threads}")
    db.execute("SET TimeZone = 'UTC'")
    # Rows need no order here, and keeping it would cost DuckDB memory and time.
    db.execute("SET preserve_insertion_order = false")
    if job == "nothing":
        return
    path = os.path.join(data, JOBS[job]["input"])
    spec = "{" + ", ".join(f"'{n}': '{k}'" for n, k in COLUMNS.items()) + "}"
    if path.endswith(".csv"):
        source = (
            f"read_csv('{path}', header = true, delim = ',', quote = '\"', escape = '\"', auto_detect = false, "
            f"columns = {spec})"
        )
    else:
        source = f"read_json('{path}', format = 'newline_delimited', auto_detect = false, columns = {spec})"
    copied = f"SELECT * FROM {source}"
    grouped = f"""
        SELECT city, channel, count(*) AS events, sum(quantity) AS items, sum(total) AS total,
               max(latency_ms) AS latency_ms_max
        FROM {source} GROUP BY city, channel"""
    sql = {
        "csv_to_parquet": copied,
        "csv_to_ndjson": copied,
        "ndjson_derive": f"""
            SELECT id, user_id, country || '-' || channel AS segment, upper(product) AS product,
                   price * quantity AS gross, total - tax AS net, quantity * 2 AS doubled,
                   latency_ms >= 500 AS slow, created
            FROM {source} WHERE is_member AND status_code < 400""",
        "csv_group": grouped,
        "csv_group_all": grouped,
    }[job]
    ending = JOBS[job]["output"]
    how = "FORMAT parquet, COMPRESSION snappy" if ending == "parquet" else "FORMAT json"
    db.execute(f"COPY ({sql}) TO '{os.path.join(out, 'part.' + ending)}' ({how})")


def polars_job(job, data, out, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    if job == "nothing":
        return
    types = {
        "BIGINT": pl.Int64,
        "INTEGER": pl.Int32,
        "DOUBLE": pl.Float64,
        "BOOLEAN": pl.Boolean,
        "VARCHAR": pl.String,
        "TIMESTAMP": pl.String,
    }
    schema = {name: types[kind] for name, kind in COLUMNS.items()}
    path = os.path.join(data, JOBS[job]["input"])
    scan = pl.scan_csv(path, schema=schema) if path.endswith(".csv") else pl.scan_ndjson(path, schema=schema)
    created = pl.col("created").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us").alias("created")
    if job in ("csv_to_parquet", "csv_to_ndjson"):
        plan = scan.with_columns(created)
    elif job == "ndjson_derive":
        plan = scan.filter(pl.col("is_member") & (pl.col("status_code") < 400)).select(
            "id",
            "user_id",
            (pl.col("country") + "-" + pl.col("channel")).alias("segment"),
            pl.col("product").str.to_uppercase().alias("product"),
            (pl.col("price") * pl.col("quantity")).alias("gross"),
            (pl.col("total") - pl.col("tax")).alias("net"),
            (pl.col("quantity") * 2).alias("doubled"),
            (pl.col("latency_ms") >= 500).alias("slow"),
            created,
        )
    else:
        plan = scan.group_by("city", "channel").agg(
            pl.len().alias("events"),
            pl.col("quantity").sum().alias("items"),
            pl.col("total").sum().alias("total"),
            pl.col("latency_ms").max().alias("latency_ms_max"),
        )
    path = os.path.join(out, "part." + JOBS[job]["output"])
    if path.endswith(".parquet"):
        plan.sink_parquet(path, compression="snappy", maintain_order=False)
    else:
        plan.sink_ndjson(path, maintain_order=False)


if __name__ == "__main__":
    engine, job, data, out, threads = sys.argv[1:6]
    {"duckdb": duckdb_job, "polars": polars_job}[engine](job, data, out, int(threads))
