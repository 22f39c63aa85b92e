SELECT id FROM clicks PREWHERE n > 1
--- ST0022 1:23 `PREWHERE` is not implemented yet | write the condition in `WHERE`
---     SELECT id FROM clicks PREWHERE n > 1
---                           ^^^^^^^^
