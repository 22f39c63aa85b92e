SELECT id FROM clicks WHERE MATCH (page) AGAINST ('x')
--- ST0022 1:1 this SQL is not implemented: `MatchAgainst` | write it in another way
---     SELECT id FROM clicks WHERE MATCH (page) AGAINST ('x')
---     ^
