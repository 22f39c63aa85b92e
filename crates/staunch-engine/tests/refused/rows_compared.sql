SELECT id FROM clicks WHERE (page, n) <> ('a', 1)
--- ST0022 1:1 the comparison of rows or records is not implemented yet | compare column by column: a < c OR (a = c AND b < d)
---     SELECT id FROM clicks WHERE (page, n) <> ('a', 1)
---     ^
