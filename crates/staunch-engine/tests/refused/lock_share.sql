SELECT id FROM clicks FOR SHARE
--- ST0022 1:23 a lock of rows (`FOR UPDATE`, `FOR SHARE`) is not implemented yet | remove it: what a stage reads does not change while it runs
---     SELECT id FROM clicks FOR SHARE
---                           ^^^^^^^^^
