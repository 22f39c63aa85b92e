SELECT CAST(upper('x') AS INT) AS x FROM clicks
--- ST0021 1:1 a constant expression has no value: a value cannot be cast to the type that is wanted | mend the constant, or use TRY_CAST or NULLIF where null is meant
---     SELECT CAST(upper('x') AS INT) AS x FROM clicks
---     ^
