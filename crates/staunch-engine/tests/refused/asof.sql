SELECT c.id FROM clicks c ASOF JOIN pages p MATCH_CONDITION (c.n >= p.n) ON c.page = p.page
--- ST0022 1:27 `ASOF JOIN` is not implemented yet | join by a range, and keep the nearest row with row_number() OVER (...)
---     SELECT c.id FROM clicks c ASOF JOIN pages p MATCH_CONDITION (c.n >= p.n) ON c.page = p.page
---                               ^^^^
