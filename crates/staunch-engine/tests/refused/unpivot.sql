SELECT id FROM clicks UNPIVOT (v FOR k IN (n, id))
--- ST0022 1:23 `UNPIVOT` is not implemented yet | write a UNION ALL with one SELECT for each column
---     SELECT id FROM clicks UNPIVOT (v FOR k IN (n, id))
---                           ^^^^^^^
