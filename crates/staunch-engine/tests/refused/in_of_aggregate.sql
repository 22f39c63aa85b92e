SELECT sum(CASE WHEN n IN (SELECT n FROM pages) THEN 1 ELSE 0 END) AS s FROM clicks
--- ST0022 1:1 `IN (SELECT ...)` or `EXISTS` outside of a `WHERE` or `HAVING` is not implemented yet | join the subquery with LEFT JOIN, each key once (SELECT DISTINCT), and ask whether its column IS NOT NULL
---     SELECT sum(CASE WHEN n IN (SELECT n FROM pages) THEN 1 ELSE 0 END) AS s FROM clicks
---     ^
