SELECT sum(DISTINCT CAST(n AS DECIMAL(9,2))) AS s FROM clicks
--- ST0022 1:8 `sum(DISTINCT ...)` of whole numbers and decimals is not implemented yet | sum a subquery: SELECT sum(x) FROM (SELECT DISTINCT x FROM ...)
---     SELECT sum(DISTINCT CAST(n AS DECIMAL(9,2))) AS s FROM clicks
---            ^^^^^^^^^^^^
