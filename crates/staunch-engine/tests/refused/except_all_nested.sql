SELECT id FROM clicks WHERE page IN ((SELECT page FROM clicks UNION SELECT page FROM pages) EXCEPT ALL SELECT 'x')
--- ST0022 1:93 `INTERSECT ALL` or `EXCEPT ALL` is not implemented yet | remove ALL if no row occurs twice; else number equal rows first: row_number() OVER (PARTITION BY all columns)
---     SELECT id FROM clicks WHERE page IN ((SELECT page FROM clicks UNION SELECT page FROM pages) EXCEPT ALL SELECT 'x')
---                                                                                                 ^^^^^^^^^^
