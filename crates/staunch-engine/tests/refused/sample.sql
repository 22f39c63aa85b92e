SELECT id FROM clicks TABLESAMPLE (10 PERCENT)
--- ST0022 1:23 `TABLESAMPLE` is not implemented yet | filter by a column: WHERE id % 100 = 0
---     SELECT id FROM clicks TABLESAMPLE (10 PERCENT)
---                           ^^^^^^^^^^^
