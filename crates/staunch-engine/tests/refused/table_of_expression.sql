SELECT id FROM clicks, TABLE(f(1))
--- ST0022 1:24 a table that an expression makes is not implemented yet | declare a read for the data and name it in FROM
---     SELECT id FROM clicks, TABLE(f(1))
---                            ^^^^^^
