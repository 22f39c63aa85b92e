SELECT * FROM clicks[0].a
--- ST0020 1:21 expected: end of statement, found: [ | mend the SQL at this place
---     SELECT * FROM clicks[0].a
---                         ^
