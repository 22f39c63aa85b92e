SELECT id FROM clicks WHERE page NOT SIMILAR TO 'a'
--- ST0022 1:38 `SIMILAR TO` is not implemented yet | write LIKE, or a regular expression: s ~ '^(x|y).*$'
---     SELECT id FROM clicks WHERE page NOT SIMILAR TO 'a'
---                                          ^^^^^^^^^^
