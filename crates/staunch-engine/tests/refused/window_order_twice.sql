SELECT id, sum(n) OVER (w ORDER BY n) AS s FROM clicks WINDOW w AS (ORDER BY id)
--- ST0021 1:25 the window `w` has an ORDER BY already | write the whole window here, without the name
---     SELECT id, sum(n) OVER (w ORDER BY n) AS s FROM clicks WINDOW w AS (ORDER BY id)
---                             ^
