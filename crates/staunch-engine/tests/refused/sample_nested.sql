SELECT x.id FROM (SELECT id FROM clicks TABLESAMPLE (10 PERCENT)) x
--- ST0022 1:41 `TABLESAMPLE` is not implemented yet | filter by a column: WHERE id % 100 = 0
---     SELECT x.id FROM (SELECT id FROM clicks TABLESAMPLE (10 PERCENT)) x
---                                             ^^^^^^^^^^^
