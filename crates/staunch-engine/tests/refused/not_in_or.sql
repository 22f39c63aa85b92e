SELECT id FROM clicks WHERE page NOT IN (SELECT page FROM pages) OR n > 1
--- ST0022 1:1 `IN (SELECT ...)` of what can be null, as a part of a condition is not implemented yet | let no value be null (WHERE k IS NOT NULL in the subquery; coalesce), write NOT EXISTS (SELECT 1 ... WHERE b.k = a.k), or make it a condition of its own
---     SELECT id FROM clicks WHERE page NOT IN (SELECT page FROM pages) OR n > 1
---     ^
