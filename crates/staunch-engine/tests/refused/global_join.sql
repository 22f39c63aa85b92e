SELECT c.id FROM clicks c GLOBAL JOIN pages p ON c.page = p.page
--- ST0022 1:27 `GLOBAL` before a join is not implemented yet | remove it
---     SELECT c.id FROM clicks c GLOBAL JOIN pages p ON c.page = p.page
---                               ^^^^^^
