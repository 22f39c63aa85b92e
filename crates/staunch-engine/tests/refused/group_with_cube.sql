SELECT page, count(*) AS n FROM clicks GROUP BY page WITH CUBE
--- ST0022 1:54 a modifier of `GROUP BY` with `WITH` is not implemented yet | write GROUP BY ROLLUP (a, b), CUBE (a, b) or GROUPING SETS
---     SELECT page, count(*) AS n FROM clicks GROUP BY page WITH CUBE
---                                                          ^^^^^^^^^
