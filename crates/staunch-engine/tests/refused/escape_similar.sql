SELECT id FROM clicks WHERE page SIMILAR TO 'x!%' ESCAPE '!'
--- ST0022 1:34 `SIMILAR TO` is not implemented yet | write LIKE, or a regular expression: s ~ '^(x|y).*$'
---     SELECT id FROM clicks WHERE page SIMILAR TO 'x!%' ESCAPE '!'
---                                      ^^^^^^^^^^
