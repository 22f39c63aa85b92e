SELECT CAST(70000 AS SMALLINT) AS x FROM clicks
--- ST0021 1:13 `70000` cannot be cast to SMALLINT | write a number, or use TRY_CAST where null is meant
---     SELECT CAST(70000 AS SMALLINT) AS x FROM clicks
---                 ^^^^^
