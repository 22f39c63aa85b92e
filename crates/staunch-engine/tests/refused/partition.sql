SELECT id FROM clicks PARTITION (p0)
--- ST0022 1:23 `PARTITION` of a table is not implemented yet | filter in `WHERE`
---     SELECT id FROM clicks PARTITION (p0)
---                           ^^^^^^^^^
