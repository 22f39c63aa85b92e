SELECT STRAIGHT_JOIN id FROM clicks
--- ST0021 1:8 there is no column `straight_join` | the columns are `id`, `page`, `at`, `n`
---     SELECT STRAIGHT_JOIN id FROM clicks
---            ^^^^^^^^^^^^^
