SELECT id FROM clicks WHERE coalesce((SELECT count(*) FROM pages WHERE pages.page = clicks.page GROUP BY pages.n), 0) = 0
--- ST0021 1:29 a GROUP BY clause in a scalar correlated subquery cannot contain non-correlated columns | mend the SQL of this stage
---     SELECT id FROM clicks WHERE coalesce((SELECT count(*) FROM pages WHERE pages.page = clicks.page GROUP BY pages.n), 0) = 0
---                                 ^
