SELECT id, array(SELECT n FROM clicks) AS a FROM clicks
--- ST0022 1:12 a query in place of a function's arguments is not implemented yet | put it in brackets of its own; for a list write (SELECT array_agg(x ORDER BY x) FROM ...)
---     SELECT id, array(SELECT n FROM clicks) AS a FROM clicks
---                ^^^^^
