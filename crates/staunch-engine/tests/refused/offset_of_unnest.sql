SELECT id, u FROM clicks, UNNEST([1, 2]) AS u WITH OFFSET
--- ST0022 1:47 `WITH ORDINALITY` or `WITH OFFSET` is not implemented yet | number the rows with row_number() OVER (ORDER BY ...)
---     SELECT id, u FROM clicks, UNNEST([1, 2]) AS u WITH OFFSET
---                                                   ^^^^^^^^^^^
