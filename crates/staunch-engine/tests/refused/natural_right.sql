SELECT page FROM clicks NATURAL RIGHT JOIN pages
--- ST0022 1:25 `USING` or `NATURAL` with a right or full join is not implemented yet | write ON a.k = b.k, and coalesce(a.k, b.k) AS k in the select list
---     SELECT page FROM clicks NATURAL RIGHT JOIN pages
---                             ^^^^^^^
