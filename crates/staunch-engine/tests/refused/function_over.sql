SELECT id, max(n) OVER (ORDER BY id) AS m, abs(n) OVER (PARTITION BY page) AS a FROM clicks
--- ST0022 1:44 `DISTINCT`, `ORDER BY`, `FILTER`, `OVER`, `WITHIN GROUP` or `IGNORE NULLS` of a function that looks at one row is not implemented yet | remove it: it is for aggregates and window functions
---     SELECT id, max(n) OVER (ORDER BY id) AS m, abs(n) OVER (PARTITION BY page) AS a FROM clicks
---                                                ^^^
