SELECT id FROM clicks OUTER APPLY pages
--- ST0022 1:29 `APPLY` is not implemented yet | write a join
---     SELECT id FROM clicks OUTER APPLY pages
---                                 ^^^^^
