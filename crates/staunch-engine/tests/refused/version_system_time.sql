SELECT id FROM clicks FOR SYSTEM_TIME AS OF '2024-01-01'
--- ST0020 1:27 expected: one of UPDATE or SHARE, found: SYSTEM_TIME | mend the SQL at this place
---     SELECT id FROM clicks FOR SYSTEM_TIME AS OF '2024-01-01'
---                               ^
