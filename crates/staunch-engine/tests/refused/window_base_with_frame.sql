SELECT id, sum(n) OVER (w) AS s FROM clicks WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
--- ST0021 1:25 the window `w` has a frame, so no other can be based on it | write OVER w without brackets, or leave the frame out of it
---     SELECT id, sum(n) OVER (w) AS s FROM clicks WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
---                             ^
