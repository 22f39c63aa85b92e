SELECT id FROM clicks TIMESTAMP AS OF '2024-01-01'
--- ST0020 1:33 expected: end of statement, found: AS | mend the SQL at this place
---     SELECT id FROM clicks TIMESTAMP AS OF '2024-01-01'
---                                     ^
