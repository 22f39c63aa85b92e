SELECT AS STRUCT id FROM clicks
--- ST0020 1:18 expected: end of statement, found: id | mend the SQL at this place
---     SELECT AS STRUCT id FROM clicks
---                      ^
