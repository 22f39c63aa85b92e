SELECT id FROM clicks ORDER BY at - TIMESTAMP '2024-01-01' + INTERVAL '1 day' LIMIT 1
--- ST0022 1:1 sorting, grouping or joining by an interval, or taking the largest, is not implemented yet | intervals can be compared; sort, group and join by a number: extract(epoch FROM t1 - t0)
---     SELECT id FROM clicks ORDER BY at - TIMESTAMP '2024-01-01' + INTERVAL '1 day' LIMIT 1
---     ^
