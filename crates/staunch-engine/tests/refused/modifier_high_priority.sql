SELECT HIGH_PRIORITY id FROM clicks
--- ST0021 1:8 there is no column `high_priority` | the columns are `id`, `page`, `at`, `n`
---     SELECT HIGH_PRIORITY id FROM clicks
---            ^^^^^^^^^^^^^
