"""The columns of the generated events and the jobs, as the peers see them."""

# name: DuckDB type, in the order of the file.
COLUMNS = {
    "id": "BIGINT",
    "user_id": "BIGINT",
    "session": "BIGINT",
    "account": "INTEGER",
    "quantity": "INTEGER",
    "status_code": "INTEGER",
    "latency_ms": "INTEGER",
    "price": "DOUBLE",
    "discount": "DOUBLE",
    "tax": "DOUBLE",
    "total": "DOUBLE",
    "score": "DOUBLE",
    "is_member": "BOOLEAN",
    "is_mobile": "BOOLEAN",
    "country": "VARCHAR",
    "city": "VARCHAR",
    "product": "VARCHAR",
    "channel": "VARCHAR",
    "note": "VARCHAR",
    "created": "TIMESTAMP",
}

# For every job: the input, the ending of the output, and how DuckDB brings any engine's output into one form to compare.
# Doubles that were only copied, or come from one operation, have the same bits everywhere. Sums of doubles depend on
# the order of the rows: they are of cents, so rounding to cents makes them equal again.
ALL_COLUMNS = {
    name: "epoch_us(created)" if name == "created" else f"CAST({name} AS {kind})" for name, kind in COLUMNS.items()
}
GROUPED = {
    "city": "CAST(city AS VARCHAR)",
    "channel": "CAST(channel AS VARCHAR)",
    "events": "CAST(events AS BIGINT)",
    "items": "CAST(items AS BIGINT)",
    "total": "round(CAST(total AS DOUBLE), 2)",
    "latency_ms_max": "CAST(latency_ms_max AS BIGINT)",
}

JOBS = {
    "csv_to_parquet": {"input": "events.csv", "output": "parquet", "canonical": ALL_COLUMNS},
    "csv_to_ndjson": {"input": "events.csv", "output": "ndjson", "canonical": ALL_COLUMNS},
    "ndjson_derive": {
        "input": "events.ndjson",
        "output": "parquet",
        "canonical": {
            "id": "CAST(id AS BIGINT)",
            "user_id": "CAST(user_id AS BIGINT)",
            "segment": "CAST(segment AS VARCHAR)",
            "product": "CAST(product AS VARCHAR)",
            "gross": "CAST(gross AS DOUBLE)",
            "net": "CAST(net AS DOUBLE)",
            "doubled": "CAST(doubled AS BIGINT)",
            "slow": "CAST(slow AS BOOLEAN)",
            "created": "epoch_us(created)",
        },
    },
    # The same question twice: Staunch checks the columns that it needs, or all of them.
    "csv_group": {"input": "events.csv", "output": "parquet", "canonical": GROUPED},
    "csv_group_all": {"input": "events.csv", "output": "parquet", "canonical": GROUPED},
}
