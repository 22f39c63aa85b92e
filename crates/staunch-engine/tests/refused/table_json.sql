SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (x INT PATH '$')) AS t
--- ST0022 1:15 a table that an expression makes is not implemented yet | declare a read for the data and name it in FROM
---     SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (x INT PATH '$')) AS t
---                   ^^^^^^^^^^
