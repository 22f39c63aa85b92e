SELECT id FROM clicks ORDER BY sum(n) OVER w
--- ST0021 1:44 there is no window `w` | define it in the same SELECT, before it is named: WINDOW name AS (...)
---     SELECT id FROM clicks ORDER BY sum(n) OVER w
---                                                ^
