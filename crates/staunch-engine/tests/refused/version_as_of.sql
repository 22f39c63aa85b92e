SELECT id FROM clicks VERSION AS OF 3
--- ST0020 1:31 expected: end of statement, found: AS | mend the SQL at this place
---     SELECT id FROM clicks VERSION AS OF 3
---                                   ^
