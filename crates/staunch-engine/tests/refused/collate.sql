SELECT page COLLATE "de" AS x FROM clicks
--- ST0022 1:13 `COLLATE` is not implemented yet | remove it: text is compared byte by byte; compare lower(column) to pass over case
---     SELECT page COLLATE "de" AS x FROM clicks
---                 ^^^^^^^
