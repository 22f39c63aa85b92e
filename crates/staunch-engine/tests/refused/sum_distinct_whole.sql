SELECT page, sum(DISTINCT n) AS s FROM clicks GROUP BY page
--- ST0022 1:14 `sum(DISTINCT ...)` of whole numbers and decimals is not implemented yet | sum a subquery: SELECT sum(x) FROM (SELECT DISTINCT x FROM ...)
---     SELECT page, sum(DISTINCT n) AS s FROM clicks GROUP BY page
---                  ^^^^^^^^^^^^
