SELECT TIME 'x' AS x FROM clicks
--- ST0021 1:13 `'x'` cannot be cast to TIME | write a time: '12:00:00', or use TRY_CAST where null is meant
---     SELECT TIME 'x' AS x FROM clicks
---                 ^^^
