SELECT id, n ^ 2 AS m
FROM clicks
--- ST0022 1:14 `^` is not implemented yet | write power(a, b) for a power; for an exclusive or of bits, (a | b) - (a & b)
---     SELECT id, n ^ 2 AS m
---                  ^
