SELECT * FROM clicks MATCH_RECOGNIZE (ORDER BY id MEASURES A.id AS x PATTERN (A) DEFINE A AS n > 1)
--- ST0022 1:22 `MATCH_RECOGNIZE` is not implemented yet | use window functions: lag, lead, row_number
---     SELECT * FROM clicks MATCH_RECOGNIZE (ORDER BY id MEASURES A.id AS x PATTERN (A) DEFINE A AS n > 1)
---                          ^^^^^^^^^^^^^^^
