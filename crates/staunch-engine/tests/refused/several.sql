SELECT n << 3 AS s,
  page COLLATE "de" AS x
FROM clicks TABLESAMPLE (10 PERCENT)
--- ST0022 1:10 `<<` is not implemented yet | multiply by the power of two: `n * 8` for `n << 3`; what does not fit is then an error
---     SELECT n << 3 AS s,
---              ^^
--- ST0022 2:8 `COLLATE` is not implemented yet | remove it: text is compared byte by byte; compare lower(column) to pass over case
---       page COLLATE "de" AS x
---            ^^^^^^^
--- ST0022 3:13 `TABLESAMPLE` is not implemented yet | filter by a column: WHERE id % 100 = 0
---     FROM clicks TABLESAMPLE (10 PERCENT)
---                 ^^^^^^^^^^^
