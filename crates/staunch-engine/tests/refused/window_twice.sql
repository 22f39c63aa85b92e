SELECT id, sum(n) OVER w AS s FROM clicks WINDOW w AS (PARTITION BY page), w AS (ORDER BY id)
--- ST0021 1:76 there are two windows `w` | give one of them another name
---     SELECT id, sum(n) OVER w AS s FROM clicks WINDOW w AS (PARTITION BY page), w AS (ORDER BY id)
---                                                                                ^
