SELECT 'FOR UPDATE' AS a, -- FOR UPDATE
 id FROM clicks
 FOR UPDATE
--- ST0022 3:2 a lock of rows (`FOR UPDATE`, `FOR SHARE`) is not implemented yet | remove it: what a stage reads does not change while it runs
---      FOR UPDATE
---      ^^^^^^^^^^
