SELECT id FROM clicks WHERE page NOT IN (SELECT pages.page FROM pages WHERE pages.n = clicks.n)
--- ST0022 1:1 `NOT IN` with a subquery that refers to the query around it is not implemented yet | write NOT EXISTS (SELECT 1 ... WHERE b.k = a.k AND ...)
---     SELECT id FROM clicks WHERE page NOT IN (SELECT pages.page FROM pages WHERE pages.n = clicks.n)
---     ^
