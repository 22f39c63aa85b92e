SELECT id FROM clicks WHERE NULL NOT IN (SELECT n FROM pages)
--- ST0022 1:1 `NOT IN (SELECT ...)` of a constant is not implemented yet | write NOT EXISTS (SELECT 1 ... WHERE k = 5)
---     SELECT id FROM clicks WHERE NULL NOT IN (SELECT n FROM pages)
---     ^
