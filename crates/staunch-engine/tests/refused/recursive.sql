WITH RECURSIVE c AS (SELECT 1 AS n FROM clicks UNION ALL SELECT n + 1 FROM c) SELECT n FROM c
--- ST0022 1:6 `WITH RECURSIVE` is not implemented yet | remove RECURSIVE if no query names itself; else join as many levels as there are
---     WITH RECURSIVE c AS (SELECT 1 AS n FROM clicks UNION ALL SELECT n + 1 FROM c) SELECT n FROM c
---          ^^^^^^^^^
