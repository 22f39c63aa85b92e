SELECT id FROM clicks START WITH id = 1 CONNECT BY id = 2
--- ST0022 1:41 `CONNECT BY` is not implemented yet | join as many levels as there are
---     SELECT id FROM clicks START WITH id = 1 CONNECT BY id = 2
---                                             ^^^^^^^^^^
