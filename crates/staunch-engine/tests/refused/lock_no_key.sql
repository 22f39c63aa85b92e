SELECT id FROM clicks FOR NO KEY UPDATE
--- ST0020 1:27 expected: one of UPDATE or SHARE, found: NO | mend the SQL at this place
---     SELECT id FROM clicks FOR NO KEY UPDATE
---                               ^
