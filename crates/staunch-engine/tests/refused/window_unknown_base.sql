SELECT id, sum(n) OVER (pagee ORDER BY id) AS s FROM clicks WINDOW pages AS (PARTITION BY page)
--- ST0021 1:25 there is no window `pagee` | did you mean `pages`?
---     SELECT id, sum(n) OVER (pagee ORDER BY id) AS s FROM clicks WINDOW pages AS (PARTITION BY page)
---                             ^^^^^
