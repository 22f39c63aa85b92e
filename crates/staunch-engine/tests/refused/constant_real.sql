SELECT CAST('x' AS REAL) AS x FROM clicks
--- ST0021 1:13 `'x'` cannot be cast to REAL | write a number, or use TRY_CAST where null is meant
---     SELECT CAST('x' AS REAL) AS x FROM clicks
---                 ^^^
