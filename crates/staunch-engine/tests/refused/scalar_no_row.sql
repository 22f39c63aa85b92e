SELECT id FROM clicks WHERE (SELECT count(*) FROM pages HAVING count(*) > 9) IS NULL
--- ST0022 1:1 a subquery that can have no row, of a count or a constant is not implemented yet | take max(...) without GROUP BY and HAVING, which always has a row, or join the subquery with LEFT JOIN
---     SELECT id FROM clicks WHERE (SELECT count(*) FROM pages HAVING count(*) > 9) IS NULL
---     ^
