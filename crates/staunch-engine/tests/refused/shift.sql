SELECT n << 3 AS s FROM clicks
--- ST0022 1:10 `<<` is not implemented yet | multiply by the power of two: `n * 8` for `n << 3`; what does not fit is then an error
---     SELECT n << 3 AS s FROM clicks
---              ^^
