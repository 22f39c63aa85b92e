SELECT id, EXISTS (SELECT 1 FROM pages) AS known FROM clicks
--- ST0022 1:1 `IN (SELECT ...)` or `EXISTS` outside of a `WHERE` or `HAVING` is not implemented yet | join the subquery with LEFT JOIN, each key once (SELECT DISTINCT), and ask whether its column IS NOT NULL
---     SELECT id, EXISTS (SELECT 1 FROM pages) AS known FROM clicks
---     ^
