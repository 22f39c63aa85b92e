SELECT id, lag(DISTINCT n) OVER (ORDER BY id) AS a FROM clicks
--- ST0022 1:12 `DISTINCT` or `FILTER` of a window function that is not an aggregate is not implemented yet | remove it; choose the rows in a subquery, or with CASE in the argument
---     SELECT id, lag(DISTINCT n) OVER (ORDER BY id) AS a FROM clicks
---                ^^^
