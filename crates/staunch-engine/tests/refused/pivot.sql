SELECT id FROM clicks PIVOT (sum(n) FOR page IN ('a'))
--- ST0022 1:23 `PIVOT` is not implemented yet | aggregate a CASE for each column: sum(CASE WHEN k = 'a' THEN n END) AS a
---     SELECT id FROM clicks PIVOT (sum(n) FOR page IN ('a'))
---                           ^^^^^
