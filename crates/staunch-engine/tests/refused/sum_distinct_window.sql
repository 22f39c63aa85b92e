SELECT id, sum(DISTINCT n) OVER (PARTITION BY page) AS s FROM clicks
--- ST0022 1:12 `sum(DISTINCT ...)` of whole numbers and decimals is not implemented yet | sum a subquery: SELECT sum(x) FROM (SELECT DISTINCT x FROM ...)
---     SELECT id, sum(DISTINCT n) OVER (PARTITION BY page) AS s FROM clicks
---                ^^^^^^^^^^^^
