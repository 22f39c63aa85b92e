SELECT id FROM clicks USE INDEX (a)
--- ST0020 1:27 expected: end of statement, found: INDEX | mend the SQL at this place
---     SELECT id FROM clicks USE INDEX (a)
---                               ^
