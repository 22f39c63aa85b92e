SELECT AS VALUE id FROM clicks
--- ST0020 1:17 expected: end of statement, found: id | mend the SQL at this place
---     SELECT AS VALUE id FROM clicks
---                     ^
