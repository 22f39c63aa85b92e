SELECT page FROM clicks INTERSECT ALL SELECT page FROM pages
--- ST0022 1:25 `INTERSECT ALL` or `EXCEPT ALL` is not implemented yet | remove ALL if no row occurs twice; else number equal rows first: row_number() OVER (PARTITION BY all columns)
---     SELECT page FROM clicks INTERSECT ALL SELECT page FROM pages
---                             ^^^^^^^^^^^^^
