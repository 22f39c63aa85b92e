SELECT id, (SELECT max(p.n) FROM pages p WHERE p.n < c.n) AS m FROM clicks c
--- ST0022 1:1 a subquery that refers to the query around it like this is not implemented yet | write a join with a subquery that stands alone, grouped by the columns that are joined
---     SELECT id, (SELECT max(p.n) FROM pages p WHERE p.n < c.n) AS m FROM clicks c
---     ^
