SELECT id FROM clicks FOR JSON AUTO
--- ST0022 1:23 `FOR XML`, `FOR JSON` or `FOR BROWSE` is not implemented yet | remove it
---     SELECT id FROM clicks FOR JSON AUTO
---                           ^^^
