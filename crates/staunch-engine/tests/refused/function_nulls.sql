SELECT id, abs(n) IGNORE NULLS AS a FROM clicks
--- ST0022 1:12 `DISTINCT`, `ORDER BY`, `FILTER`, `OVER`, `WITHIN GROUP` or `IGNORE NULLS` of a function that looks at one row is not implemented yet | remove it: it is for aggregates and window functions
---     SELECT id, abs(n) IGNORE NULLS AS a FROM clicks
---                ^^^
