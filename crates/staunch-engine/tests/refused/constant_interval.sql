SELECT at + CAST('x' AS INTERVAL) AS x FROM clicks
--- ST0021 1:18 `'x'` cannot be cast to INTERVAL | write one: INTERVAL '1 day'
---     SELECT at + CAST('x' AS INTERVAL) AS x FROM clicks
---                      ^^^
