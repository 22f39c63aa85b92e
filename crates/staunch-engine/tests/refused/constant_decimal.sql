SELECT CAST('x' AS DECIMAL(9, 2)) AS x FROM clicks
--- ST0021 1:13 `'x'` cannot be cast to DECIMAL(9, 2) | write a number, or use TRY_CAST where null is meant
---     SELECT CAST('x' AS DECIMAL(9, 2)) AS x FROM clicks
---                 ^^^
