SELECT page FROM clicks RIGHT JOIN pages USING (page)
--- ST0022 1:42 `USING` or `NATURAL` with a right or full join is not implemented yet | write ON a.k = b.k, and coalesce(a.k, b.k) AS k in the select list
---     SELECT page FROM clicks RIGHT JOIN pages USING (page)
---                                              ^^^^^
