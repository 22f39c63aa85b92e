SELECT id FROM clicks WHERE page = 'a' AND n = 'a'
--- ST0021 1:48 `'a'` cannot be cast to INT | write a number, or use TRY_CAST where null is meant
---     SELECT id FROM clicks WHERE page = 'a' AND n = 'a'
---                                                    ^^^
