SELECT DATE 'x' AS x FROM clicks
--- ST0021 1:13 `'x'` cannot be cast to DATE | write a date: '2024-01-31', or use TRY_CAST where null is meant
---     SELECT DATE 'x' AS x FROM clicks
---                 ^^^
