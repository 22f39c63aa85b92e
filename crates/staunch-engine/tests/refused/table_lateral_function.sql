SELECT id FROM clicks, LATERAL f(n) t
--- ST0022 1:24 a table that an expression makes is not implemented yet | declare a read for the data and name it in FROM
---     SELECT id FROM clicks, LATERAL f(n) t
---                            ^^^^^^^
