SELECT SQL_NO_CACHE id FROM clicks
--- ST0021 1:8 there is no column `sql_no_cache` | the columns are `id`, `page`, `at`, `n`
---     SELECT SQL_NO_CACHE id FROM clicks
---            ^^^^^^^^^^^^
