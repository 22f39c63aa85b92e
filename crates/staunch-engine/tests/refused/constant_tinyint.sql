SELECT CAST(300 AS TINYINT) AS x FROM clicks
--- ST0021 1:13 `300` cannot be cast to TINYINT | write a number, or use TRY_CAST where null is meant
---     SELECT CAST(300 AS TINYINT) AS x FROM clicks
---                 ^^^
