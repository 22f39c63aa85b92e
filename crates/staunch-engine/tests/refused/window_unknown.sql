SELECT id, sum(n) OVER w AS s FROM clicks
--- ST0021 1:24 there is no window `w` | define it in the same SELECT, before it is named: WINDOW name AS (...)
---     SELECT id, sum(n) OVER w AS s FROM clicks
---                            ^
