SELECT c.id, l.t FROM clicks c, LATERAL (SELECT c.n + 1 AS t) l
--- ST0022 1:33 this `LATERAL` subquery is not implemented yet | write a join with a subquery that stands alone, grouped by the columns that are joined
---     SELECT c.id, l.t FROM clicks c, LATERAL (SELECT c.n + 1 AS t) l
---                                     ^^^^^^^
