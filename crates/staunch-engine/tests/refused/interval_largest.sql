SELECT page, max(at - TIMESTAMP '2024-01-01' + INTERVAL '1 day') > INTERVAL '1 day' AS late FROM clicks GROUP BY page
--- ST0022 1:1 sorting, grouping or joining by an interval, or taking the largest, is not implemented yet | intervals can be compared; sort, group and join by a number: extract(epoch FROM t1 - t0)
---     SELECT page, max(at - TIMESTAMP '2024-01-01' + INTERVAL '1 day') > INTERVAL '1 day' AS late FROM clicks GROUP BY page
---     ^
