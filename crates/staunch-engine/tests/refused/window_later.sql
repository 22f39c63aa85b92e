SELECT id, sum(n) OVER b AS s FROM clicks WINDOW b AS (a ORDER BY id), a AS (PARTITION BY page)
--- ST0021 1:56 there is no window `a` | define it in the same SELECT, before it is named: WINDOW name AS (...)
---     SELECT id, sum(n) OVER b AS s FROM clicks WINDOW b AS (a ORDER BY id), a AS (PARTITION BY page)
---                                                            ^
