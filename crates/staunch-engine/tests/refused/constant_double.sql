SELECT CAST('x' AS DOUBLE) AS x FROM clicks
--- ST0021 1:13 `'x'` cannot be cast to DOUBLE | write a number, or use TRY_CAST where null is meant
---     SELECT CAST('x' AS DOUBLE) AS x FROM clicks
---                 ^^^
