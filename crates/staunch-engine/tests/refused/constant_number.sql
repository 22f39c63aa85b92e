SELECT id FROM clicks WHERE n = 'seven'
--- ST0021 1:33 `'seven'` cannot be cast to INT | write a number, or use TRY_CAST where null is meant
---     SELECT id FROM clicks WHERE n = 'seven'
---                                     ^^^^^^^
