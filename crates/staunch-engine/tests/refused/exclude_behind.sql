SELECT c.*, n + 1 AS m EXCLUDE (id) FROM clicks c
--- ST0020 1:24 expected: end of statement, found: EXCLUDE | mend the SQL at this place
---     SELECT c.*, n + 1 AS m EXCLUDE (id) FROM clicks c
---                            ^
