SELECT id FROM clicks AT(TIMESTAMP => '2024-01-01')
--- ST0020 1:36 expected: ), found: => | mend the SQL at this place
---     SELECT id FROM clicks AT(TIMESTAMP => '2024-01-01')
---                                        ^
