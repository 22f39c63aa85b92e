SELECT id FROM clicks WITH (NOLOCK)
--- ST0022 1:23 a hint for a table is not implemented yet | remove it
---     SELECT id FROM clicks WITH (NOLOCK)
---                           ^^^^^^
