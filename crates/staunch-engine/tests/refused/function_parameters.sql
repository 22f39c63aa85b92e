SELECT page, approx_percentile_cont(0.5)(n) AS a FROM clicks GROUP BY page
--- ST0022 1:14 a function with two lists of arguments is not implemented yet | write all arguments in one list
---     SELECT page, approx_percentile_cont(0.5)(n) AS a FROM clicks GROUP BY page
---                  ^^^^^^^^^^^^^^^^^^^^^^
