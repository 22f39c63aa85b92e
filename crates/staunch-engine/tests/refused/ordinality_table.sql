SELECT id FROM clicks WITH ORDINALITY
--- ST0022 1:23 `WITH ORDINALITY` or `WITH OFFSET` is not implemented yet | number the rows with row_number() OVER (ORDER BY ...)
---     SELECT id FROM clicks WITH ORDINALITY
---                           ^^^^^^^^^^^^^^^
