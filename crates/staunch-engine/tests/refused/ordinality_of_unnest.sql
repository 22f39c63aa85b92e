SELECT id, u.x FROM clicks, UNNEST([1, 2]) WITH ORDINALITY AS u(x, i)
--- ST0022 1:44 `WITH ORDINALITY` or `WITH OFFSET` is not implemented yet | number the rows with row_number() OVER (ORDER BY ...)
---     SELECT id, u.x FROM clicks, UNNEST([1, 2]) WITH ORDINALITY AS u(x, i)
---                                                ^^^^^^^^^^^^^^^
