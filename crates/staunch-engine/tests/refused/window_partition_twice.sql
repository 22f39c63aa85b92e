SELECT id, sum(n) OVER (w PARTITION BY n) AS s FROM clicks WINDOW w AS (PARTITION BY page)
--- ST0021 1:25 a window based on `w` has the partitions of `w` | write the whole window here, without the name
---     SELECT id, sum(n) OVER (w PARTITION BY n) AS s FROM clicks WINDOW w AS (PARTITION BY page)
---                             ^
