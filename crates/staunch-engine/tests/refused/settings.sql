SELECT id FROM clicks SETTINGS a = 1
--- ST0022 1:23 `SETTINGS` is not implemented yet | remove it
---     SELECT id FROM clicks SETTINGS a = 1
---                           ^^^^^^^^
