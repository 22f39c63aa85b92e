SELECT id FROM clicks CONNECT BY id = 2 START WITH id = 1
--- ST0022 1:23 `CONNECT BY` is not implemented yet | join as many levels as there are
---     SELECT id FROM clicks CONNECT BY id = 2 START WITH id = 1
---                           ^^^^^^^^^^
