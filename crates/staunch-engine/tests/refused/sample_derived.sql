SELECT x.id FROM (SELECT id FROM clicks) x TABLESAMPLE (10 PERCENT)
--- ST0022 1:44 `TABLESAMPLE` is not implemented yet | filter by a column: WHERE id % 100 = 0
---     SELECT x.id FROM (SELECT id FROM clicks) x TABLESAMPLE (10 PERCENT)
---                                                ^^^^^^^^^^^
