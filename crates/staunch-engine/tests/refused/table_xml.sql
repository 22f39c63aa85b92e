SELECT * FROM XMLTABLE('/a' PASSING page COLUMNS x INT PATH 'x')
--- ST0022 1:15 a table that an expression makes is not implemented yet | declare a read for the data and name it in FROM
---     SELECT * FROM XMLTABLE('/a' PASSING page COLUMNS x INT PATH 'x')
---                   ^^^^^^^^
