SELECT * FROM OPENJSON('[1]') WITH (x INT '$.x')
--- ST0022 1:15 a table that an expression makes is not implemented yet | declare a read for the data and name it in FROM
---     SELECT * FROM OPENJSON('[1]') WITH (x INT '$.x')
---                   ^^^^^^^^
