SELECT CAST('maybe' AS BOOLEAN) AS x FROM clicks
--- ST0021 1:13 `'maybe'` cannot be cast to BOOLEAN | write TRUE or FALSE
---     SELECT CAST('maybe' AS BOOLEAN) AS x FROM clicks
---                 ^^^^^^^
