SELECT id FROM clicks FORMAT JSON
--- ST0022 1:23 `FORMAT` is not implemented yet | remove it
---     SELECT id FROM clicks FORMAT JSON
---                           ^^^^^^
