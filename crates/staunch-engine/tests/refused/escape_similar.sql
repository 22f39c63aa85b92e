SELECT id FROM clicks WHERE page SIMILAR TO 'x!%' ESCAPE '!'
--- ST0022 1:51 `ESCAPE` with anything but `LIKE`, a constant pattern that it does not end, and one character is not implemented yet | write the pattern as a constant, or escape with a backslash, which needs no ESCAPE
---     SELECT id FROM clicks WHERE page SIMILAR TO 'x!%' ESCAPE '!'
---                                                       ^^^^^^
