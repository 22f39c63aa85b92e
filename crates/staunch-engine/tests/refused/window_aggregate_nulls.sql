SELECT id, sum(n) IGNORE NULLS OVER (ORDER BY id) AS a FROM clicks
--- ST0022 1:12 `IGNORE NULLS` or `RESPECT NULLS` of this function is not implemented yet | remove it: aggregates pass over nulls; lag, lead, first_value, last_value and nth_value can be told to
---     SELECT id, sum(n) IGNORE NULLS OVER (ORDER BY id) AS a FROM clicks
---                ^^^
