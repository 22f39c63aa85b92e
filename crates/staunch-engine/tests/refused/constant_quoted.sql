SELECT id FROM clicks WHERE n = 'O''x'
--- ST0021 1:33 `'O''x'` cannot be cast to INT | write a number, or use TRY_CAST where null is meant
---     SELECT id FROM clicks WHERE n = 'O''x'
---                                     ^^^^^^
