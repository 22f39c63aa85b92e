SELECT id FROM clicks WHERE EXISTS (SELECT count(*) FROM pages WHERE pages.n = clicks.n)
--- ST0022 1:1 a subquery of `IN` or `EXISTS` that sums up without `GROUP BY` and refers to the query around it is not implemented yet | add GROUP BY by the columns that are compared with the query around it, or ask for rows: EXISTS (SELECT 1 ...)
---     SELECT id FROM clicks WHERE EXISTS (SELECT count(*) FROM pages WHERE pages.n = clicks.n)
---     ^
